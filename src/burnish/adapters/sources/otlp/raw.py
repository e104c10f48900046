"""A span as it came over the wire, the same for protobuf and JSON, with its ids and times checked."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from burnish.domain.base import Json

__all__ = ["ERROR", "OK", "Attributes", "RawEvent", "RawSpan", "checked_span", "moment"]

Attributes = dict[str, Json]

OK, ERROR = 1, 2  # OTLP's status codes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS = 253_402_300_799 * 10**9  # the last second of the year 9999, where Python's datetime ends


class RawEvent(NamedTuple):
    """An event on a span."""

    name: str
    attributes: Attributes


@dataclass(slots=True)
class RawSpan:
    """One span before mapping. Ids are lower-case hex, times nanoseconds since 1970, `status` OTLP's code.

    `resource` is shared by the spans of one resource and must not be changed. `logged` is the digest of the log record
    that this is the content of; a span that came as one has none.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start_ns: int
    end_ns: int
    status: int = 0
    status_message: str = ""
    attributes: Attributes = field(default_factory=dict)
    events: list[RawEvent] = field(default_factory=list)
    scope: str = ""
    resource: Attributes = field(default_factory=dict)
    logged: str = ""


def checked_span(span: RawSpan) -> RawSpan:
    """`span` itself, its parent put right; raises ValueError with the reason where its ids or times are unusable."""
    if len(span.trace_id) != 32 or not span.trace_id.strip("0"):
        raise ValueError(f"trace id {_shown(span.trace_id)} is not 16 bytes, or all zero")
    if len(span.span_id) != 16 or not span.span_id.strip("0"):
        raise ValueError(f"span id {_shown(span.span_id)} is not 8 bytes, or all zero")
    parent = span.parent_id
    if parent is not None:
        if not parent.strip("0") or parent == span.span_id:
            span.parent_id = None
        elif len(parent) != 16:
            raise ValueError(f"parent span id {_shown(parent)} is not 8 bytes")
    if not 0 < span.start_ns <= _LATEST_NS:
        raise ValueError(f"start time {span.start_ns} is not nanoseconds since 1970")
    if not 0 <= span.end_ns <= _LATEST_NS:
        raise ValueError(f"end time {span.end_ns} is not nanoseconds since 1970")
    return span


def moment(nanoseconds: int) -> datetime:
    """The time, to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _shown(text: str) -> str:
    return f"'{text[:48]}'" if text else "(none)"
