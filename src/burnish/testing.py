"""Fakes that burnish ships for tests of code that uses its ports: a scripted model and a cache in memory."""

from collections.abc import Callable, Iterable, Sequence

from burnish.domain.chat import ChatReply, ChatRequest, PaidReply
from burnish.domain.traces import Usage
from burnish.errors import ModelError

__all__ = ["MemoryCache", "ScriptedModel"]

Answer = str | ChatReply | Exception | dict[str, object] | list[object]


class ScriptedModel:
    """A `ChatModel` that answers from a list, in order, or by a function of the request.

    An answer is text, JSON data (given back as its text), a whole ChatReply, or an exception to raise. Where a schema
    was asked for, text is given back as `parsed` too, and text that is no JSON raises ModelError, as a real model
    would; the schema itself is not checked. `requests` holds what was asked. A list that runs out raises ModelError.
    """

    def __init__(
        self,
        answers: Iterable[Answer] | Callable[[ChatRequest], Answer],
        *,
        name: str = "scripted",
        strong: bool = False,
    ) -> None:
        self.name = name
        self.strong = strong
        self.requests: list[ChatRequest] = []
        self._answers = answers if callable(answers) else iter(answers)

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Give the next answer."""
        self.requests.append(request)
        if callable(self._answers):
            answer = self._answers(request)
        else:
            try:
                answer = next(self._answers)
            except StopIteration:
                raise ModelError(f"the script has no answer {len(self.requests)}") from None
        return self._reply(answer, request)

    def _reply(self, answer: Answer, request: ChatRequest) -> ChatReply:
        import json

        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, ChatReply):
            return answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        parsed = None
        if request.response_schema is not None:
            try:
                parsed = json.loads(text)
            except ValueError as error:
                raise ModelError(f"{self.name} answered with text that is no JSON: {text[:100]!r}") from error
        usage = Usage(input_tokens=10, output_tokens=5)
        return ChatReply(text=text, parsed=parsed, model=self.name, usage=usage, cost_usd=0.0)


class MemoryCache:
    """The reply cache in a dictionary."""

    def __init__(self) -> None:
        self.replies: dict[str, ChatReply] = {}

    def get_many(self, keys: Sequence[str]) -> dict[str, ChatReply]:
        """The stored answers by key, marked as cached; a key without one is left out."""
        found = ((key, self.replies.get(key)) for key in keys)
        return {key: reply.model_copy(update={"cached": True}) for key, reply in found if reply is not None}

    def put_many(self, answers: Sequence[PaidReply]) -> None:
        """Keep answers."""
        self.replies.update((answer.key, answer.reply) for answer in answers)
