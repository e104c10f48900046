"""JSON from strangers, parsed."""

import gc

import pytest

from burnish.adapters.sources.jsontext import parse_json


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("text", ["[1]", f'["{"a" * 100_000}"]', f'["{"a" * 100_000}";'])
def test_the_garbage_collector_is_left_as_it_was(text: str, on: bool) -> None:
    """Parsing a large text stops it for as long as that takes, also where the text is no JSON."""
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        if text.endswith("]"):
            assert isinstance(parse_json(text), list)
        else:
            with pytest.raises(ValueError, match=r"JSON|delimiter"):
                parse_json(text)
        assert gc.isenabled() is on
    finally:
        (gc.enable if before else gc.disable)()
