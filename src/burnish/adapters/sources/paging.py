"""Reading a store page by page: the next page is asked for while the last one is mapped, and a circle is noticed."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from burnish.adapters.sources.fields import Item
from burnish.adapters.sources.http import RefusedError
from burnish.errors import SourceError

__all__ = ["MISSING", "Page", "first_answering", "read_pages"]

MISSING = (404, 405, 501)  # what a server answers that does not have the endpoint, or not switched on


class Page(NamedTuple):
    """What one request answered, and how to ask for the next; `following` is None on the last page."""

    items: list[Item]
    following: str | None


def read_pages(fetch: Callable[[str | None], Page], what: str) -> Iterator[list[Item]]:
    """Yield the items of each page. `fetch` takes a page's `following`, None for the first page.

    Raises SourceError where a cursor comes a second time: the store would be read for ever. An empty page with a
    cursor is read on from: filters are applied after the page is cut.
    """
    seen: set[str] = set()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="burnish-pages") as ahead:
        page = fetch(None)
        while page.following is not None:
            if page.following in seen:
                raise SourceError(
                    f"{what} gave the cursor {page.following[:60]!r} twice: its pages go in a circle; "
                    "what came before is kept, and the window is asked for again next time"
                )
            seen.add(page.following)
            coming = ahead.submit(fetch, page.following)
            if page.items:
                yield page.items
            page = coming.result()
    if page.items:
        yield page.items


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
