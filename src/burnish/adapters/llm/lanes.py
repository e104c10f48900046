"""So many calls at once and no more, each place taken again at the moment it comes free."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

__all__ = ["Lanes"]

T = TypeVar("T")


class _Errand:
    def __init__(self, call: Callable[[], Awaitable[Any]]) -> None:
        self.call = call
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.lane: asyncio.Task[None] | None = None

    def give_up(self) -> None:
        if self.lane is not None:
            self.lane.cancel()


class Lanes:
    """At most `count` calls in flight, in the order they were asked for.

    A semaphore wakes whoever waits a round of the event loop after a place came free, and with many answers in a
    round much lies in between. Here the lane that has an answer begins the next call before it looks at anything else.
    Lanes are tasks that end when nothing waits. Calls run in the context of whoever opened their lane.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting: deque[_Errand] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._begun = 0

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()` once there is a place. Raises what it raises; cancelled, it is given up wherever it is."""
        errand = _Errand(call)
        self._waiting.append(errand)
        if len(self._lanes) < self._count:
            self._lanes.add(asyncio.create_task(self._serve()))
        try:
            result: T = await errand.done
        except asyncio.CancelledError:
            errand.give_up()
            raise
        return result

    async def quiet(self) -> None:
        """Wait for two rounds of the loop in which no call began: in one it is built, in the next its body goes out."""
        rounds = 0
        while rounds < 2:
            before = self._begun
            await asyncio.sleep(0)
            rounds = rounds + 1 if self._begun == before else 0

    async def _serve(self) -> None:
        this = asyncio.current_task()
        assert this is not None
        errand: _Errand | None = None
        try:
            while self._waiting:
                errand = self._waiting.popleft()
                if errand.done.done():
                    continue  # given up before its turn came
                self._begun += 1
                errand.lane = this
                try:
                    answer = await errand.call()
                except asyncio.CancelledError:
                    if not errand.done.cancelled():
                        raise  # it is the loop that ends
                    this.uncancel()
                except Exception as error:
                    if not errand.done.done():
                        errand.done.set_exception(error)
                else:
                    if not errand.done.done():
                        errand.done.set_result(answer)
                errand.lane = None
        finally:
            self._lanes.discard(this)
            if errand is not None and not errand.done.done():
                errand.done.cancel()
