"""What adding a trace writes: its rows, prepared before the transaction so that the lock is held for SQL alone."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from burnish.adapters.store.rows import json_bytes, micros, pack, preview, scrub, spoilt
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example
from burnish.domain.traces import Span, Trace

__all__ = ["EXPERIMENT", "Prepared", "digest", "head_json", "origin", "prepare", "span_json", "span_rows", "trace_rows"]

EXPERIMENT = "experiment"
_LATER = {"tool_definitions"}


@dataclass(frozen=True)
class Prepared:
    """A clean trace with its JSON: the trace without spans, and each span once, by id."""

    trace: Trace
    head: bytes
    spans: dict[str, tuple[Span, bytes]]

    @property
    def digest(self) -> str:
        """Hash of the trace without its spans."""
        return digest(self.head)


def prepare(trace: Trace) -> Prepared:
    """Serialise a trace; what cannot be stored in it is replaced by U+FFFD. Of a span given twice the last counts."""
    try:
        head, bodies = _texts(trace)
    except PydanticSerializationError:
        bad = True
    else:
        bad = spoilt(head) or any(spoilt(body) for body in bodies)
    if bad:
        trace = Trace.model_validate(scrub(trace.model_dump()))
        head, bodies = _texts(trace)
    return Prepared(trace, head, {span.span_id: (span, body) for span, body in zip(trace.spans, bodies, strict=True)})


def _texts(trace: Trace) -> tuple[bytes, list[bytes]]:
    return head_json(trace), [span_json(span) for span in trace.spans]


def head_json(trace: Trace) -> bytes:
    """A trace as JSON without its spans."""
    return _json(trace, {name: value for name, value in trace.__dict__.items() if name != "spans"}, {"spans"})


def span_json(span: Span) -> bytes:
    """A span as JSON, without fields that came with later versions and are empty.

    So the spans of an older version read again are the same, byte for byte, and their traces are not judged again.
    """
    if span.tool_definitions:
        return _json(span, span.__dict__)
    return _json(span, {name: value for name, value in span.__dict__.items() if name not in _LATER}, _LATER)


def _json(item: BaseModel, fields: dict[str, Any], exclude: set[str] | None = None) -> bytes:
    """The item's JSON, byte for byte pydantic's; that one asks of every node of a Json which type it is, and takes
    five times as long. It is still asked where a number has more than 64 bits."""
    try:
        return orjson.dumps(fields, default=_fields, option=orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError:
        return json_bytes(item, exclude)


def _fields(item: Any) -> dict[str, Any]:
    if isinstance(item, BaseModel):
        return item.__dict__
    raise TypeError(f"{type(item).__name__} is no part of a trace")


def digest(body: bytes) -> str:
    """Hash by which a second arrival of the same content is known."""
    return hashlib.sha256(body).hexdigest()[:24]


def origin(source: str) -> str:
    """Whether a trace of this source is production's or an offline run's."""
    return EXPERIMENT if source == EXPERIMENT else "production"


def trace_rows(trace: Trace, head: bytes, spans: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of `traces` and `trace_payloads`."""
    figures = trace.figures
    row = {
        "trace_id": trace.trace_id,
        "agent": trace.agent,
        "origin": origin(trace.source),
        "source": trace.source,
        "name": trace.name,
        "started_at": micros(trace.started_at),
        "ended_at": None if trace.ended_at is None else micros(trace.ended_at),
        "status": trace.status.value,
        "status_message": trace.status_message,
        "session_id": trace.session_id,
        "user_id": trace.user_id,
        "environment": trace.environment,
        "release": trace.release,
        "prompt_version": trace.prompt_version,
        "model": figures.model,
        "spans": spans,
        "tokens": figures.usage.total,
        "cost_usd": figures.cost_usd,
        "input_preview": preview(trace.input),
        "output_preview": preview(trace.output),
        "example_id": Example.id_for(trace.agent, trace.input),
        "digest": digest(head),
        "changed_at": micros(utc_now()),
    }
    return row, {"trace_id": trace.trace_id, "body": pack(head)}


def span_rows(trace_id: str, span: Span, body: bytes, position: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of `spans` and `span_payloads`."""
    row = {
        "trace_id": trace_id,
        "span_id": span.span_id,
        "position": position,
        "name": span.name,
        "kind": span.kind.value,
        "status": span.status.value,
        "started_at": micros(span.started_at),
        "ended_at": None if span.ended_at is None else micros(span.ended_at),
        "digest": digest(body),
    }
    return row, {"trace_id": trace_id, "span_id": span.span_id, "body": pack(body)}
