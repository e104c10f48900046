"""Answers already paid for are not paid for again: a content-addressed cache in front of a model."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from burnish.domain.base import content_hash
from burnish.domain.chat import ChatModel, ChatReply, ChatRequest, ReplyCache

__all__ = ["CachedModel"]

FLUSH_EVERY_S = 0.25

Entry = tuple[ChatRequest, str, ChatReply, Mapping[str, Any]]


class CachedModel:
    """A model with its answers kept by content.

    The key holds the endpoint and the model's name besides the question. Equal questions asked at the same time are
    asked once. Answers are written in bulk from a thread, at most a quarter second late; `aclose` writes the rest.
    """

    def __init__(self, inner: ChatModel, cache: ReplyCache, *, identity: str, meta: Mapping[str, Any]) -> None:
        self._inner = inner
        self._cache = cache
        self._identity = content_hash(identity, inner.name)
        self._meta = dict(meta)
        self._asking: dict[str, asyncio.Future[ChatReply]] = {}
        self._waiting: dict[str, Entry] = {}
        self._writer: asyncio.Task[None] | None = None
        self.name = inner.name
        self.strong = inner.strong

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer from the cache, from an equal call in flight, or from the model."""
        kept = request.model_copy(update={"salt": f"{self._identity}/{request.salt}"})
        key = kept.key
        if key in self._asking:
            reply = await asyncio.shield(self._asking[key])
            return reply.model_copy(update={"cached": True})
        if key in self._waiting:
            return self._waiting[key][2].model_copy(update={"cached": True})
        known = self._cache.get(key)
        if known is not None:
            return known
        future: asyncio.Future[ChatReply] = asyncio.get_running_loop().create_future()
        self._asking[key] = future
        try:
            reply = await self._inner.complete(request)
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            future.exception()  # seen: nobody may have been waiting
            raise
        else:
            future.set_result(reply)
            self._waiting[key] = (kept, self.name, reply, self._meta)
            if self._writer is None or self._writer.done():
                self._writer = asyncio.create_task(self._write_soon())
            return reply
        finally:
            del self._asking[key]

    async def aclose(self) -> None:
        """Write what is waiting."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._write()

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(FLUSH_EVERY_S)
            await asyncio.shield(self._write())

    async def _write(self) -> None:
        entries = dict(self._waiting)
        if entries:
            await asyncio.to_thread(self._cache.put_many, list(entries.values()))
            for key in entries:
                self._waiting.pop(key, None)
