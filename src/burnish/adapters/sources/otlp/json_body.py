"""OTLP/JSON to raw spans, read as JSON.

protobuf's own JSON parser takes hex ids for base64 and silently yields ids of the wrong length, so it is not used.
Unknown fields are ignored; integers may be strings, enums names, ids base64, field names snake_case.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.jsontext import clean_number, clean_text, parse_json
from burnish.adapters.sources.otlp.logs import RawLog
from burnish.adapters.sources.otlp.raw import ERROR, OK, Attributes, RawEvent, RawSpan, checked_span
from burnish.domain.base import Json
from burnish.errors import InputError

__all__ = ["read_json", "read_request"]

_HEX = re.compile(r"[0-9a-f]*")
_STATUS = {"STATUS_CODE_OK": OK, "OK": OK, "STATUS_CODE_ERROR": ERROR, "ERROR": ERROR}


Found = tuple[list[RawSpan], list[RawLog], list[Problem]]


def read_json(data: bytes) -> Found:
    """Spans and log records of an export request in JSON; raises InputError where the bytes are not one."""
    try:
        request = parse_json(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is not valid JSON: {error}") from error
    return read_request(request)


def read_request(request: Json) -> Found:
    """Spans and log records of a parsed request, an object with `resourceSpans` or `resourceLogs` or both.

    Raises InputError where it is something else.
    """
    named = ("resourceSpans", "resourceLogs")
    if not isinstance(request, dict) or not all(isinstance(_field(request, name) or [], list) for name in named):
        raise InputError("the JSON is not an OTLP request: it needs an object with a list `resourceSpans`")
    spans: list[RawSpan] = []
    logs: list[RawLog] = []
    problems: list[Problem] = []
    for resource, scope, span in _items(request, "Spans", "spans", problems):
        try:
            spans.append(checked_span(_span(span, scope, resource)))
        except (ValueError, RecursionError) as error:
            problems.append(Problem(where=f"span '{_text(span.get('name'))[:80]}'", reason=str(error)))
    for resource, scope, record in _items(request, "Logs", "logRecords", problems):
        try:
            logs.append(_log(record, scope, resource))
        except (ValueError, RecursionError) as error:
            problems.append(Problem(where="log record", reason=str(error)))
    return spans, logs, problems


def _items(
    request: dict[str, Json], signal: str, name: str, problems: list[Problem]
) -> Iterator[tuple[Attributes, str, dict[str, Json]]]:
    """Every item of a signal with its resource's attributes and its scope's name."""
    for of_resource in _objects(request, f"resource{signal}", problems):
        try:
            resource = _attributes(_field(_field(of_resource, "resource"), "attributes"))
        except RecursionError:
            problems.append(Problem(where="resource", reason="is nested too deep; its items are kept without it"))
            resource = {}
        for of_scope in _objects(of_resource, f"scope{signal}", problems):
            scope = _text(_field(_field(of_scope, "scope"), "name"))
            for item in _objects(of_scope, name, problems):
                yield resource, scope, item


def _log(record: dict[str, Json], scope: str, resource: Attributes) -> RawLog:
    attributes = _attributes(record.get("attributes"))
    named = _text(_field(record, "eventName")) or attributes.get("event.name")
    time = _integer(_field(record, "timeUnixNano"), "time") or _integer(_field(record, "observedTimeUnixNano"), "time")
    return RawLog(
        trace_id=_identifier(_field(record, "traceId"), 32),
        span_id=_identifier(_field(record, "spanId"), 16),
        time_ns=time,
        name=named if isinstance(named, str) else "",
        body=_value(record.get("body")),
        attributes=attributes,
        scope=scope,
        resource=resource,
    )


def _span(span: dict[str, Json], scope: str, resource: Attributes) -> RawSpan:
    status = _field(span, "status")
    return RawSpan(
        trace_id=_identifier(_field(span, "traceId"), 32),
        span_id=_identifier(_field(span, "spanId"), 16),
        parent_id=_identifier(_field(span, "parentSpanId"), 16) or None,
        name=_text(span.get("name")),
        start_ns=_integer(_field(span, "startTimeUnixNano"), "start time"),
        end_ns=_integer(_field(span, "endTimeUnixNano"), "end time"),
        status=_status(_field(status, "code")),
        status_message=_text(_field(status, "message")),
        attributes=_attributes(span.get("attributes")),
        events=[
            RawEvent(_text(event.get("name")), _attributes(event.get("attributes")))
            for event in _listed(span.get("events"))
        ],
        scope=scope,
        resource=resource,
    )


def _identifier(value: Json, digits: int) -> str:
    """Hex as the specification asks, or base64 as protobuf's JSON mapping writes bytes; what is neither comes back."""
    text = _text(value)
    if len(text) == digits and _HEX.fullmatch(text.lower()):
        return text.lower()
    if len(text.rstrip("=")) == (digits // 2 * 4 + 2) // 3:
        try:
            return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True).hex()
        except (binascii.Error, ValueError):
            pass
    if text and _HEX.fullmatch(text.lower()) is None:
        raise ValueError(f"id '{text[:48]}' is neither {digits} hex digits nor base64")
    return text.lower()


def _integer(value: Json, what: str) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, str) and len(value) <= 20 and value.isdecimal():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{what} '{str(value)[:48]}' is not an integer of nanoseconds")


def _status(code: Json) -> int:
    if isinstance(code, str):
        return _STATUS.get(code.upper(), int(code) if code in ("1", "2") else 0)
    return int(code) if code in (OK, ERROR) and isinstance(code, int) else 0


def _attributes(pairs: Json) -> Attributes:
    found: Attributes = {}
    if isinstance(pairs, list):
        for pair in pairs:
            if isinstance(pair, dict) and isinstance(key := pair.get("key"), str):
                found[clean_text(key)] = _value(pair.get("value"))
    return found


def _value(value: Json) -> Json:
    if not isinstance(value, dict):
        return None
    for key, item in value.items():
        if isinstance(item, str) and key in ("stringValue", "string_value"):  # most of them by far
            return clean_text(item)
        reader = _READERS.get(key)
        if reader is not None:
            result: Json = reader(item)
            return result
    return None


def _whole(item: Json) -> Json:
    if isinstance(item, str):
        try:
            return int(item)
        except ValueError:
            return clean_text(item)
    return item


def _real(item: Json) -> Json:
    if isinstance(item, str):
        try:
            return clean_number(float(item))
        except ValueError:
            return clean_text(item)
    # A double without a fraction is written as an integer in JSON, and is still a double.
    return float(item) if isinstance(item, int) and not isinstance(item, bool) and abs(item) < 2**53 else item


def _array(item: Json) -> Json:
    return [_value(entry) for entry in _listed(_field(item, "values"))]


def _map(item: Json) -> Json:
    return {**_attributes(_field(item, "values"))}


_READERS: dict[str, Any] = {
    **dict.fromkeys(("stringValue", "string_value"), lambda item: item),
    **dict.fromkeys(("intValue", "int_value"), _whole),
    **dict.fromkeys(("doubleValue", "double_value"), _real),
    **dict.fromkeys(("boolValue", "bool_value", "bytesValue", "bytes_value"), lambda item: item),
    **dict.fromkeys(("arrayValue", "array_value"), _array),
    **dict.fromkeys(("kvlistValue", "kvlist_value"), _map),
}
_SNAKE = {
    name: re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name)
    for name in (
        *("resourceSpans", "scopeSpans", "traceId", "spanId", "parentSpanId"),
        *("startTimeUnixNano", "endTimeUnixNano"),
        *("resourceLogs", "scopeLogs", "logRecords", "eventName", "timeUnixNano", "observedTimeUnixNano"),
    )
}


def _field(value: Json, name: str) -> Json:
    if not isinstance(value, dict):
        return None
    found = value.get(name)
    return value.get(_SNAKE[name]) if found is None and name in _SNAKE else found


def _text(value: Json) -> str:
    return clean_text(value) if isinstance(value, str) else ""


def _listed(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _objects(parent: dict[str, Json], name: str, problems: list[Problem]) -> Iterator[dict[str, Json]]:
    items = _field(parent, name)
    if items is None:
        return
    if not isinstance(items, list):
        problems.append(Problem(where=name, reason="is not a list"))
        return
    for position, item in enumerate(items):
        if isinstance(item, dict):
            yield item
        else:
            problems.append(Problem(where=f"{name}[{position}]", reason="is not an object"))
