"""Requests under way while the last answers are worked on, so that mapping and storing cost no waiting time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
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
    coming = _begun(partial(next, pages, _END))
    while not isinstance(page := coming.result(), _End):
        coming = _begun(partial(next, pages, _END))
        yield page


def _begun(call: Callable[[], T]) -> "Future[T]":
    coming: Future[T] = Future()
    # A thread a call, not a pool: at exit Python would wait for a pool's thread, and that may wait for a server.
    Thread(target=_carry_out, args=(call, coming), daemon=True).start()
    return coming


def _carry_out(call: Callable[[], T], coming: "Future[T]") -> None:
    try:
        coming.set_result(call())
    except BaseException as error:  # the caller's to handle, whatever it is
        coming.set_exception(error)
