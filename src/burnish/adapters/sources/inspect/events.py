"""The events of a sample to spans.

A span begins and ends by events of its own (`span_begin`, before 2025 `step`), model and tool calls are one event each.
What scorers did, their graders' calls among it, is no part of the agent's work and left out, as is the setting up.
"""

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

from burnish.adapters.sources.counts import read_amount, read_count
from burnish.adapters.sources.inspect.conversation import Conversation
from burnish.adapters.sources.otlp.tools import read_tools
from burnish.adapters.sources.times import read_time
from burnish.domain.base import Json, content_hash
from burnish.domain.traces import Span, SpanKind, SpanStatus, ToolUse, Usage

__all__ = ["ReadEvents", "read_events", "usage_of"]

Item = dict[str, Json]

_LEFT_OUT = ("scorers", "scorer", "init")
_KINDS = {"agent": SpanKind.AGENT}


class ReadEvents(NamedTuple):
    """Spans in no order, a parent of None standing for the sample; and when the agent's first and last event were."""

    spans: list[Span]
    first: datetime | None
    last: datetime | None


def read_events(trace_id: str, events: Json, conversation: Conversation) -> ReadEvents:
    """Read the events of a sample; what is no event is passed over."""
    reader = _Reader(trace_id, conversation)
    # Old logs keep the events of tools and subtasks inside them. A stack, for they nest as deep as a stranger likes.
    waiting: deque[tuple[Json, str | None]] = deque((event, None) for event in _list(events))
    number = 0
    while waiting:
        event, parent = waiting.popleft()
        number += 1
        if isinstance(event, dict):
            own = reader.read(event, parent, number)
            waiting.extendleft((inner, own or parent) for inner in reversed(_list(event.get("events"))))
    return ReadEvents(list(reader.spans.values()), reader.first, reader.last)


class _Reader:
    """What has been read so far. Span ids here are ours: hashes of Inspect's ids, or of an event's place."""

    def __init__(self, trace_id: str, conversation: Conversation) -> None:
        self.spans: dict[str, Span] = {}
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._trace_id = trace_id
        self._conversation = conversation
        self._left_out: set[str] = set()
        self._tool_spans: set[str] = set()  # opened for a tool whose event is to come
        self._steps: list[str] = []

    def read(self, event: Item, inside: str | None, number: int) -> str | None:
        """Read one event and give the id of its span, if it has one. `inside` is the span of the event around it."""
        kind, at = event.get("event"), read_time(event.get("timestamp"))
        around = self._around(event, inside)
        if at is not None and around not in self._left_out and not self._unwanted(event):
            self.first = at if self.first is None else min(self.first, at)
            self.last = at if self.last is None else max(self.last, at)
        match kind:
            case "span_begin":
                return self._begin(event, self._id("span", event.get("id"), number), at, around)
            case "span_end":
                self._end(self._id("span", event.get("id"), number), at)
            case "step" if event.get("action") == "begin":
                own = self._id("step", event.get("uuid"), number)
                self._steps.append(own)
                return self._begin(event, own, at, self._steps[-2] if len(self._steps) > 1 else inside)
            case "step" if self._steps:
                self._end(self._steps.pop(), at)
            case "model" | "tool" | "subtask":
                if around in self._left_out:
                    return around
                own = self._id("event", event.get("uuid"), number)
                read = {"model": self._model, "tool": self._tool, "subtask": self._subtask}[str(kind)]
                return read(event, own, at or self.last, around)
            case _:
                pass
        return None

    def _id(self, what: str, given: Json, number: int) -> str:
        return content_hash(self._trace_id, what, given if isinstance(given, str) and given else number, length=16)

    def _unwanted(self, event: Item) -> bool:
        return event.get("type") in _LEFT_OUT

    def _around(self, event: Item, inside: str | None) -> str | None:
        """The span that an event lies in: the one it names, else the step that is open, else what holds it."""
        named = event.get("parent_id" if event.get("event") == "span_begin" else "span_id")
        if isinstance(named, str):
            own = self._id("span", named, 0)
            if own in self.spans or own in self._left_out:
                return own
        return self._steps[-1] if self._steps else inside

    def _begin(self, event: Item, own: str, at: datetime | None, around: str | None) -> str | None:
        if around in self._left_out or self._unwanted(event):
            self._left_out.add(own)
            return own
        started = at or self.last
        if started is None:
            return None
        kind = event.get("type")
        if kind == "tool":
            self._tool_spans.add(own)
        self._add(
            own,
            around,
            self._conversation.text(event.get("name")) or str(kind or "span"),
            _KINDS.get(str(kind), SpanKind.CHAIN),
            started,
            None,
            attributes={"inspect.type": kind} if isinstance(kind, str) else {},
        )
        return own

    def _end(self, own: str, at: datetime | None) -> None:
        span = self.spans.get(own)
        if span is not None and span.ended_at is None and at is not None:
            self.spans[own] = span.model_copy(update={"ended_at": max(at, span.started_at)})

    def _model(self, event: Item, own: str, at: datetime | None, around: str | None) -> str | None:
        if at is None:
            return None
        clean, output = self._conversation, event.get("output")
        answer: Item = output if isinstance(output, dict) else {}
        choices = [choice for choice in _list(answer.get("choices")) if isinstance(choice, dict)]
        given = answer.get("usage")
        usage, cost = usage_of(given) if isinstance(given, dict) else (None, None)
        named = clean.text(event.get("model")) or ""
        provider, slash, short = named.partition("/")
        asked = clean.messages(event.get("input")) or clean.referred(event.get("input_refs"))
        attributes: Item = {
            "gen_ai.response.id": clean.text(answer.get("response_id")),
            "gen_ai.response.finish_reasons": [clean.clean(choice.get("stop_reason")) for choice in choices] or None,
            "inspect.role": clean.text(event.get("role")),
            "inspect.cache": clean.text(event.get("cache")),
            "inspect.retries": read_count(event.get("retries")),
        }
        self._add(
            own,
            around,
            named or "model",
            SpanKind.LLM,
            at,
            _end_of(event, at, answer.get("time")),
            error=clean.text(event.get("error")) or (clean.text(answer.get("error")) if not choices else None),
            model=clean.text(answer.get("model")) or (short if slash else named) or None,
            provider=provider if slash else None,
            input_messages=asked,
            output_messages=clean.messages([choice.get("message") for choice in choices[:1]], "assistant"),
            tool_definitions=read_tools(clean.clean(event.get("tools"))),
            usage=usage,
            cost_usd=cost,
            attributes={key: value for key, value in attributes.items() if value is not None},
        )
        return own

    def _tool(self, event: Item, own: str, at: datetime | None, around: str | None) -> str | None:
        clean, error = self._conversation, event.get("error")
        message = clean.text(error.get("message")) or "error" if isinstance(error, dict) else None
        if around in self._tool_spans:  # it was opened for this call, and what the tool starts lies inside
            self._tool_spans.discard(around)
            opened = self.spans[around]
            own, around, at = opened.span_id, opened.parent_id, opened.started_at
        if at is None:
            return None
        name = clean.text(event.get("function")) or "tool"
        self._add(
            own,
            around,
            name,
            SpanKind.TOOL,
            at,
            _end_of(event, at, None),
            error=message or ("failed" if event.get("failed") is True else None),
            tool=ToolUse(
                name=name,
                arguments=clean.clean(event.get("arguments")),
                result=clean.clean(event.get("result")),
                call_id=clean.text(event.get("id")),
            ),
        )
        return own

    def _subtask(self, event: Item, own: str, at: datetime | None, around: str | None) -> str | None:
        if at is None:
            return None
        clean = self._conversation
        self._add(
            own,
            around,
            clean.text(event.get("name")) or "subtask",
            SpanKind.CHAIN,
            at,
            _end_of(event, at, None),
            input=clean.clean(event.get("input")),
            output=clean.clean(event.get("result")),
        )
        return own

    def _add(
        self,
        own: str,
        around: str | None,
        name: str,
        kind: SpanKind,
        started_at: datetime,
        ended_at: datetime | None,
        *,
        error: str | None = None,
        **fields: object,
    ) -> None:
        self.spans[own] = Span.model_validate(
            {
                "trace_id": self._trace_id,
                "span_id": own,
                "parent_id": around,
                "name": name,
                "kind": kind,
                "started_at": started_at,
                "ended_at": ended_at,
                "status": SpanStatus.OK if error is None else SpanStatus.ERROR,
                "status_message": error,
                **fields,
            }
        )


def usage_of(given: Item) -> tuple[Usage, float | None]:
    """Tokens and dollars. Inspect counts input without what came from or went into a cache; our input includes it.

    Logs of versions that included it already are told by their total.
    """
    asked, answered = read_count(given.get("input_tokens")), read_count(given.get("output_tokens"))
    read, written = read_count(given.get("input_tokens_cache_read")), read_count(given.get("input_tokens_cache_write"))
    cached = (read or 0) + (written or 0)
    if asked is not None and cached and read_count(given.get("total_tokens")) != asked + (answered or 0):
        asked += cached
    usage = Usage(
        input_tokens=asked,
        output_tokens=answered,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=read_count(given.get("reasoning_tokens")),
    )
    return usage, read_amount(given.get("total_cost"))


def _end_of(event: Item, started: datetime, seconds: Json) -> datetime | None:
    completed = read_time(event.get("completed"))
    if completed is not None:
        return max(completed, started)
    if event.get("pending"):
        return None
    lasted = read_amount(event.get("working_time")) or read_amount(seconds)
    return started + timedelta(seconds=lasted) if lasted is not None and lasted < 1e8 else None


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
