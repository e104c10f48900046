"""Reading a store page by page: the next page is asked for while the last one is mapped, and a circle is noticed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from burnish.adapters.sources.fields import Item
from burnish.adapters.sources.http import RefusedError
from burnish.adapters.sources.prefetch import one_ahead
from burnish.errors import SourceError

__all__ = ["MISSING", "Cursors", "Page", "first_answering", "read_pages"]

T = TypeVar("T")

MISSING = (404, 405, 501)  # what a server answers that does not have the endpoint, or not switched on


class Page(NamedTuple, Generic[T]):
    """What one request answered, and how to ask for the next; `following` is None on the last page."""

    items: list[T]
    following: str | None


class Cursors:
    """The cursors that a store gave: one that comes a second time would have it read for ever."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._seen: set[str] = set()

    def take(self, cursor: str) -> str:
        """The cursor itself. Raises SourceError where it came before."""
        if cursor in self._seen:
            raise SourceError(
                f"{self._what} gave the cursor {cursor[:60]!r} twice: its pages go in a circle; "
                "what came before is kept, and the window is asked for again next time"
            )
        self._seen.add(cursor)
        return cursor


def read_pages(fetch: Callable[[str | None], Page[T]], what: str) -> Iterator[list[T]]:
    """Yield the items of each page. `fetch` takes a page's `following`, None for the first page.

    An empty page with a cursor is read on from: filters are applied after the page is cut. Raises SourceError where
    the pages go in a circle.
    """
    return one_ahead(_pages(fetch, Cursors(what)))


def _pages(fetch: Callable[[str | None], Page[T]], cursors: Cursors) -> Iterator[list[T]]:
    cursor: str | None = None
    while True:
        page = fetch(cursor)
        if page.items:
            yield page.items
        if page.following is None:
            return
        cursor = cursors.take(page.following)


def first_answering(
    versions: dict[str, int], question: str, asked: Sequence[tuple[int, Callable[[], Iterator[list[Item]]]]]
) -> Iterator[tuple[int, list[Item]]]:
    """The pages of the first version of an endpoint that the server has, each with the version's number.

    `versions` remembers by question what a connection found, so that it is decided once. Where the server has none
    of them, the refusal of the last is raised.
    """
    for place, (version, ask) in enumerate(asked):
        if versions.get(question, version) != version:
            continue
        pages = ask()
        try:
            first = next(pages, None)
        except RefusedError as error:
            if question in versions or error.status not in MISSING or place == len(asked) - 1:
                raise
            continue
        versions[question] = version
        if first is not None:
            yield version, first
            for items in pages:
                yield version, items
        return
