"""Decoding request bodies: encodings, limits, and bad spans among good ones."""

import base64
import gzip
import json
import zlib
from datetime import UTC, datetime

import pytest
from support.otlp_bodies import JSON, PROTOBUF, START, TRACE, as_json, as_protobuf, mapped, request, span, traces_of

from burnish.adapters.sources.otlp import decode_body, encode_response, spans_from_body
from burnish.adapters.sources.otlp.body import zstd
from burnish.errors import InputError

GOOD = request(
    span(1, {"gen_ai.operation.name": "invoke_agent", "deep": {"list": [1, 2.5, True, "x"]}}, name="agent"),
    span(2, {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12}, name="chat", parent=1),
    resource={"service.name": "desk", "service.version": "1.2"},
)

# A frame that wants a window of 128 MB: the memory is the reader's, not the sender's.
_WIDE = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
WIDE = _WIDE.compress(as_json(GOOD)) + _WIDE.flush()


def test_protobuf_and_json_of_the_same_request_give_equal_traces() -> None:
    """The encoding of a body changes nothing about what is stored."""
    assert traces_of(as_json(GOOD)) == traces_of(as_protobuf(GOOD), PROTOBUF)


def test_ids_times_and_attributes_arrive_unchanged() -> None:
    """A span keeps its ids, its parent, its times to the microsecond and its nested attributes."""
    (trace,) = traces_of(as_protobuf(GOOD), PROTOBUF)
    root, child = trace.spans
    assert (TRACE, f"{1:016x}", None) == (root.trace_id, root.span_id, root.parent_id)
    assert root.span_id == child.parent_id
    assert datetime.fromtimestamp(START // 10**9, UTC).replace(microsecond=1000) == root.started_at
    assert root.attributes["deep"] == {"list": [1, 2.5, True, "x"]}
    assert root.latency_s == 1.0


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("identity", bytes),
        (None, bytes),
        ("gzip", lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:])),
        ("zstd", zstd.compress),
        ("zstd", lambda data: zstd.compress(data[:100]) + zstd.compress(data[100:])),
    ],
)
def test_compressed_bodies_are_the_same_bodies(encoding: str | None, pack: object) -> None:
    """gzip in one or several members, both kinds of deflate, and no compression all read alike."""
    assert traces_of(as_json(GOOD)) == traces_of(pack(as_json(GOOD)), JSON, encoding)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "reason"),
    [
        (as_protobuf(GOOD)[:-7], PROTOBUF, None, "not an OTLP protobuf message"),
        (b"\xff\xfe nonsense", PROTOBUF, None, "not an OTLP protobuf message"),
        (b'{"resourceSpans": [', JSON, None, "not valid JSON"),
        (b'{"resourceSpans": "x\xff"}', JSON, None, "not valid JSON"),
        (b"[" * 9_900, JSON, None, "not valid JSON"),
        (b"[]", JSON, None, "needs an object"),
        (b'{"resourceSpans": 3}', JSON, None, "needs an object"),
        (as_json(GOOD), "text/plain", None, "application/x-protobuf or application/json"),
        (as_json(GOOD), JSON, "br", "not supported"),
        (as_json(GOOD), JSON, "gzip", "not valid gzip"),
        (gzip.compress(as_json(GOOD))[:-20], JSON, "gzip", "ends too early"),
        (as_json(GOOD), JSON, "zstd", "not valid zstd"),
        (zstd.compress(as_json(GOOD))[:-20], JSON, "zstd", "ends too early"),
        (WIDE, JSON, "zstd", "not valid zstd"),
        (as_json(GOOD) + b" " * 10_000, JSON, None, "over 10000 bytes"),
    ],
)
def test_an_unusable_body_is_refused_with_its_reason(
    body: bytes, content_type: str, encoding: str | None, reason: str
) -> None:
    """Whoever sent a body that cannot be read learns why."""
    with pytest.raises(InputError, match=reason):
        decode_body(body, content_type, encoding, max_bytes=10_000)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd.compress)]
)
def test_a_decompression_bomb_is_stopped_at_the_limit(encoding: str, pack: object) -> None:
    """A small body that unpacks to very much is refused without unpacking it all."""
    bomb = pack(bytes(200 * 2**20))  # type: ignore[operator]
    with pytest.raises(InputError, match="over 100000 bytes"):
        decode_body(bomb, JSON, encoding, max_bytes=100_000)


def test_an_empty_protobuf_body_is_an_empty_request() -> None:
    """Zero bytes are a valid message without spans."""
    assert decode_body(b"", PROTOBUF, None, max_bytes=10).spans == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (span(2, traceId=""), "trace id (none) is not 16 bytes"),
        (span(2, traceId="0" * 32), "all zero"),
        (span(2, traceId="abcd"), "trace id 'abcd' is not 16 bytes"),
        (span(2, spanId="zz-top"), "neither 16 hex digits nor base64"),
        (span(2, spanId=17), "span id (none)"),
        (span(2, parentSpanId="abc"), "parent span id 'abc'"),
        (span(2, startTimeUnixNano="soon"), "start time 'soon' is not an integer"),
        (span(2, startTimeUnixNano=0), "start time 0"),
        (span(2, endTimeUnixNano="9" * 21), "end time"),
        (span(2, startTimeUnixNano=-5), "start time -5"),
        ("a string", "is not an object"),
        (None, "is not an object"),
    ],
)
def test_one_bad_span_does_not_lose_its_neighbours(bad: object, reason: str) -> None:
    """Spans one and three are kept, span two is a problem that says why."""
    decoded = decode_body(as_json(request(span(1), bad, span(3))), JSON, None, max_bytes=10**6)
    assert [f"{1:016x}", f"{3:016x}"] == [kept.span_id for kept in decoded.spans]
    (problem,) = decoded.problems
    assert reason in problem.reason


def test_a_bad_span_in_protobuf_does_not_lose_its_neighbours() -> None:
    """Ids of the wrong length are rejected one by one in protobuf too."""
    decoded = decode_body(
        as_protobuf(request(span(1), span(2, traceId="abcd"), span(3))), PROTOBUF, None, max_bytes=10**6
    )
    assert (len(decoded.spans), len(decoded.problems)) == (2, 1)


def test_json_ids_may_be_base64_and_upper_case_hex() -> None:
    """Exporters that follow protobuf's JSON mapping send ids as base64; both read as the same hex."""
    encoded = base64.b64encode(bytes.fromhex(TRACE)).decode()
    for trace_id in (encoded, encoded.rstrip("="), TRACE.upper()):
        (trace,) = traces_of(as_json(request(span(1, traceId=trace_id))))
        assert trace.trace_id == TRACE


def test_json_enums_integers_and_field_names_may_take_either_form() -> None:
    """Names or numbers for the status, strings or numbers for times, snake_case or camelCase for fields."""
    named = span(1, status={"code": "STATUS_CODE_ERROR", "message": "no"}, startTimeUnixNano=START)
    snake = {
        "resource_spans": [
            {
                "scope_spans": [
                    {
                        "spans": [
                            {
                                "trace_id": TRACE,
                                "span_id": "0000000000000001",
                                "start_time_unix_nano": str(START),
                                "end_time_unix_nano": named["endTimeUnixNano"],
                                "name": "step",
                                "status": {"code": 2, "message": "no"},
                                "brand_new_field": [1],
                            }
                        ]
                    }
                ]
            }
        ]
    }
    (one,), (other,) = traces_of(as_json(request(named, scope=""))), traces_of(as_json(snake))
    assert one == other
    assert one.error == "no"


def test_a_span_that_ends_before_it_starts_stays_open() -> None:
    """A clock that was set back costs the latency, not the span."""
    late = mapped({}, endTimeUnixNano=str(START))
    assert (late.ended_at, late.attributes["otel.end_time_unix_nano"]) == (None, START)


def test_text_that_no_database_takes_is_replaced() -> None:
    """NUL, lone surrogates, NaN and overflowing numbers neither lose the span nor reach the store."""
    body = as_json(request(span(1, {"a": "x", "messages": "y"})))
    body = body.replace(b'"x"', b'"nul \\u0000 half \\ud83d whole \\ud83d\\ude00"')
    body = body.replace(b'{"stringValue": "y"}', b'{"doubleValue": NaN}')
    (trace,) = traces_of(body)
    assert trace.spans[0].attributes["a"] == "nul \ufffd half \ufffd whole \U0001f600"
    assert trace.spans[0].attributes["messages"] == "nan"
    trace.model_dump_json().encode()
    (trace,) = traces_of(as_protobuf(request(span(1, {"a": "nul \x00", "b": float("inf")}))), PROTOBUF)
    assert (trace.spans[0].attributes["a"], trace.spans[0].attributes["b"]) == ("nul \ufffd", "inf")


def test_pixels_are_not_kept() -> None:
    """An image inlined as base64 leaves only a note of its size, wherever the text stands."""
    picture = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 40).decode()
    text = json.dumps([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": picture}}]}])
    kept = mapped({"gen_ai.input.messages": text, "other": f"see {picture}!"})
    assert f"see data:image/png;base64,[{len(picture)} characters left out]!" == kept.attributes["other"]
    assert len(kept.model_dump_json()) < 1000


def test_an_answer_says_what_was_rejected_in_the_requests_encoding() -> None:
    """Exporters read partial success from the reply, protobuf or JSON; full success is an empty message."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse.FromString(encode_response(2, "bad ids", PROTOBUF))
    assert (answer.partial_success.rejected_spans, answer.partial_success.error_message) == (2, "bad ids")
    assert json.loads(encode_response(2, "bad ids", "application/json; charset=utf-8")) == {
        "partialSuccess": {"rejectedSpans": "2", "errorMessage": "bad ids"}
    }
    assert (encode_response(0, "", PROTOBUF), encode_response(0, "", JSON)) == (b"", b"{}")


def test_spans_that_come_back_with_an_answer_are_read_in_either_encoding() -> None:
    """What an agent hands back with its answer may be JSON or protobuf; anything else is refused."""
    assert spans_from_body(as_json(GOOD)) == spans_from_body(as_protobuf(GOOD))
    assert [found.name for found in spans_from_body(b"\n " + as_json(GOOD))] == ["agent", "chat"]
    with pytest.raises(InputError):
        spans_from_body(b"neither")
