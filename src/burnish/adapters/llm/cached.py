"""Answers already paid for are not paid for again: a content-addressed cache in front of a model."""

import asyncio
import contextlib
from dataclasses import dataclass

from burnish.domain.base import content_hash
from burnish.domain.chat import ChatModel, ChatReply, ChatRequest, PaidReply, ReplyCache
from burnish.errors import StoreError

__all__ = ["CachedModel"]

FLUSH_EVERY_S = 0.25
LOOK_UP_EVERY_S = 0.01


@dataclass
class _Flight:
    key: str
    task: "asyncio.Task[ChatReply]"
    passengers: int = 0


class CachedModel:
    """A model with its answers kept by content.

    The key holds the endpoint and the model's name besides the question. Equal questions asked at the same time are
    asked once: the others get the same answer, or the same error. The store is looked into every ten milliseconds at
    most, for all the questions that came in between. Answers are written in bulk from a thread, at most a quarter
    second late; `aclose` writes the rest. Belongs to one event loop.
    """

    def __init__(self, inner: ChatModel, cache: ReplyCache, *, identity: str, night: str | None) -> None:
        self._inner = inner
        self._cache = cache
        self._identity = content_hash(identity, inner.name)
        self._night = night
        self._flights: dict[str, _Flight] = {}
        self._asked: dict[str, asyncio.Future[ChatReply | None]] = {}
        self._next_look = 0.0  # by the loop's clock
        self._waiting: dict[str, PaidReply] = {}
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self.name = inner.name
        self.strong = inner.strong

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer from the cache, from an equal call in flight, or from the model. Raises what the model raises."""
        # Naming the model that would answer anyway is the same question.
        named = None if request.model == self.name else request.model
        key = request.key_as(named, f"{self._identity}/{request.salt}")
        if key in self._flights:
            return _free(await self._ride(self._flights[key]))
        if key in self._waiting:
            return _free(self._waiting[key].reply)
        flight = self._flights[key] = _Flight(key, asyncio.create_task(self._fetch(request, key)))
        flight.task.add_done_callback(lambda _: self._land(flight))
        return await self._ride(flight)

    async def flush(self) -> None:
        """Write what is waiting now. Raises StoreError where the store does not take it; it waits on."""
        await self._write()

    async def aclose(self) -> None:
        """Write what is waiting. Raises StoreError where the store does not take it."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._write()

    async def _fetch(self, request: ChatRequest, key: str) -> ChatReply:
        known = await self._look_up(key)
        if known is not None:
            return _free(known)
        reply = await self._inner.complete(request)
        self._waiting[key] = PaidReply(key, reply, request.model or self.name, request.purpose, self._night)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())
        return reply

    def _look_up(self, key: str) -> "asyncio.Future[ChatReply | None]":
        """The stored answer or None, read together with whatever else is asked until the next look."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_at(max(self._next_look, loop.time()), self._read)
        found = self._asked[key] = loop.create_future()
        return found

    def _read(self) -> None:
        asked, self._asked = self._asked, {}
        self._next_look = asyncio.get_running_loop().time() + LOOK_UP_EVERY_S
        try:
            known = self._cache.get_many(list(asked))
        except Exception as error:  # told to everyone who waits
            for future in asked.values():
                if not future.done():
                    future.set_exception(error)
            return
        for key, future in asked.items():
            if not future.done():
                future.set_result(known.get(key))

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
            answers = dict(self._waiting)
            if answers:
                await asyncio.to_thread(self._cache.put_many, list(answers.values()))
                for key in answers:
                    self._waiting.pop(key, None)


def _free(reply: ChatReply) -> ChatReply:
    return reply.model_copy(update={"cached": True})
