"""Pages that are fetched while the caller works."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from burnish.adapters.sources.prefetch import one_ahead, several_ahead


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


def test_several_calls_are_under_way_at_once_and_no_more() -> None:
    """Two wait for each other, the third begins when the first is handed out, and answers come in order."""
    both = threading.Barrier(2, timeout=10)
    begun: list[int] = []
    third = threading.Event()

    def call(number: int) -> int:
        begun.append(number)
        if number < 2:
            both.wait()
        if number == 2:
            third.set()
        return number

    answers = several_ahead((partial(call, number) for number in range(4)), 2)
    assert next(answers) == 0
    assert third.wait(10)
    assert 3 not in begun
    assert list(answers) == [1, 2, 3]


@pytest.mark.parametrize("where", ["call", "calls"])
def test_an_error_of_several_comes_after_the_answers_before_it(where: str) -> None:
    """Whether a call fails or the next call cannot be named."""

    def fail() -> str:
        raise ValueError("broken")

    def calls() -> Iterator[Callable[[], str]]:
        yield lambda: "kept"
        yield lambda: "kept too"
        if where == "calls":
            fail()
        yield fail

    answers = several_ahead(calls(), 2)
    assert [next(answers), next(answers)] == ["kept", "kept too"]
    with pytest.raises(ValueError, match="broken"):
        next(answers)
