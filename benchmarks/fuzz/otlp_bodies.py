"""Export requests to fuzz the endpoint with: some spans spoilt, beside them spans that are whole and must be stored."""

import gzip
import json
import random
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.fuzz.mutations import HOSTILE, copied, depth, mutate, nest
from burnish.adapters.sources.otlp.body import zstd

__all__ = ["MAX_BYTES", "Body", "make_body", "recorded_spans"]

MAX_BYTES = 256 * 1024
JSON, PROTOBUF = "application/json", "application/x-protobuf"
DEEPEST = 400  # where it is not quite JSON, about 450 levels are read, else about 1,000
START = 1_790_000_000 * 10**9

Span = dict[str, Any]


@dataclass
class Body:
    """One request. `whole` are the (trace, span) ids of spans in it that must be stored where it can be read at all.

    `readable` says that it must be; otherwise it may be refused.
    """

    data: bytes
    content_type: str = JSON
    encoding: str | None = None
    whole: set[tuple[str, str]] = field(default_factory=set)
    readable: bool = False
    logs: bool = False


def attribute(key: str, value: Any) -> dict[str, Any]:
    """An attribute of a text, or of a number."""
    return {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _own_spans() -> list[Span]:
    genai = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
        "gen_ai.input.messages": _messages("user", "Where is W1?"),
        "gen_ai.output.messages": _messages("assistant", "On its way."),
        "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "find", "parameters": {}}]),
        "gen_ai.usage.input_tokens": 12,
        "session.id": "s",
    }
    openinference = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.text": "Hi",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "find",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": [1]}',
        "llm.token_count.prompt": 3,
    }
    tool = {
        "gen_ai.tool.name": "find",
        "gen_ai.tool.call.arguments": '{"order": "W1"}',
        "gen_ai.tool.call.result": "[1, 2]",
    }
    event = {"name": "gen_ai.choice", "attributes": [attribute("message", '{"content": "x"}')]}
    result = {
        "name": "gen_ai.evaluation.result",
        "attributes": [attribute("gen_ai.evaluation.name", "r"), attribute("gen_ai.evaluation.score.label", "good")],
    }
    return [
        {
            "name": "step",
            "startTimeUnixNano": str(START),
            "endTimeUnixNano": str(START + 10**9),
            "attributes": [attribute(key, value) for key, value in facts.items()],
            "events": [event, result],
            "status": {"code": number % 3},
        }
        for number, facts in enumerate((genai, openinference, tool))
    ]


def recorded_spans(folder: Path | None) -> list[Span]:
    """Spans to begin with: our own, and those of recorded bodies in `folder`, if there is one."""
    spans = _own_spans()
    for path in sorted(folder.rglob("*.otlp.json")) if folder is not None and folder.is_dir() else ():
        for of_resource in json.loads(path.read_bytes())["resourceSpans"]:
            for of_scope in of_resource["scopeSpans"]:
                spans.extend(span for span in of_scope["spans"] if len(json.dumps(span)) < 20_000)
    return spans


def make_body(random_: random.Random, spans: list[Span]) -> Body:
    """The next body: mostly requests of whole and spoilt spans, some whose bytes are spoilt, some that are bombs."""
    way = random_.random()
    if way < 0.06:
        return _garbage(random_)
    if way < 0.08:
        return _bomb(random_)
    if way < 0.16:
        return _logs(random_)
    whole = [_fresh(random_, random_.choice(spans)) for _ in range(random_.randrange(1, 4))]
    spoilt = [_spoilt(random_, _fresh(random_, random_.choice(spans)), whole) for _ in range(random_.randrange(4))]
    ids = {(span["traceId"], span["spanId"]) for span in whole}
    if way < 0.40:
        message = _protobuf(random_, whole, spoilt)
        if way < 0.24:
            return Body(_bit_flips(random_, message), PROTOBUF)
        return _packed(random_, Body(message, PROTOBUF, whole=ids, readable=True))
    request = _request(random_, whole, spoilt)
    text = _text_of(request)
    if way < 0.48:
        return Body(_bit_flips(random_, text))
    return _packed(random_, Body(text, whole=ids, readable=depth(request) < DEEPEST))


def _fresh(random_: random.Random, span: Span) -> Span:
    made = copied(span)
    made["traceId"] = f"{random_.getrandbits(128) | 1:032x}"
    made["spanId"] = f"{random_.getrandbits(64) | 1:016x}"
    made.pop("parentSpanId", None)
    return made


def _spoilt(random_: random.Random, span: Span, whole: list[Span]) -> Span:
    other = random_.choice(whole)
    way = random_.random()
    if way < 0.15:  # the same span again with other content
        span["traceId"], span["spanId"] = other["traceId"], other["spanId"]
    elif way < 0.3:  # a child that is its parent's parent, or its own
        span["traceId"], span["parentSpanId"] = other["traceId"], other["spanId"]
        other["parentSpanId"] = random_.choice((span["spanId"], other["spanId"]))
    if way > 0.1:
        span = mutate(span, random_, random_.randrange(1, 6))
    return span


def _text_of(tree: Any) -> bytes:
    try:
        return json.dumps(tree).encode()
    except (RecursionError, ValueError):
        return b"[" * 20_000


def _request(random_: random.Random, whole: list[Span], spoilt: list[Span]) -> dict[str, Any]:
    groups: list[Any] = []
    for span in whole + spoilt:
        resource: Any = {"attributes": [attribute("service.name", "desk")]}
        good = span in whole
        if not good and random_.random() < 0.3:
            resource = mutate(resource, random_, 2)
        group: dict[str, Any] = {"resource": resource, "scopeSpans": [{"scope": {"name": "fuzz"}, "spans": [span]}]}
        if not good and random_.random() < 0.2:
            group = mutate(group, random_, 1)
        groups.append(group)
        if random_.random() < 0.15:
            groups[-1:] = [copied(random_.choice(HOSTILE)), groups[-1]]
        if random_.random() < 0.15 and good:
            group["scopeSpans"][0]["spans"].insert(0, copied(random_.choice(HOSTILE)))
    return {"resourceSpans": groups, "unknown": copied(random_.choice(HOSTILE))}


def _protobuf(random_: random.Random, whole: list[Span], spoilt: list[Span]) -> bytes:
    request = ExportTraceServiceRequest()
    for span in whole + spoilt:
        into = request.resource_spans.add().scope_spans.add().spans.add()
        for name, key in (("trace_id", "traceId"), ("span_id", "spanId"), ("parent_span_id", "parentSpanId")):
            value = span.get(key) if isinstance(span, dict) else None
            try:
                setattr(into, name, bytes.fromhex(value) if isinstance(value, str) else b"")
            except ValueError:
                setattr(into, name, random_.randbytes(random_.choice((0, 3, 8, 16, 40))))
        if not isinstance(span, dict):
            continue
        into.name = _text(span.get("name"))
        into.start_time_unix_nano = _time(span.get("startTimeUnixNano"))
        into.end_time_unix_nano = _time(span.get("endTimeUnixNano"))
        _fill(into.attributes, span.get("attributes"))
        for event in span.get("events") if isinstance(span.get("events"), list) else ():
            if isinstance(event, dict):
                _fill(into.events.add(name=_text(event.get("name"))).attributes, event.get("attributes"))
    return bytes(request.SerializeToString())


def _fill(pairs: Any, values: Any) -> None:
    for pair in values if isinstance(values, list) else ():
        if isinstance(pair, dict):
            _value(pairs.add(key=_text(pair.get("key"))).value, pair.get("value"), 0)


def _value(into: Any, value: Any, depth: int) -> None:
    content = next(iter(value.values()), None) if isinstance(value, dict) else value
    if isinstance(content, bool):
        into.bool_value = content
    elif isinstance(content, int) and -(2**63) <= content < 2**63:
        into.int_value = content
    elif isinstance(content, float):
        into.double_value = content
    elif isinstance(content, (list, dict)) and depth < 30:
        into.array_value.SetInParent()
        for item in content if isinstance(content, list) else content.values():
            _value(into.array_value.values.add(), item, depth + 1)
    elif content is not None:
        into.string_value = _text(str(content)[:5000])


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _time(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 <= number < 2**64 else 2**64 - 1


def _packed(random_: random.Random, body: Body) -> Body:
    encoding, pack = random_.choice(
        (
            (None, bytes),
            ("gzip", gzip.compress),
            ("zstd", zstd.compress),
            ("deflate", zlib.compress),
            ("identity", bytes),
        )
    )
    if len(body.data) > MAX_BYTES:
        body.readable = False
    body.data, body.encoding = pack(body.data), encoding  # type: ignore[operator]
    return body


def _bit_flips(random_: random.Random, data: bytes) -> bytes:
    spoilt = bytearray(data)
    for _ in range(random_.randrange(1, 8)):
        if spoilt:
            spoilt[random_.randrange(len(spoilt))] = random_.randrange(256)
    return bytes(spoilt[: random_.randrange(len(spoilt) + 1)]) if random_.random() < 0.3 else bytes(spoilt)


def _garbage(random_: random.Random) -> Body:
    data = random_.choice(
        (
            random_.randbytes(random_.randrange(300)),
            json.dumps(random_.choice(HOSTILE)).encode(),
            b'{"resourceSpans":' + b"[" * random_.choice((10, 900, 1100, 50_000)),
            json.dumps({"resourceSpans": nest(1, 400, in_lists=random_.random() < 0.5)}).encode(),
            b"\x0a" * random_.randrange(200),
        )
    )
    kinds = (JSON, PROTOBUF, "application/json; charset=utf-16", "text/plain", "")
    encodings = (None, "gzip", "zstd", "deflate", "br", "gzip, zstd", "x" * 300)
    return Body(data, random_.choice(kinds), random_.choice(encodings), logs=random_.random() < 0.3)


def _bomb(random_: random.Random) -> Body:
    encoding = random_.choice(tuple(_BOMBS))
    return Body(_BOMBS[encoding], random_.choice((JSON, PROTOBUF)), encoding)


_ZEROS = b" " * (32 * 2**20)
_BOMBS = {"gzip": gzip.compress(_ZEROS), "zstd": zstd.compress(_ZEROS), "deflate": zlib.compress(_ZEROS)}


def _logs(random_: random.Random) -> Body:
    record = {
        "traceId": f"{random_.getrandbits(128) | 1:032x}",
        "spanId": f"{random_.getrandbits(64) | 1:016x}",
        "timeUnixNano": str(START),
        "eventName": random_.choice(
            ("gen_ai.user.message", "gen_ai.choice", "gen_ai.client.inference.operation.details")
        ),
        "body": {"kvlistValue": {"values": [attribute("content", "Hi")]}},
        "attributes": [attribute("gen_ai.input.messages", _messages("user", "Hi"))],
    }
    score = {
        **record,
        "eventName": "gen_ai.evaluation.result",
        "attributes": [attribute("gen_ai.evaluation.name", "r"), attribute("gen_ai.evaluation.score.label", "good")],
    }
    spoilt = [mutate(item, random_, random_.randrange(1, 6)) for item in (record, score)]
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [*spoilt, record, score]}]}]}
    ids = {(record["traceId"], record["spanId"])}
    body = Body(_text_of(request), whole=ids, readable=depth(request) < DEEPEST, logs=True)
    return _packed(random_, body)
