import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.testclient import TestClient
from support.shared_data import shared
from web.conftest import client_of, settings_for

from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery
from burnish.drivers.web import create_app, ingest
from burnish.errors import StoreError

PROTOBUF = "application/x-protobuf"


def request(trace_id: str = "0af7651916cd43dd8448eb211c80319c") -> dict[str, Any]:
    span = {
        "traceId": trace_id,
        "spanId": "b7ad6b7169203331",
        "name": "answer",
        "startTimeUnixNano": "1760000000000000000",
        "endTimeUnixNano": "1760000001000000000",
        "attributes": [{"key": "input.value", "value": {"stringValue": "hello"}}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "desk"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}


def binary() -> bytes:
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"t" * 16, b"s" * 8, "answer"
    span.start_time_unix_nano, span.end_time_unix_nano = 1760000000_000000000, 1760000001_000000000
    data: bytes = message.SerializeToString()
    return data


def test_json_is_stored_and_answered_in_json(client: TestClient, store: Store) -> None:
    """A JSON export is in the store when the answer comes, and the answer is an empty success."""
    answer = client.post("/v1/traces", json=request())
    assert (200, "application/json", {}) == (answer.status_code, answer.headers["content-type"], answer.json())
    assert ["desk"] == [trace.agent for trace in store.traces.list(TraceQuery())]


@pytest.mark.parametrize("zipped", [False, True])
def test_protobuf_is_stored_and_answered_in_protobuf(client: TestClient, store: Store, zipped: bool) -> None:
    """A protobuf export is stored, gzip or not, and answered with an ExportTraceServiceResponse."""
    headers = {"content-type": PROTOBUF} | ({"content-encoding": "gzip"} if zipped else {})
    answer = client.post("/v1/traces", content=gzip.compress(binary()) if zipped else binary(), headers=headers)
    assert (200, PROTOBUF) == (answer.status_code, answer.headers["content-type"])
    assert 0 == ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans
    assert 1 == store.traces.count(TraceQuery())


def test_the_same_export_twice_is_one_trace(client: TestClient, store: Store) -> None:
    """An exporter that repeats itself changes nothing."""
    for _ in range(2):
        assert 200 == client.post("/v1/traces", json=request()).status_code
    assert 1 == store.traces.count(TraceQuery())


def test_what_an_instrumentation_really_sends_is_taken(client: TestClient, store: Store) -> None:
    """A recorded protobuf export of a real instrumentation library is stored."""
    body = shared("otel/generated_otlp/openinference_openai/openinference_openai.0.otlp.pb").read_bytes()
    assert 200 == client.post("/v1/traces", content=body, headers={"content-type": PROTOBUF}).status_code
    assert store.traces.count(TraceQuery()) >= 1


def test_a_broken_body_is_a_400_in_the_requests_encoding(client: TestClient) -> None:
    """What cannot be read is refused with a google.rpc.Status that says why, in JSON or protobuf as it came."""
    answer = client.post("/v1/traces", content=b"{", headers={"content-type": "application/json"})
    assert 400 == answer.status_code
    assert 3 == answer.json()["code"]
    assert answer.json()["message"]
    answer = client.post("/v1/traces", content=b"\xff\xff\xff", headers={"content-type": PROTOBUF})
    assert (400, PROTOBUF) == (answer.status_code, answer.headers["content-type"])
    status = Status.FromString(answer.content)
    assert 3 == status.code
    assert status.message


def test_a_long_reason_survives_the_hand_made_encoding() -> None:
    """The status on the wire is what the protobuf library reads back, also beyond 127 bytes and ASCII."""
    reason = "zu groß: " + "x" * 300
    assert (14, reason) == (lambda s: (s.code, s.message))(Status.FromString(ingest._status_message(14, reason)))


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_other_content_types_are_a_415(client: TestClient, content_type: str) -> None:
    """Only the two encodings of OTLP are read; a form that a foreign page can send is not."""
    assert 415 == client.post("/v1/traces", content=b"{}", headers={"content-type": content_type}).status_code


def test_a_body_over_the_limit_is_a_413(store: Store, tmp_path: Path) -> None:
    """A body is refused by its declared length, and without one as soon as it grows over the limit."""
    client = client_of(store, tmp_path, ingest_body_bytes=1024)
    headers = {"content-type": "application/json"}

    def pieces() -> Iterable[bytes]:
        yield from [b" " * 500] * 4

    assert 413 == client.post("/v1/traces", content=b" " * 1025, headers=headers).status_code
    assert 413 == client.post("/v1/traces", content=pieces(), headers=headers).status_code


def test_a_gzip_bomb_is_refused(store: Store, tmp_path: Path) -> None:
    """The limit holds for the body after decompression as well."""
    bomb = gzip.compress(b" " * 10_000_000)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = client_of(store, tmp_path, ingest_body_bytes=100_000).post("/v1/traces", content=bomb, headers=headers)
    assert 400 == answer.status_code
    assert "100000 bytes" in answer.json()["message"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(None, 401), ("Bearer wrong", 401), ("Basic s3cret", 401), ("Bearer s3cr\u00e9t", 401), ("Bearer s3cret", 200),
     ("bearer s3cret", 200)],
)  # fmt: skip
def test_a_token_is_asked_for_where_one_is_set(store: Store, tmp_path: Path, sent: str | None, expected: int) -> None:
    """With BURNISH_INGEST_TOKEN set, only its bearer may write."""
    client = client_of(store, tmp_path, ingest_token="s3cret")
    headers = {} if sent is None else {"authorization": sent.encode("latin-1")}
    assert expected == client.post("/v1/traces", json=request(), headers=headers).status_code  # type: ignore[arg-type]


def test_a_store_that_does_not_answer_is_a_503_to_try_again(tmp_path: Path) -> None:
    """When the database is held by another process the exporter is told to come back, and when."""

    class Busy:
        def agents(self, _trace_ids: object) -> dict[str, str]:
            return {}

        def add(self, _traces: object, _taken: object) -> None:
            raise StoreError("the database is locked. Another process holds it; try again")

    class BusyStore:
        traces = Busy()

        def stamp(self) -> str:
            return ""

    app = create_app(BusyStore(), settings_for(tmp_path))  # type: ignore[arg-type]
    answer = TestClient(app, base_url="http://localhost").post("/v1/traces", json=request())
    assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
    assert 14 == answer.json()["code"]


def test_single_bad_spans_are_counted_not_fatal(client: TestClient, store: Store) -> None:
    """One bad span is rejected by count while its neighbour is stored."""
    body = request()
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans.append({**spans[0], "traceId": "zz", "spanId": "zz"})
    answer = client.post("/v1/traces", content=json.dumps(body), headers={"content-type": "application/json"})
    assert 200 == answer.status_code
    assert "1" == answer.json()["partialSuccess"]["rejectedSpans"]
    assert 1 == store.traces.count(TraceQuery())


def test_only_post_is_taken(client: TestClient) -> None:
    """A GET of the endpoint is a 405."""
    assert 405 == client.get("/v1/traces").status_code
