"""Pages that are fetched while the caller works."""

import threading
from collections.abc import Iterator

import pytest

from burnish.adapters.sources.prefetch import one_ahead


def test_the_next_page_is_fetched_while_the_caller_has_one() -> None:
    """The second page is made before the first is done with, the third is not: two are in memory at most."""
    made: list[int] = []
    second = threading.Event()

    def pages() -> Iterator[int]:
        for number in range(4):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    ahead = one_ahead(pages())
    assert next(ahead) == 0
    assert second.wait(10)
    assert 2 not in made
    assert list(ahead) == [1, 2, 3]


def test_an_error_comes_after_the_pages_before_it() -> None:
    """What was fetched is handed out first."""

    def pages() -> Iterator[str]:
        yield "kept"
        raise ValueError("broken")

    ahead = one_ahead(pages())
    assert next(ahead) == "kept"
    with pytest.raises(ValueError, match="broken"):
        next(ahead)
