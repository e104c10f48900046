"""The next page is asked for while the last one is worked on, so that mapping and storing cost no waiting time."""

from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

__all__ = ["one_ahead"]

T = TypeVar("T")


class _End:
    """Stands for the end of the pages."""


_END = _End()


def one_ahead(pages: Iterator[T]) -> Iterator[T]:
    """What `pages` yields, in order, each fetched in a thread while the caller has the one before.

    At most two pages are in memory. An exception comes once the pages before it were handed out. Who leaves early does
    not wait for the page that is under way.
    """
    coming = _asked(pages)
    while not isinstance(page := coming.result(), _End):
        coming = _asked(pages)
        yield page


def _asked(pages: Iterator[T]) -> "Future[T | _End]":
    coming: Future[T | _End] = Future()
    # A thread a page, not a pool: at exit Python would wait for a pool's thread, and that may wait for a server.
    Thread(target=_fetch, args=(pages, coming), daemon=True).start()
    return coming


def _fetch(pages: Iterator[T], coming: "Future[T | _End]") -> None:
    try:
        coming.set_result(next(pages, _END))
    except BaseException as error:  # the caller's to handle, whatever it is
        coming.set_exception(error)
