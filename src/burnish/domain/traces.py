"""Trace and Span: what an agent did, in one neutral form whatever recorded it.

Sources map onto these; everything later reads only these. Times are aware UTC, latencies seconds, costs US dollars.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from burnish.domain.base import Json, UtcDatetime, Value

__all__ = [
    "Figures",
    "ImagePart",
    "Message",
    "Part",
    "ReasoningPart",
    "Span",
    "SpanKind",
    "SpanStatus",
    "TextPart",
    "ToolCallPart",
    "ToolDefinition",
    "ToolResultPart",
    "ToolUse",
    "Trace",
    "Usage",
]


class SpanKind(StrEnum):
    """What a step is; names follow OpenInference."""

    AGENT = "agent"
    LLM = "llm"
    TOOL = "tool"
    CHAIN = "chain"
    RETRIEVER = "retriever"
    EMBEDDING = "embedding"
    RERANKER = "reranker"
    GUARDRAIL = "guardrail"
    EVALUATOR = "evaluator"
    UNKNOWN = "unknown"


class SpanStatus(StrEnum):
    """The OTel status. UNSET is not an error: many instrumentations never set OK."""

    UNSET = "unset"
    OK = "ok"
    ERROR = "error"


class TextPart(Value):
    """Plain text of a message."""

    type: Literal["text"] = "text"
    text: str


class ReasoningPart(Value):
    """Text the model thought but did not say."""

    type: Literal["reasoning"] = "reasoning"
    text: str


class ToolCallPart(Value):
    """The model asks for a tool. `arguments` is parsed JSON where it parsed, else the raw string."""

    type: Literal["tool_call"] = "tool_call"
    name: str
    arguments: Json = None
    id: str | None = None


class ToolResultPart(Value):
    """What a tool gave back to the model."""

    type: Literal["tool_result"] = "tool_result"
    result: Json = None
    id: str | None = None
    name: str | None = None


class ImagePart(Value):
    """An image by reference; burnish never stores the pixels."""

    type: Literal["image"] = "image"
    uri: str
    media_type: str | None = None


Part = Annotated[TextPart | ReasoningPart | ToolCallPart | ToolResultPart | ImagePart, Field(discriminator="type")]


class Message(Value):
    """One turn of a conversation. `role` is system, user, assistant or tool."""

    role: str
    parts: tuple[Part, ...] = ()
    name: str | None = None

    @property
    def text(self) -> str:
        """The text parts, joined; empty where the message only calls tools."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The tools this message asks for, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))


class Usage(Value):
    """Tokens of one call. `input` and `output` include the cached and the reasoning tokens named apart."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def total(self) -> int:
        """Input plus output tokens; an unknown count is 0."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


class ToolUse(Value):
    """One execution of a tool, as its own span recorded it."""

    name: str
    arguments: Json = None
    result: Json = None
    call_id: str | None = None


class ToolDefinition(Value):
    """A tool that a model call was offered; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str | None = None
    parameters: Json = None


class Span(Value):
    """One step of a trace. `attributes` keeps what no field took."""

    trace_id: str
    span_id: str
    parent_id: str | None = None
    name: str
    kind: SpanKind = SpanKind.UNKNOWN
    started_at: UtcDatetime
    ended_at: UtcDatetime | None = None
    status: SpanStatus = SpanStatus.UNSET
    status_message: str | None = None
    model: str | None = None
    provider: str | None = None
    input_messages: tuple[Message, ...] = ()
    output_messages: tuple[Message, ...] = ()
    input: Json = None
    output: Json = None
    tool: ToolUse | None = None
    tool_definitions: tuple[ToolDefinition, ...] = ()
    usage: Usage | None = None
    cost_usd: float | None = None
    attributes: dict[str, Json] = {}

    @property
    def latency_s(self) -> float | None:
        """Seconds from start to end; None while the span is open."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


class Trace(Value):
    """One execution of an agent: its spans in start order and what identifies it.

    `input` and `output` are the agent's own, taken from the root span or given by the source.
    """

    trace_id: str
    agent: str
    source: str
    name: str
    started_at: UtcDatetime
    ended_at: UtcDatetime | None = None
    status: SpanStatus = SpanStatus.UNSET
    status_message: str | None = None
    input: Json = None
    output: Json = None
    session_id: str | None = None
    user_id: str | None = None
    environment: str | None = None
    release: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    metadata: dict[str, Json] = {}
    spans: tuple[Span, ...] = ()

    @property
    def root(self) -> Span | None:
        """The first span without a parent inside this trace."""
        known = {span.span_id for span in self.spans}
        return next((span for span in self.spans if span.parent_id is None or span.parent_id not in known), None)

    @property
    def latency_s(self) -> float | None:
        """Seconds from start to end of the whole trace; None while it is open."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()

    @property
    def error(self) -> str | None:
        """The error that the trace as a whole ended with, or None."""
        return (self.status_message or "error") if self.status is SpanStatus.ERROR else None

    def model_calls(self) -> Iterator[Span]:
        """LLM spans, each real call once.

        An SDK's own LLM span may stand below the instrumentor's, where only the outer one counts, or beside it with
        the same response id, where only the one that tells more counts: tokens and costs are not summed twice.
        """
        parents = {span.span_id: span for span in self.spans}
        calls = [span for span in self.spans if span.kind is SpanKind.LLM and not _has_llm_ancestor(span, parents)]
        if len(calls) < 2:
            yield from calls
            return
        fullest: dict[str, Span] = {}
        for span in calls:
            known = fullest.setdefault(_response_of(span), span)
            if _messages_in(span) > _messages_in(known):
                fullest[_response_of(span)] = span
        yield from (span for span in calls if fullest[_response_of(span)] is span)

    @property
    def figures(self) -> "Figures":
        """What the model calls come to, in one walk over them: for those who want all of it, as every row does."""
        calls = list(self.model_calls())
        return Figures(self._usage(calls), _cost(calls), self._model(calls))

    @property
    def usage(self) -> Usage:
        """Tokens over all model calls; where no LLM span has any, the root's own figures."""
        return self._usage(self.model_calls())

    @property
    def cost_usd(self) -> float | None:
        """Dollars over all model calls; None where no call says its cost."""
        return _cost(self.model_calls())

    @property
    def model(self) -> str | None:
        """The main model: that of most model calls; of several, the one with more tokens, then the one asked first.

        Where no call names one, the root's own.
        """
        return self._model(self.model_calls())

    def _usage(self, spans: Iterable[Span]) -> Usage:
        calls = [span.usage for span in spans if span.usage is not None]
        if not calls:
            root = self.root
            return (root.usage if root is not None else None) or Usage()
        if len(calls) == 1:
            return calls[0]
        return Usage(
            input_tokens=_total(usage.input_tokens for usage in calls),
            output_tokens=_total(usage.output_tokens for usage in calls),
            cache_read_tokens=_total(usage.cache_read_tokens for usage in calls),
            cache_write_tokens=_total(usage.cache_write_tokens for usage in calls),
            reasoning_tokens=_total(usage.reasoning_tokens for usage in calls),
        )

    def _model(self, spans: Iterable[Span]) -> str | None:
        used: dict[str, tuple[int, int]] = {}
        for span in spans:
            if span.model:
                calls, tokens = used.get(span.model, (0, 0))
                used[span.model] = (calls + 1, tokens + (span.usage.total if span.usage is not None else 0))
        if used:
            return max(used, key=used.__getitem__)
        root = self.root
        return root.model if root is not None else None

    def tool_uses(self) -> tuple[ToolUse, ...]:
        """Tools in the order they ran: from tool spans, else from the calls in the conversation."""
        spans = tuple(span.tool for span in self.spans if span.kind is SpanKind.TOOL and span.tool is not None)
        if spans:
            return spans
        results = {
            part.id: part.result
            for message in self.messages()
            for part in message.parts
            if isinstance(part, ToolResultPart) and part.id is not None
        }
        return tuple(
            ToolUse(name=call.name, arguments=call.arguments, call_id=call.id, result=results.get(call.id or ""))
            for message in self.messages()
            for call in message.tool_calls
        )

    def messages(self) -> tuple[Message, ...]:
        """The conversation: the longest input of any model call, followed by that call's output."""
        best = max(
            self.model_calls(),
            key=lambda span: len(span.input_messages) + len(span.output_messages),
            default=self.root,
        )
        if best is None:
            return ()
        return best.input_messages + best.output_messages


class Figures(NamedTuple):
    """What a trace's model calls come to: tokens, dollars and the main model, each as the trace's own property."""

    usage: Usage
    cost_usd: float | None
    model: str | None


def _cost(spans: Iterable[Span]) -> float | None:
    costs = [span.cost_usd for span in spans if span.cost_usd is not None]
    return sum(costs) if costs else None


def _response_of(span: Span) -> str:
    """The provider's id of the answer; a span without one stands for itself."""
    response = span.attributes.get("gen_ai.response.id")
    return f"response {response}" if isinstance(response, str) and response else f"span {span.span_id}"


def _messages_in(span: Span) -> int:
    return len(span.input_messages) + len(span.output_messages)


def _has_llm_ancestor(span: Span, by_id: dict[str, Span]) -> bool:
    seen = {span.span_id}
    parent = by_id.get(span.parent_id or "")
    while parent is not None and parent.span_id not in seen:
        if parent.kind is SpanKind.LLM:
            return True
        seen.add(parent.span_id)
        parent = by_id.get(parent.parent_id or "")
    return False


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
