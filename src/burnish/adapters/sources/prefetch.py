"""Requests under way while the last answers are worked on, so that mapping and storing cost no waiting time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import NoReturn, TypeVar

__all__ = ["one_ahead", "several_ahead"]

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


def several_ahead(calls: Iterable[Callable[[], T]], most: int) -> Iterator[T]:
    """What each of `calls` gives back, in order, `most` of them under way at a time, each in a thread.

    For requests that do not need each other's answers; a server of several workers then answers several at once, and
    one of one worker need not wait until an answer was read. At most one answer more than `most` is in memory. An
    exception, of a call or of `calls` itself, comes once what was asked before it was handed out.
    """
    left = iter(calls)
    under_way: deque[Future[T]] = deque()
    while True:
        while len(under_way) < most and (call := _following(left)) is not None:
            under_way.append(_begun(call))
        if not under_way:
            return
        answer = under_way.popleft().result()
        if (call := _following(left)) is not None:  # before the caller works on the answer
            under_way.append(_begun(call))
        yield answer


def _following(calls: Iterator[Callable[[], T]]) -> Callable[[], T] | None:
    try:
        return next(calls, None)
    except Exception as error:
        return partial(_fail, error)


def _fail(error: Exception) -> NoReturn:
    raise error


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
