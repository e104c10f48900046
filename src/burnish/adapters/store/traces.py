"""Traces: added in batches, however often and in whatever order their spans come; read back whole."""

import builtins
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, chunked, upsert
from burnish.adapters.store.ingest import Prepared, digest, head_json, prepare, span_json, span_rows, trace_rows
from burnish.adapters.store.lookup import resolve
from burnish.adapters.store.pulled import changed_since, known_page, span_ids, trace_agents, trace_sources
from burnish.adapters.store.redactions import book_redactions
from burnish.adapters.store.results import sessions
from burnish.adapters.store.rows import MACHINES, unpack
from burnish.adapters.store.trace_lists import (
    count_traces,
    known_agents,
    list_traces,
    page_of_traces,
    trace_ids,
    unsealed,
)
from burnish.domain.evaluators.sessions import SessionTraces
from burnish.domain.listing import IngestSummary, TracePage, TraceQuery, TraceSummary
from burnish.domain.merging import merge
from burnish.domain.traces import Span, Trace

__all__ = ["TraceStore", "write_traces"]

# One commit, and with it one flush to disk, a batch.
SPANS_A_BATCH = 2_000
TRACES_A_LOAD = 200
# What was taken out, by trace and span; "" is the trace itself.
Taken = Mapping[tuple[str, str], Counter[str]]


@dataclass
class _Rows:
    """What one batch writes, a list a table."""

    traces: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def add_trace(self, trace: Trace, head: bytes, spans: int) -> None:
        row, payload = trace_rows(trace, head, spans)
        self.traces.append(row)
        self.heads.append(payload)

    def add_span(self, trace_id: str, item: tuple[Span, bytes], position: int) -> None:
        row, payload = span_rows(trace_id, *item, position)
        self.spans.append(row)
        self.bodies.append(payload)

    def write(self, connection: Connection) -> None:
        upsert(connection, tables.traces, self.traces)
        upsert(connection, tables.trace_payloads, self.heads)
        upsert(connection, tables.spans, self.spans)
        upsert(connection, tables.span_payloads, self.bodies)


class TraceStore:
    """Traces and their spans."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, traces: Iterable[Trace], taken: Taken | None = None) -> IngestSummary:
        """Store traces; spans join what is known of their trace, the newest version of a span wins.

        Adding the same again changes nothing. A known trace that grew or changed loses its machine feedback and
        evaluator failures, so that it is judged again. Written in batches of about 2,000 spans, each durable when the
        next begins: after a crash, add everything again. `taken` says what was redacted, by trace and span; what is
        written of it is counted in the same transaction, what was known already is not counted again.
        """
        summary = IngestSummary()
        batch: list[Prepared] = []
        held = 0
        for trace in traces:
            batch.append(prepare(trace))
            held += 1 + len(trace.spans)
            if held >= SPANS_A_BATCH:
                summary += self._write(batch, taken)
                batch, held = [], 0
        return summary + self._write(batch, taken) if batch else summary

    def get(self, trace_id: str) -> Trace:
        """One trace with all its spans, by id or a unique beginning of at least 6 characters.

        Raises NotFoundError.
        """
        with self._database.read() as connection:
            whole = resolve(connection, tables.traces.c.trace_id, trace_id, "trace")
            return _load(connection, [whole])[whole]

    def head(self, trace_id: str) -> tuple[Trace, int]:
        """One trace without its spans, by id or a unique beginning, and how many it has: as fast for many as for few.

        Raises NotFoundError.
        """
        columns = tables.traces.c
        with self._database.read() as connection:
            whole = resolve(connection, columns.trace_id, trace_id, "trace")
            text = _heads(connection, [whole])[whole]
            count = connection.execute(sa.select(columns.spans).where(columns.trace_id == whole)).scalar_one()
        return _without_spans(text), count

    def load(self, trace_ids: Sequence[str]) -> Iterator[Trace]:
        """The traces in the order asked, a few hundred in memory at a time; unknown ids are skipped."""
        for ids in chunked(trace_ids, TRACES_A_LOAD):
            with self._database.read() as connection:
                found = _load(connection, ids)
            yield from (found[one] for one in ids if one in found)

    def heads(self, trace_ids: Sequence[str]) -> Iterator[Trace]:
        """The traces without their spans, in the order asked: what was asked and answered; unknown ids are skipped."""
        for ids in chunked(trace_ids, TRACES_A_LOAD):
            with self._database.read() as connection:
                texts = _heads(connection, ids)
            found = {one: _without_spans(text) for one, text in texts.items()}
            yield from (found[one] for one in ids if one in found)

    def known(self, agent: str, source: str, since: datetime) -> Iterator[tuple[str, list[str]]]:
        """(trace id, span ids) of the agent's production traces from `source`, newest first, a page in memory."""
        last: tuple[int, str] | None = None
        while True:
            with self._database.read() as connection:
                page = known_page(connection, agent, source, since, last)
                spans = span_ids(connection, [trace_id for _, trace_id in page])
            if not page:
                return
            last = page[-1]
            yield from ((trace_id, spans[trace_id]) for _, trace_id in page)

    def span_ids(self, trace_ids: Sequence[str]) -> dict[str, list[str]]:
        """The span ids of those of the traces that are known."""
        with self._database.read() as connection:
            return span_ids(connection, trace_ids)

    def changed(self, trace_ids: Sequence[str], since: datetime) -> set[str]:
        """Those of the traces of which something came in after `since`."""
        with self._database.read() as connection:
            return changed_since(connection, trace_ids, since)

    def agents(self, trace_ids: Sequence[str]) -> dict[str, str]:
        """Whose those of the traces are that are known."""
        with self._database.read() as connection:
            return trace_agents(connection, trace_ids)

    def sources(self, trace_ids: Sequence[str]) -> dict[str, str]:
        """Where those of the traces that are known came from."""
        with self._database.read() as connection:
            return trace_sources(connection, trace_ids)

    def ids(self, query: TraceQuery) -> list[str]:
        """The ids alone, newest first."""
        with self._database.read() as connection:
            return trace_ids(connection, query)

    def count(self, query: TraceQuery) -> int:
        """How many traces fit, whatever the query's limit and offset."""
        with self._database.read() as connection:
            return count_traces(connection, query)

    def list(self, query: TraceQuery) -> list[TraceSummary]:
        """Summaries, newest first; reads no payloads."""
        with self._database.read() as connection:
            return list_traces(connection, query)

    def page(self, query: TraceQuery, reach: int) -> TracePage:
        """The first `query.limit` traces that fit, newest first, looking through `reach` at most where that takes
        looking; see `TracePage`. Reads no payloads.
        """
        with self._database.read() as connection:
            return page_of_traces(connection, query, reach)

    def visible(self, trace_ids: Sequence[str]) -> set[str]:
        """Those of the traces that are production's and neither behind a held-out example nor with its input."""
        with self._database.read() as connection:
            return unsealed(connection, trace_ids)

    def known_agents(self) -> builtins.list[str]:
        """The agents that have traces, sorted."""
        with self._database.read() as connection:
            return known_agents(connection)

    def sessions(self, agent: str) -> builtins.list[SessionTraces]:
        """The sessions of the agent's production traces, the one that ended last first; reads no payloads."""
        with self._database.read() as connection:
            return sessions(connection, agent)

    def _write(self, batch: Sequence[Prepared], taken: Taken | None) -> IngestSummary:
        with self._database.write("traces") as connection:
            return write_traces(connection, batch, taken)


def write_traces(connection: Connection, batch: Sequence[Prepared], taken: Taken | None = None) -> IngestSummary:
    """Write prepared traces, joined with what is known of them, and count what was redacted in what is written."""
    parts: dict[str, list[Prepared]] = {}
    for item in batch:
        parts.setdefault(item.trace.trace_id, []).append(item)
    known = _digests(connection, list(parts))
    rows = _Rows()
    summary = IngestSummary()
    for trace_id, items in parts.items():
        if trace_id not in known:
            summary += _first(rows, items)
    summary += _again(connection, rows, {one: parts[one] for one in parts if one in known}, known)
    rows.write(connection)
    if not taken:
        return summary
    agents = {row["trace_id"]: row["agent"] for row in rows.traces}
    written = [(row["trace_id"], row["span_id"]) for row in rows.spans]
    written += [(trace_id, "") for trace_id in parts if trace_id not in known]
    counts: dict[str, Counter[str]] = {}
    for part in written:
        if part in taken:
            counts.setdefault(agents[part[0]], Counter()).update(taken[part])
    book_redactions(connection, counts)
    return summary + IngestSummary(redacted=dict(sum(counts.values(), Counter())))


def _first(rows: _Rows, items: Sequence[Prepared]) -> IngestSummary:
    """Rows of a trace that the store has not seen."""
    trace, head, spans = items[0].trace, items[0].head, dict(items[0].spans)
    total = len(spans)
    if len(items) > 1:
        for item in items[1:]:
            trace = merge(trace, item.trace)
            spans |= item.spans
            total += len(item.spans)
        head = head_json(trace)
        spans = _as_merged(trace, spans)
    rows.add_trace(trace, head, len(spans))
    for position, span in enumerate(spans.values()):
        rows.add_span(trace.trace_id, span, position)
    return IngestSummary(new_traces=1, new_spans=len(spans), known_spans=total - len(spans))


def _again(
    connection: Connection, rows: _Rows, parts: dict[str, list[Prepared]], heads: dict[str, str]
) -> IngestSummary:
    """Rows of what is new in traces that the store knows."""
    if not parts:
        return IngestSummary()
    known = _span_digests(connection, list(parts))
    doubtful: list[str] = []
    changed: dict[str, dict[str, tuple[Span, bytes]]] = {}
    new = total = 0
    for trace_id, items in parts.items():
        before = known.get(trace_id, {})
        spans = {span_id: span for item in items for span_id, span in item.spans.items()}
        total += sum(len(item.spans) for item in items)
        new += len(spans.keys() - before.keys())
        changed[trace_id] = {
            one: span for one, span in spans.items() if one not in before or before[one][0] != digest(span[1])
        }
        if changed[trace_id] or any(item.digest != heads[trace_id] for item in items):
            doubtful.append(trace_id)
    grown: list[str] = []
    for ids in chunked(doubtful, TRACES_A_LOAD):
        existing = _load(connection, ids)
        for trace_id in ids:
            trace = existing[trace_id]
            for item in parts[trace_id]:
                trace = merge(trace, item.trace)
            head = head_json(trace)
            before = known.get(trace_id, {})
            changed[trace_id] = {
                one: span
                for one, span in _as_merged(trace, changed[trace_id]).items()
                if one not in before or before[one][0] != digest(span[1])
            }
            if not changed[trace_id] and digest(head) == heads[trace_id]:
                continue
            as_before = trace.model_copy(update={"source": existing[trace_id].source})
            if changed[trace_id] or digest(head_json(as_before)) != heads[trace_id]:
                grown.append(trace_id)  # a trace that another store has too is judged already
            rows.add_trace(trace, head, len(trace.spans))
            following = 1 + max((position for _, position in before.values()), default=-1)
            for offset, (span_id, span) in enumerate(changed[trace_id].items()):
                position = before[span_id][1] if span_id in before else following + offset
                rows.add_span(trace_id, span, position)
    _unjudge(connection, grown)
    return IngestSummary(grown_traces=len(grown), new_spans=new, known_spans=total - new)


def _as_merged(trace: Trace, given: dict[str, tuple[Span, bytes]]) -> dict[str, tuple[Span, bytes]]:
    """The given spans as they are in the trace, where merging may have joined one with what was known of it."""
    merged = {span.span_id: span for span in trace.spans if span.span_id in given}
    return {
        one: (span, body) if merged[one] is span else (merged[one], span_json(merged[one]))
        for one, (span, body) in given.items()
    }


def _unjudge(connection: Connection, trace_ids: Sequence[str]) -> None:
    feedback, failures = tables.feedback, tables.evaluator_failures
    for ids in chunked(trace_ids):
        connection.execute(sa.delete(feedback).where(feedback.c.trace_id.in_(ids), feedback.c.source.in_(MACHINES)))
        connection.execute(sa.delete(failures).where(failures.c.trace_id.in_(ids)))


def _digests(connection: Connection, trace_ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    columns = tables.traces.c
    for ids in chunked(trace_ids):
        rows = connection.execute(sa.select(columns.trace_id, columns.digest).where(columns.trace_id.in_(ids)))
        found.update((trace_id, hashed) for trace_id, hashed in rows)
    return found


def _span_digests(connection: Connection, trace_ids: Sequence[str]) -> dict[str, dict[str, tuple[str, int]]]:
    found: dict[str, dict[str, tuple[str, int]]] = {}
    spans = tables.spans.c
    for ids in chunked(trace_ids):
        query = sa.select(spans.trace_id, spans.span_id, spans.digest, spans.position).where(spans.trace_id.in_(ids))
        for trace_id, span_id, hashed, position in connection.execute(query):
            found.setdefault(trace_id, {})[span_id] = (hashed, position)
    return found


def _heads(connection: Connection, trace_ids: Sequence[str]) -> dict[str, bytes]:
    heads = tables.trace_payloads.c
    query = sa.select(heads.trace_id, heads.body).where(heads.trace_id.in_(trace_ids))
    return {trace_id: unpack(body) for trace_id, body in connection.execute(query)}


def _without_spans(head: bytes) -> Trace:
    return Trace.model_validate_json(head[:-1] + b',"spans":[]}')


def _load(connection: Connection, trace_ids: Sequence[str]) -> dict[str, Trace]:
    spans, bodies = tables.spans.c, tables.span_payloads.c
    texts = _heads(connection, trace_ids)
    parts: dict[str, list[bytes]] = {trace_id: [] for trace_id in texts}
    query = (
        sa.select(bodies.trace_id, bodies.body)
        .select_from(
            tables.spans.join(
                tables.span_payloads, sa.and_(spans.trace_id == bodies.trace_id, spans.span_id == bodies.span_id)
            )
        )
        .where(spans.trace_id.in_(trace_ids))
        .order_by(spans.trace_id, spans.started_at, spans.position)
    )
    for trace_id, body in connection.execute(query):
        parts[trace_id].append(unpack(body))
    # A head is a JSON object that is never empty: the spans go in before its closing brace, and one parse does it all.
    return {
        trace_id: Trace.model_validate_json(b"".join((text[:-1], b',"spans":[', b",".join(parts[trace_id]), b"]}")))
        for trace_id, text in texts.items()
    }
