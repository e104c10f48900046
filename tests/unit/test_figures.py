"""How numbers are written."""

import pytest

from burnish.drivers.figures import money


@pytest.mark.parametrize(
    ("dollars", "written"),
    [(0, "$0"), (1.234, "$1.23"), (0.1, "$0.10"), (0.05, "$0.05"), (0.0018, "$0.0018"), (9e-6, "$0.000009")],
)
def test_small_amounts_are_written_out(dollars: float, written: str) -> None:
    """Two significant digits, and never an exponent."""
    assert written == money(dollars)
