"""Builds OTLP requests by hand: once as JSON, and the same as protobuf."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from burnish.adapters.sources.otlp import decode_body, spans_to_traces
from burnish.domain.traces import Span, Trace

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_790_000_000_000_000_000
JSON, PROTOBUF = "application/json", "application/x-protobuf"


def any_value(value: Any) -> dict[str, Any]:
    """A Python value as OTLP's AnyValue."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"arrayValue": {"values": [any_value(item) for item in value]}}


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A mapping as OTLP's list of attributes."""
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def span(
    number: int = 1,
    values: Mapping[str, Any] | None = None,
    *,
    name: str = "step",
    parent: int | None = None,
    trace: str = TRACE,
    status: Mapping[str, Any] | None = None,
    events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    start: int | None = None,
    seconds: int = 1,
    **fields: Any,
) -> dict[str, Any]:
    """One span in OTLP/JSON; span `number` starts that many milliseconds after START."""
    begun = START + number * 1_000_000 if start is None else start
    made: dict[str, Any] = {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "name": name,
        "startTimeUnixNano": str(begun),
        "endTimeUnixNano": str(begun + seconds * 10**9),
        "attributes": attributes(values or {}),
        "events": [{"name": event, "attributes": attributes(facts)} for event, facts in events],
        "status": dict(status or {}),
    }
    if parent is not None:
        made["parentSpanId"] = f"{parent:016x}"
    return made | fields


def request(*spans: Any, resource: Mapping[str, Any] | None = None, scope: str = "tests") -> dict[str, Any]:
    """An export request with one resource and one scope."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(resource or {})},
                "scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}],
            }
        ]
    }


def as_json(body: Mapping[str, Any]) -> bytes:
    """The request as OTLP/JSON."""
    return json.dumps(body).encode()


def as_protobuf(body: Mapping[str, Any]) -> bytes:
    """The same request as protobuf."""
    message = ExportTraceServiceRequest()
    for resource_spans in body["resourceSpans"]:
        into = message.resource_spans.add()
        _fill(into.resource.attributes, resource_spans["resource"]["attributes"])
        for scope_spans in resource_spans["scopeSpans"]:
            scope = into.scope_spans.add()
            scope.scope.name = scope_spans["scope"]["name"]
            for item in scope_spans["spans"]:
                made = scope.spans.add(
                    trace_id=bytes.fromhex(item["traceId"]),
                    span_id=bytes.fromhex(item["spanId"]),
                    parent_span_id=bytes.fromhex(item.get("parentSpanId", "")),
                    name=item["name"],
                    start_time_unix_nano=int(item["startTimeUnixNano"]),
                    end_time_unix_nano=int(item["endTimeUnixNano"]),
                )
                made.status.code = item["status"].get("code", 0)
                made.status.message = item["status"].get("message", "")
                _fill(made.attributes, item["attributes"])
                for event in item["events"]:
                    _fill(made.events.add(name=event["name"]).attributes, event["attributes"])
    return message.SerializeToString()


def _fill(pairs: Any, values: Sequence[Mapping[str, Any]]) -> None:
    for pair in values:
        _set(pairs.add(key=pair["key"]).value, pair["value"])


def _set(target: Any, value: Mapping[str, Any]) -> None:
    ((kind, content),) = value.items()
    if kind == "stringValue":
        target.string_value = content
    elif kind == "intValue":
        target.int_value = int(content)
    elif kind == "doubleValue":
        target.double_value = content
    elif kind == "boolValue":
        target.bool_value = content
    elif kind == "arrayValue":
        target.array_value.SetInParent()
        for item in content["values"]:
            _set(target.array_value.values.add(), item)
    else:
        target.kvlist_value.SetInParent()
        _fill(target.kvlist_value.values, content["values"])


def traces_of(body: bytes, content_type: str = JSON, encoding: str | None = None) -> list[Trace]:
    """The traces of a body in which nothing is wrong."""
    decoded = decode_body(body, content_type, encoding, max_bytes=10**8)
    batch = spans_to_traces(decoded.spans, "agent", "otlp")
    assert decoded.problems + batch.problems == []
    return batch.traces


def mapped(values: Mapping[str, Any], **fields: Any) -> Span:
    """One span with these attributes, as the domain has it."""
    (trace,) = traces_of(as_json(request(span(1, values, **fields))))
    return trace.spans[0]
