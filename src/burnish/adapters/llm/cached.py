"""Answers already paid for are not paid for again: a content-addressed cache in front of a model."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burnish.domain.base import content_hash
from burnish.domain.chat import ChatModel, ChatReply, ChatRequest, ReplyCache
from burnish.errors import StoreError

__all__ = ["CachedModel"]

FLUSH_EVERY_S = 0.25

Entry = tuple[ChatRequest, str, ChatReply, Mapping[str, Any]]


@dataclass
class _Flight:
    key: str
    task: "asyncio.Task[ChatReply]"
    passengers: int = 0


class CachedModel:
    """A model with its answers kept by content.

    The key holds the endpoint and the model's name besides the question. Equal questions asked at the same time are
    asked once: the others get the same answer, or the same error. Answers are written in bulk from a thread, at most
    a quarter second late; `aclose` writes the rest. Belongs to one event loop.
    """

    def __init__(self, inner: ChatModel, cache: ReplyCache, *, identity: str, meta: Mapping[str, Any]) -> None:
        self._inner = inner
        self._cache = cache
        self._identity = content_hash(identity, inner.name)
        self._meta = dict(meta)
        self._flights: dict[str, _Flight] = {}
        self._waiting: dict[str, Entry] = {}
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self.name = inner.name
        self.strong = inner.strong

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer from the cache, from an equal call in flight, or from the model. Raises what the model raises."""
        kept = request.model_copy(update={"salt": f"{self._identity}/{request.salt}"})
        key = kept.key
        if key in self._flights:
            return _free(await self._ride(self._flights[key]))
        if key in self._waiting:
            return _free(self._waiting[key][2])
        known = self._cache.get(key)
        if known is not None:
            return _free(known)
        flight = self._flights[key] = _Flight(key, asyncio.create_task(self._pay(request, kept, key)))
        flight.task.add_done_callback(lambda _: self._land(flight))
        return await self._ride(flight)

    async def aclose(self) -> None:
        """Write what is waiting. Raises StoreError where the store does not take it."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._write()

    async def _pay(self, request: ChatRequest, kept: ChatRequest, key: str) -> ChatReply:
        reply = await self._inner.complete(request)
        self._waiting[key] = (kept, request.model or self.name, reply, self._meta)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())
        return reply

    async def _ride(self, flight: _Flight) -> ChatReply:
        """Wait for the answer; the call is given up only when the last one who waits for it is cancelled."""
        flight.passengers += 1
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if flight.passengers == 1:
                self._land(flight)  # at once: who asks while the call is still ending must not be cancelled with it
                flight.task.cancel()
            raise
        finally:
            flight.passengers -= 1

    def _land(self, flight: _Flight) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(FLUSH_EVERY_S)
            with contextlib.suppress(StoreError):  # what was not written waits for the next time, at last for aclose
                await asyncio.shield(self._write())

    async def _write(self) -> None:
        async with self._writing:  # a write under way has not dropped its entries yet: they must not be booked twice
            entries = dict(self._waiting)
            if entries:
                await asyncio.to_thread(self._cache.put_many, list(entries.values()))
                for key in entries:
                    self._waiting.pop(key, None)


def _free(reply: ChatReply) -> ChatReply:
    return reply.model_copy(update={"cached": True})
