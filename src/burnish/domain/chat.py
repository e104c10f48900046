"""The model port: what judges, summarisers, proposers and the prompt target ask of a language model."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pydantic import Field

from burnish.domain.base import Json, UtcDatetime, Value, content_hash
from burnish.domain.traces import Message, ToolCallPart, Usage

__all__ = [
    "Allowance",
    "CallAverage",
    "ChatModel",
    "ChatReply",
    "ChatRequest",
    "ChatTool",
    "ModelUse",
    "PaidReply",
    "ReplyCache",
]


class ChatTool(Value):
    """A tool offered to the model; `parameters` is a JSON schema."""

    name: str
    description: str = ""
    parameters: dict[str, Json] = {}


class ChatRequest(Value):
    """One question to a model.

    `schema` (JSON schema, or None for free text) makes the reply structured. `purpose` labels the call in the
    accounts ("target", "judge", "propose", ...). `salt` separates calls that must not share a cached answer, for
    example the repetitions of a run.
    """

    messages: tuple[Message, ...]
    model: str | None = None
    response_schema: dict[str, Json] | None = None
    tools: tuple[ChatTool, ...] = ()
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=1024, gt=0)
    seed: int | None = 0
    purpose: str = "other"
    salt: str = ""

    @property
    def key(self) -> str:
        """Content address of the question: equal questions share an answer. `purpose` does not count."""
        return self.key_as(self.model, self.salt)

    def key_as(self, model: str | None, salt: str) -> str:
        """The key of the same question with another model and salt."""
        asked = self.model_dump(mode="json", exclude={"purpose"})
        return content_hash(asked | {"model": model, "salt": salt}, length=64)


class ChatReply(Value):
    """A model's answer. `parsed` is the JSON value where a schema was asked for; `cost_usd` None where unpriced."""

    text: str
    model: str
    parsed: Json = None
    tool_calls: tuple[ToolCallPart, ...] = ()
    usage: Usage = Usage()
    cost_usd: float | None = None
    latency_s: float = 0.0
    finish_reason: str | None = None
    cached: bool = False


class CallAverage(Value):
    """What a call took on average over `calls` of them."""

    calls: int
    input_tokens: float
    output_tokens: float
    cost_usd: float
    seconds: float


class ModelUse(Value):
    """What one model was asked for one purpose: sums over its calls, and when the first and the last were booked."""

    purpose: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    seconds: float
    first_at: UtcDatetime
    last_at: UtcDatetime


class Allowance(Value):
    """What one night may spend; None is no limit."""

    usd: float | None = Field(default=None, ge=0)
    calls: int | None = Field(default=None, ge=0)


class ChatModel(Protocol):
    """Anything that answers a ChatRequest.

    Raises TransientModelError once its own retries are used up, ModelError for good failures (including a reply that
    does not fit `response_schema`) and BudgetExceededError when the night's budget is spent.
    """

    @property
    def name(self) -> str:
        """The model used where a request names none."""
        ...

    @property
    def strong(self) -> bool:
        """Whether the user declared this model able to rewrite whole prompts."""
        ...

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request."""
        ...


class PaidReply(NamedTuple):
    """An answer to be kept under its question's `key`, and what the accounts of `night` book it as."""

    key: str
    reply: ChatReply
    model: str
    purpose: str
    night: str | None = None


class ReplyCache(Protocol):
    """Answers already paid for, by content address."""

    def get_many(self, keys: Sequence[str]) -> Mapping[str, ChatReply]:
        """The stored answers by key; a key without one is left out."""
        ...

    def put_many(self, answers: Sequence[PaidReply]) -> None:
        """Store answers and their accounts."""
        ...
