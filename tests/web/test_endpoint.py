"""Whose traces are taken, how many at once, and what log records add to them."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from starlette.testclient import TestClient
from support.otlp_bodies import JSON, PROTOBUF, TRACE, as_json, as_protobuf, attributes, request, span
from web.conftest import settings_for

from burnish.adapters.sources.otlp.body import zstd
from burnish.adapters.store import Store
from burnish.domain.listing import IngestSummary, TraceQuery
from burnish.domain.redaction import RedactionRule
from burnish.drivers.web import create_app
from burnish.drivers.web.intake import Intake
from burnish.drivers.web.keys import Keyring
from burnish.errors import ConfigError, StoreError
from burnish.project import AgentConfig

TOKENS = {"desk": "d-token", "shop": "s-token"}


def client_with(store: Any, folder: Path, tokens: dict[str, str] | None = None, **changes: object) -> TestClient:
    app = create_app(store, settings_for(folder, **changes), tokens=tokens)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def bearer(token: str | None) -> dict[str, str]:
    return {"content-type": JSON} | ({} if token is None else {"authorization": f"Bearer {token}"})


def agents(store: Store) -> list[str]:
    return sorted(trace.agent for trace in store.traces.list(TraceQuery()))


@pytest.mark.parametrize(
    ("sent", "general", "status"),
    [
        ("d-token", None, 200),
        ("d-token", "all", 200),
        ("all", "all", 200),
        (None, None, 401),
        ("wrong", "all", 401),
        ("", "all", 401),
    ],
)
def test_where_any_token_is_set_an_export_needs_one(
    store: Store, tmp_path: Path, sent: str | None, general: str | None, status: int
) -> None:
    """An agent's own token and the general one let in; nothing else does, also where only an agent has one."""
    client = client_with(store, tmp_path, TOKENS, ingest_token=general)
    for path in ("/v1/traces", "/v1/logs"):
        assert status == client.post(path, content=b'{"resourceSpans": []}', headers=bearer(sent)).status_code


def test_an_agents_token_decides_whose_traces_they_are(store: Store, tmp_path: Path) -> None:
    """Whatever the service calls itself, its spans are those of the agent whose token it sends."""
    client = client_with(store, tmp_path, TOKENS)
    body = as_json(request(span(1), resource={"service.name": "shop", "burnish.agent": "Desk"}))
    assert {} == client.post("/v1/traces", content=body, headers=bearer("d-token")).json()
    assert ["desk"] == agents(store)


def test_no_agent_writes_under_the_name_of_another(store: Store, tmp_path: Path) -> None:
    """Spans whose resource claims another agent are rejected with the reason; their neighbours are stored."""
    client = client_with(store, tmp_path, TOKENS)
    body = request(span(1), resource={"burnish.agent": "shop"})
    body["resourceSpans"] += request(span(2, trace="c" * 32))["resourceSpans"]
    partial = client.post("/v1/traces", content=as_json(body), headers=bearer("d-token")).json()["partialSuccess"]
    assert "1" == partial["rejectedSpans"]
    assert "burnish.agent = 'shop', but the token is that of agent 'desk'" in partial["errorMessage"]
    assert ["desk"] == agents(store)


def test_no_agent_writes_into_the_trace_of_another(store: Store, tmp_path: Path) -> None:
    """With its own token an agent changes no stored span, adds none and scores none of another agent's trace."""
    client = client_with(store, tmp_path, TOKENS)
    first = as_json(request(span(1, {"input.value": "Hi"}, name="chat")))
    assert {} == client.post("/v1/traces", content=first, headers=bearer("s-token")).json()
    before = store.traces.get(TRACE)
    body = as_json(request(span(1, {"input.value": "forged"}, name="chat"), span(2, parent=1), span(3, trace="c" * 32)))
    partial = client.post("/v1/traces", content=body, headers=bearer("d-token")).json()["partialSuccess"]
    assert "2" == partial["rejectedSpans"]
    assert f"trace {TRACE} is not of agent 'desk', whose token was sent" in partial["errorMessage"]
    scored = logs(
        log(1, "gen_ai.evaluation.result", {"gen_ai.evaluation.name": "good", "gen_ai.evaluation.score.value": 1.0})
    )
    partial = client.post("/v1/logs", content=as_json(scored), headers=bearer("d-token")).json()["partialSuccess"]
    assert "1" == partial["rejectedLogRecords"]
    assert (before, []) == (store.traces.get(TRACE), store.feedback.for_trace(TRACE))
    assert ["desk", "shop"] == agents(store)
    assert {} == client.post("/v1/logs", content=as_json(scored), headers=bearer("s-token")).json()
    assert ["good"] == [item.key for item in store.feedback.for_trace(TRACE)]


def test_what_joins_a_trace_passes_the_rules_of_the_traces_agent(store: Store, tmp_path: Path) -> None:
    """A second service in a trace, and log records that name no service, do not bring in what its agent keeps out."""
    config = AgentConfig.model_validate(
        {
            "name": "shop",
            "repository": {"url": "x"},
            "target": {},
            "improve": {"metric": "m"},
            "redaction": {"patterns": {"order": "W-[0-9]{6}"}},
        }
    )
    other = config.model_copy(update={"name": "desk", "redaction": RedactionRule()})
    app = create_app(store, settings_for(tmp_path), {"shop": config, "desk": other})
    client = TestClient(app, base_url="http://localhost")
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Where is W-123456?"}]}])
    details = log(2, "gen_ai.client.inference.operation.details", {"gen_ai.input.messages": asked})
    bodies = [
        ("traces", request(span(1), resource={"service.name": "shop"})),
        ("traces", request(span(2, {"input.value": "W-123456"}, parent=1), resource={"service.name": "desk"})),
        ("logs", logs(details)),
    ]
    for path, body in bodies:
        assert {} == client.post(f"/v1/{path}", content=as_json(body), headers=bearer(None)).json()
    kept = store.traces.get(TRACE)
    assert ("shop", 2) == (kept.agent, len(kept.spans))
    assert "[redacted:order]" in kept.model_dump_json()
    assert "W-123456" not in kept.model_dump_json()


def test_the_general_token_writes_for_every_agent(store: Store, tmp_path: Path) -> None:
    """A collector that gathers for several agents sends one token; the resource says whose the spans are."""
    client = client_with(store, tmp_path, TOKENS, ingest_token="all")
    body = as_json(request(span(1), resource={"service.name": "shop"}))
    assert 200 == client.post("/v1/traces", content=body, headers=bearer("all")).status_code
    assert ["shop"] == agents(store)


def test_tokens_that_cannot_be_told_apart_are_refused() -> None:
    """The same token for two agents, or for one and for all, is a mistake of the configuration."""
    with pytest.raises(ConfigError, match="agent 'shop' has the same token as agent 'desk'"):
        Keyring(None, {"desk": "t", "shop": "t"})
    with pytest.raises(ConfigError, match="the same token as BURNISH_INGEST_TOKEN"):
        Keyring("t", {"desk": "t"})


@pytest.mark.parametrize(("general", "own"), [("", {}), (" ", {}), (None, {"desk": ""})])
def test_an_empty_token_is_refused(general: str | None, own: dict[str, str]) -> None:
    """A variable that is set and empty, as from a compose file whose secret is missing, lets nobody in with nothing."""
    with pytest.raises(ConfigError, match="empty"):
        Keyring(general, own)


def test_zstd_is_read(store: Store, tmp_path: Path) -> None:
    """A body that an exporter compressed with zstd is stored."""
    headers = {"content-type": PROTOBUF, "content-encoding": "zstd"}
    body = zstd.compress(as_protobuf(request(span(1))))
    assert 200 == client_with(store, tmp_path).post("/v1/traces", content=body, headers=headers).status_code
    assert 1 == store.traces.count(TraceQuery())


class Held:
    """A store whose writing waits until it is told to go on, and then refuses."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.entered = threading.Semaphore(0)

    @property
    def traces(self) -> "Held":
        return self

    def agents(self, _trace_ids: object) -> dict[str, str]:
        return {}

    def stamp(self) -> str:
        return ""

    def add(self, _traces: object, _taken: object) -> IngestSummary:
        self.entered.release()
        assert self.go_on.wait(10)
        raise StoreError("the database is locked. Try again")


def test_what_is_too_much_at_once_is_turned_away_and_told_when_to_come_back(tmp_path: Path) -> None:
    """While two exports wait for the store a third is a 429 with Retry-After; they themselves are 503s with one."""
    held = Held()
    with client_with(held, tmp_path, ingest_waiting_requests=2, ingest_workers=1) as client:
        answers: list[Any] = []

        def send() -> None:
            answers.append(client.post("/v1/traces", content=as_json(request(span(1))), headers=bearer(None)))

        threads = [threading.Thread(target=send) for _ in range(2)]
        threads[0].start()
        assert held.entered.acquire(timeout=10)
        threads[1].start()
        intake: Intake = client.app.state.intake  # type: ignore[attr-defined]
        while intake.free:
            time.sleep(0.01)
        third = client.post("/v1/traces", content=b"", headers={"content-type": PROTOBUF})
        assert (429, "1", PROTOBUF) == (
            third.status_code,
            third.headers["retry-after"],
            third.headers["content-type"],
        )
        assert 200 == client.get("/healthz").status_code
        held.go_on.set()
        for thread in threads:
            thread.join(10)
        assert [(503, "5")] * 2 == [(answer.status_code, answer.headers["retry-after"]) for answer in answers]
        assert 503 == client.post("/v1/traces", content=as_json(request(span(1))), headers=bearer(None)).status_code


def test_bytes_held_at_once_are_bounded(store: Store, tmp_path: Path) -> None:
    """A body that does not fit into what is left is turned away, whether its length was declared or not."""
    client = client_with(store, tmp_path, ingest_waiting_bytes=2000)

    def pieces() -> Iterator[bytes]:
        yield from [b" " * 900] * 4

    for content in (b" " * 3000, pieces()):
        assert 429 == client.post("/v1/traces", content=content, headers=bearer(None)).status_code
    assert 200 == client.post("/v1/traces", content=as_json(request(span(1))), headers=bearer(None)).status_code


def test_a_place_is_given_back_with_all_it_held() -> None:
    """Room is what it was once everybody has left."""
    intake = Intake(requests=1, size=100)
    for _ in range(3):
        place = intake.place(50)
        assert place is not None
        with place:
            assert intake.place(0) is None
            assert (place.holds(60), place.holds(100), place.holds(101)) == (True, True, False)


def log(
    number: int, name: str, facts: dict[str, Any] | None = None, body: Any = None, after: int = 0
) -> dict[str, Any]:
    from support.otlp_bodies import START, any_value

    record: dict[str, Any] = {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "timeUnixNano": str(START + after),
        "eventName": name,
        "attributes": attributes(facts or {}),
    }
    return record if body is None else record | {"body": any_value(body)}


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"logRecords": list(records)}]}]}


def test_logs_are_answered_as_logs(store: Store, tmp_path: Path) -> None:
    """Content is joined to its span, records of other names are let pass, and one without a span is rejected."""
    client = client_with(store, tmp_path)
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}])
    details = "gen_ai.client.inference.operation.details"
    records = [log(1, details, {"gen_ai.input.messages": asked}), log(2, "app.started"), {"body": {"stringValue": "x"}}]
    assert {} == client.post("/v1/logs", content=as_json(logs(*records)), headers=bearer(None)).json()
    client.post("/v1/traces", content=as_json(request(span(1, name="chat"))), headers=bearer(None))
    kept = store.traces.get(TRACE)
    assert ("chat", "Hi") == (kept.spans[0].name, kept.spans[0].input_messages[0].text)
    homeless = {**log(1, details, {"gen_ai.input.messages": asked}), "spanId": ""}
    partial = client.post("/v1/logs", content=as_json(logs(homeless)), headers=bearer(None)).json()["partialSuccess"]
    assert "1" == partial["rejectedLogRecords"]


def test_logs_in_protobuf(store: Store, tmp_path: Path) -> None:
    """A protobuf export of logs is stored and answered with an ExportLogsServiceResponse."""
    message = ExportLogsServiceRequest()
    records = message.resource_logs.add().scope_logs.add().log_records
    for number in (1, 0):
        record = records.add(time_unix_nano=1_790_000_000_000_000_000, event_name="gen_ai.user.message")
        record.trace_id, record.span_id = bytes.fromhex(TRACE), number.to_bytes(8, "big")
        record.body.kvlist_value.values.add(key="content").value.string_value = "Hello"
    headers = {"content-type": PROTOBUF}
    answer = client_with(store, tmp_path).post("/v1/logs", content=message.SerializeToString(), headers=headers)
    assert 1 == ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records
    assert "Hello" == store.traces.get(TRACE).spans[0].input_messages[0].text


def test_metrics_are_refused_for_good(store: Store, tmp_path: Path) -> None:
    """An exporter of metrics learns that it should be off here: 404, which is not sent again."""
    answer = client_with(store, tmp_path).post("/v1/metrics", content=b"{}", headers=bearer(None))
    assert (404, 12) == (answer.status_code, answer.json()["code"])


def test_the_page_of_a_trace_names_the_tools_a_call_was_offered(store: Store, tmp_path: Path) -> None:
    """Name, description and schema stand at the step, escaped like everything strangers wrote."""
    tool = {"type": "function", "name": "find", "description": "Finds <b>orders</b>.", "parameters": {"type": "object"}}
    facts = {"gen_ai.operation.name": "chat", "gen_ai.tool.definitions": json.dumps([tool])}
    client = client_with(store, tmp_path)
    client.post("/v1/traces", content=as_json(request(span(1, facts))), headers=bearer(None))
    page = client.get(f"/traces/{TRACE}").text
    assert "Tools offered: 1" in page
    assert "Finds &lt;b&gt;orders&lt;/b&gt;." in page
