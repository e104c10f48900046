"""OTLP bodies sent to a real server of another kind, held against what our endpoint makes of them."""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from burnish.adapters.sources.base import Window, WindowedSource
from burnish.adapters.sources.jsontext import parse_json
from burnish.adapters.sources.otlp import RawSpan, decode_body, spans_to_traces
from burnish.domain.traces import Span, Trace
from support.shared_data import shared

__all__ = ["EVER", "compared", "directly", "generated_bodies", "in_project", "pulled", "recorded_bodies"]

EVER = Window(start=datetime(2020, 1, 1, tzinfo=UTC))
PROTOBUF = "application/x-protobuf"


def recorded_bodies() -> list[bytes]:
    """The public protobuf bodies beside the project, inflated; skips where they are not there."""
    files = sorted(shared("otel/generated_otlp").glob("*/*.pb*"))
    return [gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in files]


def generated_bodies(seed: int, spans: int = 500) -> list[bytes]:
    """So many spans of agent runs in each of two conventions, as the benchmarks send them; other ids for each seed."""
    from benchmarks.ingest import bodies

    return [
        body for style in ("genai", "openinference") for body in bodies(style, spans, 2 * seed + (style == "genai"))
    ]


def in_project(body: bytes, name: str) -> bytes:
    """The same request for one of Phoenix's projects."""
    request = ExportTraceServiceRequest.FromString(body)
    for resource_spans in request.resource_spans:
        resource_spans.resource.attributes.add(key="openinference.project.name").value.string_value = name
    return bytes(request.SerializeToString())


def directly(bodies: Iterable[bytes]) -> dict[str, Trace]:
    """What our own endpoint makes of the bodies, by trace id."""
    spans: list[RawSpan] = []
    for body in bodies:
        spans += decode_body(body, PROTOBUF, None, max_bytes=2**27).spans
    return {trace.trace_id: trace for trace in spans_to_traces(spans, "desk", "otlp").traces}


def pulled(source: WindowedSource, window: Window = EVER) -> dict[str, dict[str, Span]]:
    """The spans that a source gives, by trace id without MLflow's prefix and span id; nothing may be unreadable."""
    found: dict[str, dict[str, Span]] = {}
    for batch in source.read_window(window):
        assert batch.problems == []
        for trace in batch.traces:
            into = found.setdefault(trace.trace_id.removeprefix("tr-"), {})
            for span in trace.spans:
                assert span.span_id not in into, f"span {span.span_id} came twice"
                into[span.span_id] = span
    return found


def compared(span: Span, *, priced: bool = True) -> dict[str, Any]:
    """What must be the same whichever way a span came: all but attributes, the last microsecond and JSON's spaces."""
    left_out = {"attributes", "trace_id", "started_at", "ended_at", *(() if priced else ("cost_usd",))}
    plain: dict[str, Any] = _parsed(span.model_dump(mode="json", exclude=left_out))
    return plain


def _parsed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _parsed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_parsed(item) for item in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return _parsed(parse_json(value))
        except ValueError:
            return value
    return value
