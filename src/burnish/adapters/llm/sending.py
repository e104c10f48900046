"""Requests whose body goes out at once, as aiohttp sends them by itself from Python 3.12 on.

Before, it starts a task for the body, which runs a round of the event loop later: with many answers coming in that is
a millisecond a call.
"""

import sys
import types
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

import aiohttp

__all__ = ["request_class"]


def request_class() -> type[aiohttp.ClientRequest]:
    """What a session makes its requests of."""
    return aiohttp.ClientRequest if sys.version_info >= (3, 12) else _AtOnce


class _AtOnce(aiohttp.ClientRequest):
    def write_bytes(self, *given: Any, **named: Any) -> Coroutine[Any, Any, None]:
        """Write as far as it goes without waiting; what is left is for the task that aiohttp makes of the answer."""
        writing = super().write_bytes(*given, **named)
        try:
            waits_for = writing.send(None)
        except StopIteration:
            return _nothing()
        return _rest(writing, waits_for)


async def _nothing() -> None:
    """The body is out."""


async def _rest(writing: Coroutine[Any, Any, None], waits_for: Any) -> None:
    await _going_on(writing, waits_for)


@types.coroutine
def _going_on(writing: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """A coroutine that was begun already and waits: await it as if it began here."""
    while True:
        try:
            got = yield waits_for
        except BaseException as error:  # cancelled, or what it waits for failed: that is the coroutine's to handle
            step = partial(writing.throw, error)
        else:
            step = partial(writing.send, got)
        try:
            waits_for = step()
        except StopIteration:
            return
