"""A trace as people read it: turns in order, each tool call with its result, what was retrieved and what failed.

The messages of the fullest model call are the conversation; each turn and call is traced to the span behind it, so that
a reviewer can mark where it went wrong. What no message tells (retrievals, tools run outside of it, errors) comes in
where it happened.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from burnish.domain.base import Json
from burnish.domain.evaluators.retrieved import Document, documents_of
from burnish.domain.traces import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Trace,
)
from burnish.drivers.figures import readable

__all__ = ["Call", "Retrieved", "Turn", "conversation"]

_RETRIEVING = (SpanKind.RETRIEVER, SpanKind.RERANKER)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call with its result. `answered` is False where none is recorded; `span_id` names the tool's own span."""

    type: ClassVar[str] = "call"
    name: str
    arguments: Json
    result: Json = None
    answered: bool = False
    error: str | None = None
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a retriever gave: what it was asked and the documents."""

    type: ClassVar[str] = "retrieved"
    query: Json
    documents: tuple[Document, ...]


Said = TextPart | ReasoningPart | ImagePart | ToolResultPart | Call | Retrieved


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `role` is a message's, or "tool", "retrieved" or "error" for what no message tells.

    `span_id` is the step behind it, None where none is known, as for what the user said. `at` is when that step began.
    """

    role: str
    parts: tuple[Said, ...]
    name: str | None = None
    span_id: str | None = None
    error: str | None = None
    at: datetime | None = None

    @property
    def text(self) -> str:
        """What was said in it."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def only_calls(self) -> bool:
        """Whether nothing was said in it beside tool calls."""
        return bool(self.parts) and not self.error and all(isinstance(part, Call) for part in self.parts)


def conversation(trace: Trace) -> tuple[Turn, ...]:
    """The turns of a trace, none where it holds neither messages, nor input and output, nor steps to tell of."""
    spans = _Spans(trace)
    messages = trace.messages()
    answers = {p.id: p for m in messages for p in m.parts if isinstance(p, ToolResultPart) and p.id is not None}
    asked = {call.id for message in messages for call in message.tool_calls if call.id is not None}
    turns = [turn for message in messages if (turn := _turn(message, answers, asked, spans)) is not None]
    _add_ends(turns, trace)
    for span in spans.untold():
        turns.insert(_place(turns, span), _of_span(span))
    return tuple(turns)


class _Spans:
    """The spans of a trace, each to be told once."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        calls = sorted(trace.model_calls(), key=lambda span: span.started_at)
        self._said = [(message, span) for span in calls for message in span.output_messages]
        self._tools = [span for span in trace.spans if span.kind is SpanKind.TOOL]
        self._told: set[str] = set()

    def behind(self, message: Message) -> Span | None:
        """The model call that said this; without an equal message, one that said the same words or made the calls."""
        if message.role != "assistant":
            return None
        for same in (_equal, _alike):
            for number, (said, span) in enumerate(self._said):
                if same(said, message):
                    del self._said[number]
                    self._told.add(span.span_id)
                    return span
        return None

    def of_call(self, call: ToolCallPart) -> Span | None:
        """The tool's own span: by the call's id, else by name and arguments, else the next one of that name."""
        free = [span for span in self._tools if span.span_id not in self._told]
        ways = (
            lambda span: call.id is not None and span.tool is not None and span.tool.call_id == call.id,
            lambda span: _tool_name(span) == call.name and _arguments(span) == call.arguments,
            lambda span: _tool_name(span) == call.name,
        )
        found = next((span for way in ways for span in free if way(span)), None)
        if found is not None:
            self._told.add(found.span_id)
        return found

    def untold(self) -> list[Span]:
        """Retrievals, tools and errors that no turn tells, in time. An error passed on up is told where it arose."""
        errors = {_error(span) for span in self._trace.spans if span.span_id in self._told}
        root = self._trace.root
        found = []
        for span in sorted(self._trace.spans, key=lambda span: span.started_at)[::-1]:
            if span.span_id in self._told or span is root:
                continue
            failed = span.status is SpanStatus.ERROR and _error(span) not in errors
            if failed:
                errors.add(_error(span))
            if failed or span.kind is SpanKind.TOOL or span.kind in _RETRIEVING:
                found.append(span)
        return found[::-1]


def _turn(message: Message, answers: dict[str, ToolResultPart], asked: set[str], spans: _Spans) -> Turn | None:
    """One message; None where all it holds are results that stand beside their calls."""
    span = spans.behind(message)
    parts = tuple(
        _call(part, answers, spans) if isinstance(part, ToolCallPart) else part
        for part in message.parts
        if not (isinstance(part, ToolResultPart) and part.id in asked)
    )
    if not parts:
        return None
    if span is None:
        return Turn(message.role, parts, message.name)
    return Turn(message.role, parts, message.name, span.span_id, _error(span), span.started_at)


def _call(part: ToolCallPart, answers: dict[str, ToolResultPart], spans: _Spans) -> Call:
    span = spans.of_call(part)
    call = Call(part.name, part.arguments)
    if part.id in answers:
        call = replace(call, result=answers[part.id].result, answered=True)
    elif span is not None and span.tool is not None and span.tool.result is not None:
        call = replace(call, result=span.tool.result, answered=True)
    return call if span is None else replace(call, error=_error(span), span_id=span.span_id)


def _add_ends(turns: list[Turn], trace: Trace) -> None:
    """What was asked and answered, where no message says it."""
    root = trace.root
    if trace.input is not None and not any(turn.role == "user" for turn in turns):
        first = next((number for number, turn in enumerate(turns) if turn.role != "system"), len(turns))
        turns.insert(first, Turn("user", (TextPart(text=readable(trace.input)),)))
    if trace.output is not None and not any(turn.role == "assistant" and turn.text for turn in turns):
        turns.append(
            Turn("assistant", (TextPart(text=readable(trace.output)),), span_id=root.span_id if root else None)
        )


def _place(turns: Sequence[Turn], span: Span) -> int:
    """Before the first turn that began later; where no turn's time is known, before the last answer."""
    timed = [number for number, turn in enumerate(turns) if turn.at is not None]
    if timed:
        return next((n for n in timed if (at := turns[n].at) is not None and at > span.started_at), len(turns))
    answers = [number for number, turn in enumerate(turns) if turn.role == "assistant"]
    return answers[-1] if answers else len(turns)


def _of_span(span: Span) -> Turn:
    """A step that no message tells."""
    said: tuple[Said, ...] = ()
    role = "error"
    if span.kind in _RETRIEVING:
        role, said = "retrieved", (Retrieved(span.input, tuple(documents_of(span.output))),)
    elif span.kind is SpanKind.TOOL:
        result = span.tool.result if span.tool is not None else span.output
        role = "tool"
        said = (Call(_tool_name(span), _arguments(span), result, result is not None, _error(span), span.span_id),)
    error = None if role == "tool" else _error(span)
    return Turn(role, said, span.name, span.span_id, error, span.started_at)


def _equal(one: Message, other: Message) -> bool:
    return one.parts == other.parts


def _alike(one: Message, other: Message) -> bool:
    """The same words, or the same calls by their ids: recorders differ in how they write arguments."""
    if one.text or other.text:
        return one.text == other.text
    ids = _ids(one.parts)
    return bool(ids) and ids == _ids(other.parts)


def _ids(parts: Iterable[Part]) -> list[str]:
    return [part.id for part in parts if isinstance(part, ToolCallPart) and part.id is not None]


def _tool_name(span: Span) -> str:
    return span.tool.name if span.tool is not None else span.name


def _arguments(span: Span) -> Json:
    return span.tool.arguments if span.tool is not None else span.input


def _error(span: Span) -> str | None:
    return (span.status_message or "error") if span.status is SpanStatus.ERROR else None
