"""One chat model in front of several: a request that names another model goes to where that one answers."""

from collections.abc import Mapping

from burnish.domain.chat import ChatModel, ChatReply, ChatRequest

__all__ = ["RoutedModel"]


class RoutedModel:
    """The usual model, and others by the name that requests call them by.

    Each keeps its own endpoint, cache, prices and tries, so one that is down fails its own questions alone. A name that
    is none of theirs is asked of the usual model's endpoint.
    """

    def __init__(self, usual: ChatModel, others: Mapping[str, ChatModel]) -> None:
        self._usual = usual
        self._others = dict(others)
        self.name = usual.name
        self.strong = usual.strong

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer from the model that the request names. Raises what that model raises."""
        other = self._others.get(request.model or "")
        if other is None:
            return await self._usual.complete(request)
        return await other.complete(request.model_copy(update={"model": None}))
