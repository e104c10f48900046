"""Traces and a scripted judge for tests of evaluators."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from burnish.domain.base import Json
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.datasets import Example
from burnish.domain.evaluators.base import EvaluationContext
from burnish.domain.traces import (
    Message,
    Part,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolUse,
    Trace,
    Usage,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def said(role: str, *parts: str | Part) -> Message:
    """A message of text or other parts."""
    return Message(role=role, parts=tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts))


def span(span_id: str, kind: SpanKind = SpanKind.UNKNOWN, *, at: float = 0.0, **fields: Any) -> Span:
    """A span that starts `at` seconds after the trace and takes a tenth of a second."""
    moment = START + timedelta(seconds=at)
    return Span(
        **{"parent_id": "root", "name": kind.value, "ended_at": moment + timedelta(seconds=0.1), **fields},
        trace_id="t",
        span_id=span_id,
        kind=kind,
        started_at=moment,
    )


def tool(name: str, arguments: Json = None, result: Json = "ok", *, at: float = 1.0, failed: bool = False) -> Span:
    """A tool span."""
    return span(
        f"{name}-{at}",
        SpanKind.TOOL,
        at=at,
        tool=ToolUse(name=name, arguments=arguments, result=result),
        status=SpanStatus.ERROR if failed else SpanStatus.OK,
        status_message="it broke" if failed else None,
    )


def trace(output: Json = "done", *spans: Span, **fields: Any) -> Trace:
    """A finished trace of two seconds with the given spans below a root."""
    trace_id = fields.pop("trace_id", "t")
    whole = (span("root", SpanKind.AGENT, parent_id=None), *spans)
    return Trace(
        **{"agent": "support", "source": "test", "name": "run", "input": "please", **fields},
        trace_id=trace_id,
        started_at=START,
        ended_at=START + timedelta(seconds=2),
        output=output,
        spans=tuple(one.model_copy(update={"trace_id": trace_id}) for one in whole),
    )


def conversation() -> Trace:
    """Two model calls with a tool between them; the second call repeats the first."""
    asked = [said("system", "You find orders."), said("user", "Where is W1?")]
    call = said("assistant", ToolCallPart(name="find", arguments={"order": "W1"}, id="c1"))
    found = said("tool", ToolResultPart(result="at the depot", id="c1"))
    use = ToolUse(name="find", arguments={"order": "W1"}, result="at the depot", call_id="c1")
    usage = Usage(input_tokens=100, output_tokens=20)
    first = span("l1", SpanKind.LLM, at=0.1, input_messages=asked, output_messages=(call,), usage=usage, cost_usd=0.01)
    second = span(
        "l2",
        SpanKind.LLM,
        at=0.5,
        input_messages=(*asked, call, found),
        output_messages=(said("assistant", "It is at the depot."),),
        usage=usage,
        cost_usd=0.02,
    )
    ran = span("x1", SpanKind.TOOL, at=0.3, tool=use)
    return trace("It is at the depot.", first, ran, second, input="Where is W1?")


def context(subject: Trace | Json, expected: Json = None, judge: Any = None, **example: Any) -> EvaluationContext:
    """The context of a trace, or of a trace with the given output."""
    subject = subject if isinstance(subject, Trace) else trace(subject)
    known = expected is not None or example
    return EvaluationContext(
        trace=subject,
        example=Example(id="e", input=subject.input, expected=expected, **example) if known else None,
        judge=judge,
    )


class ScriptedJudge:
    """A ChatModel that answers from a list, or by a function of the request; an exception in it is raised."""

    name = "scripted"
    strong = False

    def __init__(self, answers: Sequence[Any] | Callable[[ChatRequest], Any]) -> None:
        self._answers = answers
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The next answer as parsed JSON."""
        self.requests.append(request)
        answer = self._answers(request) if callable(self._answers) else self._answers[len(self.requests) - 1]
        if isinstance(answer, Exception):
            raise answer
        return ChatReply(text="", model=self.name, parsed=answer)


def is_polite(context: EvaluationContext) -> bool:
    """A user's evaluator."""
    return "please" in str(context.output)
