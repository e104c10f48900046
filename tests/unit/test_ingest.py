"""From a source or a request into the store, in bounded batches and with every problem told."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from support.otlp_bodies import JSON, PROTOBUF, TRACE, as_json, as_protobuf, request, span, traces_of

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.listing import IngestSummary, TraceQuery
from burnish.domain.redaction import RedactionRule
from burnish.domain.traces import SpanKind, Trace
from burnish.errors import InputError
from burnish.loop.ingest import encode_response, ingest, receive
from burnish.loop.screen import Screens
from burnish.project import AgentConfig

ROOT = span(1, {"gen_ai.operation.name": "invoke_agent", "input.value": "Hi", "output.value": "Bye"}, name="agent")
CHILD = span(2, {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}, name="chat", parent=1)


class Shelf:
    """A store that remembers what it was given, and how much at once."""

    def __init__(self) -> None:
        self.held: list[Trace] = []
        self.sizes: list[int] = []

    @property
    def traces(self) -> "Shelf":
        return self

    def agents(self, _trace_ids: object) -> dict[str, str]:
        return {}

    def add(self, traces: Iterable[Trace], taken: object = None) -> IngestSummary:
        found = list(traces)
        self.held += found
        self.sizes.append(len(found))
        return IngestSummary(new_traces=len(found), new_spans=sum(len(trace.spans) for trace in found))


class Batches:
    """A source with these batches; `yielded` tells how far it was read."""

    name = "batches"

    def __init__(self, batches: list[Batch]) -> None:
        self._batches = batches
        self.yielded = 0

    def read(self) -> Iterator[Batch]:
        for batch in self._batches:
            self.yielded += len(batch.traces)
            yield batch


def _traces(first: int, last: int) -> list[Trace]:
    return traces_of(as_json(request(*(span(n, trace=f"{n:032x}") for n in range(first, last)))))


def test_a_source_is_stored_in_bounded_batches() -> None:
    """Small batches are gathered and large ones divided; nothing is held back or doubled."""
    shelf = Shelf()
    batches = [Batch(_traces(1, 51), []), Batch(_traces(51, 101), []), Batch(_traces(101, 601), [])]
    told: list[tuple[int, int]] = []
    report = ingest(shelf, Batches(batches), lambda summary, problems: told.append((summary.new_traces, problems)))
    assert shelf.sizes == [200, 200, 200]
    assert [trace.trace_id for trace in shelf.held] == [f"{n:032x}" for n in range(1, 601)]
    assert (report.traces, report.summary.new_traces, report.problem_count) == (600, 600, 0)
    assert told[-1] == (600, 0)


def test_reading_goes_on_only_when_what_was_read_is_written() -> None:
    """A source is never read far ahead of the store: memory stays flat however much it holds."""
    batches = [Batch(_traces(n, n + 100), []) for n in range(1, 1001, 100)]
    source = Batches(batches)

    class Watching(Shelf):
        def add(self, traces: Iterable[Trace], taken: object = None) -> IngestSummary:
            summary = super().add(traces)
            ahead.append(source.yielded - len(self.held))
            return summary

    ahead: list[int] = []
    ingest(Watching(), source)
    assert ahead == [0] * 5


def test_problems_are_told_and_counted_past_the_thousand_that_are_kept() -> None:
    """What could not be read is reported in order; a flood of it does not fill the memory."""
    flood = [Problem(where=f"line {n}", reason="bad") for n in range(1500)]
    report = ingest(Shelf(), Batches([Batch(_traces(1, 3), flood[:700]), Batch([], flood[700:])]))
    assert (report.summary.new_traces, len(report.problems), report.problem_count) == (2, 1000, 1500)
    assert report.problems[-1].where == "line 999"


@pytest.mark.parametrize(
    ("body", "kind"), [(as_json(request(ROOT, CHILD)), JSON), (as_protobuf(request(ROOT, CHILD)), PROTOBUF)]
)
def test_a_request_is_stored_and_sending_it_again_changes_nothing(store: Store, body: bytes, kind: str) -> None:
    """An exporter may retry: the second time every span is known."""
    first, second = (receive(store, "desk", body, kind, None) for _ in range(2))
    assert (first.summary.new_traces, first.summary.new_spans, first.rejected) == (1, 2, 0)
    assert (second.summary.new_spans, second.summary.known_spans) == (0, 2)
    kept = store.traces.get(TRACE)
    assert (kept.agent, kept.input, kept.output, kept.usage.input_tokens) == ("desk", "Hi", "Bye", 5)


def test_a_trace_that_comes_in_parts_is_whole_in_any_order(store: Store) -> None:
    """Exporters send children before their root: the stored trace is the one that came at once."""
    (whole,) = traces_of(as_json(request(ROOT, CHILD)))
    for part in (CHILD, ROOT):
        receive(store, "agent", as_json(request(part)), JSON, None)
    kept = store.traces.get(TRACE)
    assert kept == whole
    assert [step.kind for step in kept.spans] == [SpanKind.AGENT, SpanKind.LLM]


def test_the_agent_is_told_by_the_resource_of_the_root(store: Store) -> None:
    """Traces of several services arrive at one endpoint and are filed under their own names."""
    body = request(ROOT, CHILD, resource={"service.name": "Desk EU"})
    body["resourceSpans"] += request(span(9, trace="c" * 32))["resourceSpans"]
    receive(store, "fallback", as_json(body), JSON, None)
    assert [store.traces.count(TraceQuery(agent=name)) for name in ("desk-eu", "fallback")] == [1, 1]


def test_bad_spans_are_answered_as_partial_success(store: Store) -> None:
    """Good spans of a request are stored; the answer counts and explains the others, in the request's encoding."""
    body = as_json(request(ROOT, span(3, spanId="xx!"), span(4, startTimeUnixNano="0"), CHILD))
    result = receive(store, "desk", body, JSON, None)
    assert (result.rejected, result.summary.new_spans) == (2, 2)
    assert "span 'step': id 'xx!' is neither 16 hex digits nor base64" in result.message
    assert json.loads(encode_response(result, JSON))["partialSuccess"]["rejectedSpans"] == "2"
    answer = ExportTraceServiceResponse.FromString(encode_response(result, PROTOBUF))
    assert (answer.partial_success.rejected_spans, answer.partial_success.error_message) == (2, result.message)


def test_many_bad_spans_give_a_short_message(store: Store) -> None:
    """A thousand reasons are three and a count."""
    result = receive(store, "desk", as_json(request(*(span(n, traceId="x!") for n in range(1, 1001)))), JSON, None)
    assert (result.rejected, result.message.endswith("; and 997 more")) == (1000, True)
    assert store.traces.count(TraceQuery()) == 0


def test_an_unusable_body_stores_nothing(store: Store) -> None:
    """A body that cannot be read is refused as a whole, an oversized one too."""
    for body, kind, limit in ((b"\xff\xff", PROTOBUF, 100), (as_json(request(ROOT)), JSON, 100)):
        with pytest.raises(InputError):
            receive(store, "desk", body, kind, None, max_bytes=limit)
    assert store.traces.count(TraceQuery()) == 0


def test_what_comes_in_is_screened_by_its_agents_rules() -> None:
    """One endpoint serves many agents: each trace goes by its own agent's file, one without a file by the defaults."""
    rule = RedactionRule(personal=())
    config = AgentConfig.model_validate(
        {"name": "lookup", "repository": {"url": "x"}, "target": {}, "improve": {"metric": "m"}, "redaction": rule}
    )
    shelf = Shelf()
    screens = Screens([config])
    for agent, number in (("lookup", 1), ("other", 2)):
        values = {"gen_ai.operation.name": "invoke_agent", "input.value": "ann@example.com"}
        body = as_json(request(span(number, values, trace=f"{number:032x}"), resource={"service.name": agent}))
        receive(shelf, "unnamed", body, JSON, None, screens=screens)
    assert [("lookup", "ann@example.com"), ("other", "[redacted:email]")] == [(t.agent, t.input) for t in shelf.held]


def test_traces_past_their_retention_are_not_taken_in() -> None:
    """A source that tells everything again does not bring back what was pruned."""
    config = AgentConfig.model_validate(
        {
            "name": "desk",
            "repository": {"url": "x"},
            "target": {},
            "improve": {"metric": "m"},
            "retention": {"days": 30},
        }
    )
    old = [
        trace.model_copy(update={"agent": "desk", "started_at": utc_now() - timedelta(days=31)})
        for trace in _traces(1, 3)
    ]
    new = [trace.model_copy(update={"agent": "desk", "started_at": utc_now()}) for trace in _traces(3, 4)]
    shelf = Shelf()
    report = ingest(shelf, Batches([Batch([*old, *new], [])]), screens=Screens([config]))
    assert (3, 2, 1) == (report.traces, report.expired, report.summary.new_traces)
