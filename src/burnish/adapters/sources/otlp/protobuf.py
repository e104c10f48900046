"""OTLP/protobuf to raw spans."""

import base64
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.jsontext import SHORT, clean_number, clean_text
from burnish.adapters.sources.otlp.logs import RawLog
from burnish.adapters.sources.otlp.raw import Attributes, RawEvent, RawSpan, checked_span
from burnish.domain.base import Json
from burnish.errors import InputError

__all__ = ["read_protobuf", "read_protobuf_logs"]


def read_protobuf(data: bytes) -> tuple[list[RawSpan], list[Problem]]:
    """Spans of an ExportTraceServiceRequest; raises InputError where the bytes are not one."""
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError as error:
        raise InputError(f"the body is not an OTLP protobuf message: {error}") from error
    spans: list[RawSpan] = []
    problems: list[Problem] = []
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = clean_text(scope_spans.scope.name)
            for span in scope_spans.spans:
                try:
                    spans.append(checked_span(_span(span, scope, resource)))
                except ValueError as error:
                    problems.append(Problem(where=f"span '{clean_text(span.name)[:80]}'", reason=str(error)))
    return spans, problems


def read_protobuf_logs(data: bytes) -> tuple[list[RawLog], list[Problem]]:
    """Records of an ExportLogsServiceRequest; raises InputError where the bytes are not one."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    try:
        request = ExportLogsServiceRequest.FromString(data)
    except DecodeError as error:
        raise InputError(f"the body is not an OTLP protobuf message: {error}") from error
    logs: list[RawLog] = []
    for resource_logs in request.resource_logs:
        resource = _attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope = clean_text(scope_logs.scope.name)
            for record in scope_logs.log_records:
                attributes = _attributes(record.attributes)
                named = clean_text(record.event_name) or attributes.get("event.name")
                logs.append(
                    RawLog(
                        trace_id=record.trace_id.hex(),
                        span_id=record.span_id.hex(),
                        time_ns=record.time_unix_nano or record.observed_time_unix_nano,
                        name=named if isinstance(named, str) else "",
                        body=_value(record.body),
                        attributes=attributes,
                        scope=scope,
                        resource=resource,
                    )
                )
    return logs, []


def _span(span: Any, scope: str, resource: Attributes) -> RawSpan:
    status = span.status
    return RawSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=clean_text(span.name),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=status.code,
        status_message=clean_text(status.message),
        attributes=_attributes(span.attributes),
        events=[RawEvent(clean_text(event.name), _attributes(event.attributes)) for event in span.events],
        scope=scope,
        resource=resource,
    )


def _attributes(pairs: Any) -> Attributes:
    attributes: Attributes = {}
    for pair in pairs:
        key, value = pair.key, pair.value
        if "\x00" in key:
            key = clean_text(key)
        # Most values are texts, and an unset text is empty: asking for it is quicker than asking what there is.
        text = value.string_value
        if text:
            attributes[key] = text if len(text) < SHORT and "\x00" not in text else clean_text(text)
        else:
            attributes[key] = _value(value)
    return attributes


def _value(value: Any) -> Json:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return clean_text(value.string_value)
    if kind == "int_value" or kind == "bool_value":
        number: Json = getattr(value, kind)
        return number
    if kind == "double_value":
        return clean_number(value.double_value)
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {**_attributes(value.kvlist_value.values)}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return None
