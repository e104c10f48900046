"""The next page is asked for while the last one is worked on, so that mapping and storing cost no waiting time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["one_ahead"]

T = TypeVar("T")


class _End:
    """Stands for the end of the pages."""


_END = _End()


def one_ahead(pages: Iterator[T]) -> Iterator[T]:
    """What `pages` yields, in order, each fetched in one thread while the caller has the one before.

    At most two pages are in memory. An exception comes once the pages before it were handed out. Leaving early waits
    for the page that is under way.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pages") as thread:
        coming = thread.submit(next, pages, _END)
        while not isinstance(page := coming.result(), _End):
            coming = thread.submit(next, pages, _END)
            yield page
