"""A trace written by somebody who wants the reader's browser or terminal to act."""

import datetime as dt

from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import (
    ImagePart,
    Message,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolUse,
    Trace,
)

__all__ = ["ATTACKS", "HOSTILE_ID", "HUGE", "hostile_feedback", "hostile_trace"]

HOSTILE_ID = 'ab"><script>alert(1)</script>/..%2f?x=1&y#z'
HUGE = "long " * 40_000
ATTACKS = (
    "<script>alert('text')</script>",
    "<img src=x onerror=alert(2)>",
    '" autofocus onfocus=alert(3) x="',
    "[click](javascript:alert(4))",
    "</pre></textarea><svg onload=alert(5)>",
    "{{ 7 * 7 }}{% for x in y %}",
    "safe\u202eevil\u2066hidden\u200b\U000e0041",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b2J",
    "<style>body{display:none}</style><link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
)


def hostile_trace() -> Trace:
    """Every field that takes text holds all the attacks."""
    attack = " ".join(ATTACKS)
    moment = dt.datetime(2026, 3, 13, 9, 0, tzinfo=dt.UTC)
    parts = (
        TextPart(text=attack),
        TextPart(text=HUGE),
        ToolCallPart(name=attack, arguments={attack: attack}, id="1"),
        ToolResultPart(result=[attack], id="1", name=attack),
        ImagePart(uri="javascript:alert(6)"),
    )
    span = Span(
        trace_id=HOSTILE_ID,
        span_id=attack,
        name=attack,
        kind=SpanKind.LLM,
        started_at=moment,
        ended_at=moment + dt.timedelta(seconds=1),
        status=SpanStatus.ERROR,
        status_message=attack,
        model=attack,
        provider=attack,
        input_messages=(Message(role=attack, parts=parts, name=attack), Message(role="system", parts=parts)),
        output_messages=(Message(role="assistant", parts=parts),),
        input=attack,
        output={attack: attack},
        tool=ToolUse(name=attack, arguments=attack, result=HUGE),
        attributes={attack: attack},
    )
    return Trace(
        trace_id=HOSTILE_ID,
        agent=attack,
        source="otlp",
        name=attack,
        started_at=moment,
        ended_at=moment + dt.timedelta(seconds=1),
        status=SpanStatus.ERROR,
        status_message=attack,
        input=attack,
        output=attack,
        session_id=attack,
        user_id=attack,
        environment=attack,
        release=attack,
        prompt_name=attack,
        prompt_version=attack,
        metadata={attack: attack},
        spans=(span,),
    )


def hostile_feedback() -> Feedback:
    """A review with the attacks in every field."""
    attack = " ".join(ATTACKS)
    return Feedback(
        trace_id=HOSTILE_ID,
        key=attack,
        source=FeedbackSource.HUMAN,
        score=0.0,
        value=attack,
        comment=attack,
        correction=attack,
        author=attack,
    )
