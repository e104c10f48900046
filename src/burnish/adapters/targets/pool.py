"""At most so many agent processes at work at once, kept between runs and shared by the versions under test."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from burnish.adapters.targets.process import AgentProcess
from burnish.domain.experiments import AgentVersion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["ProcessPool"]

IDLE_AT_LEAST = 8

Starter = Callable[[AgentVersion], Awaitable[AgentProcess]]


class ProcessPool:
    """Processes by version. `limit` bounds the runs at once; as many again wait idle, and eight at least.

    Versions under test take turns: with fewer processes than versions each turn would start one anew. The longest idle
    goes first.

    To be used inside one event loop.
    """

    def __init__(self, limit: int, start: Starter) -> None:
        self._limit = limit
        self._start = start
        self._turn = asyncio.Semaphore(limit)
        self._idle: dict[str, list[AgentProcess]] = {}
        self._busy: set[AgentProcess] = set()

    @asynccontextmanager
    async def process(self, version: AgentVersion) -> "AsyncIterator[AgentProcess]":
        """Lend a process of this version. One that leaves the block by an exception is killed: its state is unknown."""
        async with self._turn:
            process = await self._take(version)
            self._busy.add(process)
            try:
                yield process
            except BaseException:
                await asyncio.shield(process.kill())
                raise
            else:
                process.trim()
                process.used_at = asyncio.get_running_loop().time()
                self._idle.setdefault(version.id, []).append(process)
                await self._evict()
            finally:
                self._busy.discard(process)

    async def aclose(self) -> None:
        """Kill every process."""
        idle = [process for group in self._idle.values() for process in group]
        self._idle.clear()
        await asyncio.gather(*(process.kill() for process in [*idle, *self._busy]))
        self._busy.clear()

    async def _take(self, version: AgentVersion) -> AgentProcess:
        idle = self._idle.get(version.id, [])
        while idle:
            process = idle.pop()
            if process.alive:
                return process
            await process.kill()
        return await self._start(version)

    async def _evict(self) -> None:
        while sum(map(len, self._idle.values())) > max(2 * self._limit, IDLE_AT_LEAST):
            group = min((group for group in self._idle.values() if group), key=lambda group: group[0].used_at)
            await group.pop(0).kill()
