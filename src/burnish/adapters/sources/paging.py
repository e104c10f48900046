"""Reading a store page by page: the next page is asked for while the last one is mapped, and a circle is noticed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from burnish.adapters.sources.fields import Item
from burnish.errors import SourceError

__all__ = ["Page", "read_pages"]


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
