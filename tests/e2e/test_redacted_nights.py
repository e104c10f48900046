"""A whole night on traces with planted secrets: none of them is on disk or was shown to a model."""

import json
import zlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.model_server import Answer, ModelServer, serve_in_thread
from support.night_driver import one_night
from support.night_project import DAY, NightProject, answer
from support.otlp_bodies import JSON, as_json, request, span
from support.store_samples import span as plain_span
from support.store_samples import trace as plain_trace

from burnish.adapters.sources.files import OtlpFilesSource
from burnish.adapters.sources.jsonl import JsonlSource
from burnish.adapters.store import Store
from burnish.adapters.store.tables import metadata
from burnish.domain.listing import TraceQuery
from burnish.loop.annotate import Review, import_reviews
from burnish.loop.ingest import ingest, receive

pytestmark = pytest.mark.slow

PLANTED = {
    "github_token": "ghp_" + "q7R8s9T0u1V2" * 3,
    "email": "zebulon.quist@canary.example.com",
    "password": "hunter-canary-77",
    "card": "4929 1234 5678 9015",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ",
}
# What must be nowhere: the telling part of each.
CANARIES = ("q7R8s9T0u1V2q7R8", "zebulon.quist", "hunter-canary", "4929 1234 5678", "c2lnbmF0dXJlLWNhbmFyeQ")
NOUNS = ("invoice", "parcel", "password", "kayak")


def _said(number: int) -> str:
    """A message with everything planted in it, about a topic that the agent gets wrong."""
    told = f"{PLANTED['github_token']}, {PLANTED['email']}, password={PLANTED['password']}"
    return f"Since number {number} the kayak {NOUNS[number % 4]} is lost: {told}, {PLANTED['card']}, {PLANTED['jwt']}"


def _body(first: int, last: int) -> bytes:
    spans = []
    for number in range(first, last):
        trace = f"{number + 0xABCDEF00:08x}{number:024x}"
        turns = json.dumps([{"role": "user", "parts": [{"type": "text", "content": _said(number)}]}])
        values = {"gen_ai.operation.name": "invoke_agent", "input.value": _said(number), "output.value": "atlas"}
        spans.append(span(number, {**values, f"x {PLANTED['github_token']}": 1}, trace=trace, name="agent"))
        call = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": turns, "request.headers": _said(number)}
        spans.append(span(number + 5000, call, parent=number, trace=trace, name=f"chat {PLANTED['email']}"))
    return as_json(request(*spans))


async def test_planted_secrets_reach_neither_disk_nor_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the endpoint, OTLP files, JSON lines and reviews, then curated, clustered, proposed on and measured."""
    asked: list[str] = []

    def listen(body: dict[str, object]) -> Answer:
        asked.append(json.dumps(body))
        return answer(body)

    with serve_in_thread(ModelServer(listen)) as server:
        project = NightProject.create(tmp_path / "project", server.base_url)
        for name, value in project.environment.items():
            monkeypatch.setenv(name, value)
        with project.store() as store:
            counts = _plant(store, tmp_path)
        await one_night(day=DAY)
        with project.store() as store:
            told = [row.detector for row in store.redactions.list("desk")]
    everything = "\n".join(asked)
    assert [] == [canary for canary in CANARIES if canary in everything]
    assert [] == _on_disk(project.folder / ".burnish" / "burnish.sqlite3")
    # The other way round: the planted traces were counted, and what is left of them was shown to a model.
    assert {*PLANTED} <= {*told}
    assert set(PLANTED) == {name for name in PLANTED if counts.get(name, 0) > 0}
    assert "[redacted:github_token]" in everything


def _plant(store: Store, folder: Path) -> dict[str, int]:
    received = receive(store, "desk", _body(100, 112), JSON, None)
    (folder / "otlp.json").write_bytes(_body(200, 212))
    (folder / "lines.jsonl").write_text(
        "\n".join(
            plain_trace(
                f"line-{n}",
                plain_span(f"line-{n}", "root", input=_said(n)),
                agent="desk",
                input=_said(n),
                output="atlas",
            ).model_dump_json()
            for n in range(300, 312)
        )
    )
    reports = [
        ingest(store, OtlpFilesSource(folder / "otlp.json", "desk")),
        ingest(store, JsonlSource(folder / "lines.jsonl", "desk")),
    ]
    assert [12, 12] == [report.summary.new_traces for report in reports]
    ids = [row.trace_id for row in store.traces.list(TraceQuery(agent="desk")) if "redacted" in row.input_preview]
    assert len(ids) == 36
    reviews = [Review(trace_id=one, reviewer="ines", expected="delta", comment=_said(1)) for one in ids]
    import_reviews(store, "desk", reviews)
    found = dict(received.summary.redacted)
    for report in reports:
        for name, count in report.summary.redacted.items():
            found[name] = found.get(name, 0) + count
    return found


def _on_disk(path: Path) -> list[str]:
    """Where a canary is found: in the bytes of the database's files, or in a row once it is unpacked."""
    found = []
    for file in path.parent.glob(path.name + "*"):
        content = file.read_bytes()
        found += [f"{file.name}: {canary}" for canary in CANARIES if canary.encode() in content]
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                for column, value in row._mapping.items():
                    text = value if isinstance(value, bytes) else str(value).encode()
                    if isinstance(value, bytes) and not value.startswith(b"{"):
                        text = zlib.decompress(value)
                    found += [f"{table.name}.{column}: {canary}" for canary in CANARIES if canary.encode() in text]
    engine.dispose()
    return found
