"""How many requests an endpoint gets at once, whichever model of ours they belong to."""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

__all__ = ["Limiter", "shared_limiter"]

GAP_S = 0.001

_limiters: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Limiter]]" = weakref.WeakKeyDictionary()


def shared_limiter(url: str, limit: int) -> "Limiter":
    """The limiter of an endpoint in the running loop. The first caller's limit holds."""
    here = _limiters.setdefault(asyncio.get_running_loop(), {})
    limiter = here.get(url)
    if limiter is None:
        limiter = here[url] = Limiter(limit)
    return limiter


class Limiter:
    """At most `limit` requests at once, begun at least GAP_S apart.

    Without the gap, calls that began together come back together for ever: each round waits for the whole burst to
    be handled. Set a millisecond apart they overlap with each other's handling. No loop starts calls faster anyway.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._semaphore = asyncio.Semaphore(limit)
        self._clock = clock
        self._next = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a place and hold it while the block runs."""
        async with self._semaphore:
            now = self._clock()
            start = max(now, self._next)
            self._next = start + GAP_S
            if start > now:
                await asyncio.sleep(start - now)
            yield
