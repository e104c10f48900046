"""Lists of traces: a query as SQL over the narrow tables, and the newest scores of a page."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store.engine import chunked
from burnish.adapters.store.rows import micros, moment
from burnish.adapters.store.tables import examples, feedback, traces
from burnish.domain.datasets import Split
from burnish.domain.feedback import FeedbackSource
from burnish.domain.listing import TraceQuery, TraceSummary
from burnish.domain.traces import SpanStatus

__all__ = ["count_traces", "list_traces", "newest_scores", "trace_ids", "unsealed"]

_COLUMNS = [column for column in traces.columns if column.name not in ("origin", "example_id", "digest", "changed_at")]


def list_traces(connection: Connection, query: TraceQuery) -> list[TraceSummary]:
    """Summaries of the traces that fit, newest first."""
    rows = connection.execute(_page(sa.select(*_COLUMNS), query)).mappings().all()
    scores = newest_scores(connection, [row["trace_id"] for row in rows])
    return [_summary(row, scores.get(row["trace_id"], {})) for row in rows]


def trace_ids(connection: Connection, query: TraceQuery) -> list[str]:
    """Ids of the traces that fit, newest first."""
    return list(connection.execute(_page(sa.select(traces.c.trace_id), query)).scalars())


def count_traces(connection: Connection, query: TraceQuery) -> int:
    """How many traces fit."""
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(traces).where(*_conditions(query))).scalar_one()
    )


def unsealed(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the traces that are production's and neither behind a held-out example nor with its input."""
    conditions = [traces.c.origin == "production", *_visible()]
    found: set[str] = set()
    for some in chunked(ids):
        query = sa.select(traces.c.trace_id).where(traces.c.trace_id.in_(some), *conditions)
        found.update(connection.execute(query).scalars())
    return found


def newest_scores(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """By trace, the newest score of each key given to the trace as a whole; see `_ours`."""
    found: dict[str, dict[str, float]] = {}
    for some in chunked(ids):
        query = (
            sa.select(feedback.c.trace_id, feedback.c.key, feedback.c.score)
            .where(feedback.c.trace_id.in_(some), feedback.c.score.is_not(None), feedback.c.span_id.is_(None))
            .order_by(_ours(feedback), feedback.c.created_at, feedback.c.id)
        )
        for trace_id, key, score in connection.execute(query):
            found.setdefault(trace_id, {})[key] = score
    return found


def _page(select: sa.Select[Any], query: TraceQuery) -> sa.Select[Any]:
    select = select.where(*_conditions(query)).order_by(traces.c.started_at.desc(), traces.c.trace_id.desc())
    if query.limit is not None:
        select = select.limit(query.limit)
    elif query.offset:
        select = select.limit(2**62)  # SQLite has no OFFSET without a LIMIT
    return select.offset(query.offset) if query.offset else select


def _conditions(query: TraceQuery) -> list[sa.ColumnElement[bool]]:
    row = traces.c
    found: list[sa.ColumnElement[bool]] = []
    if query.agent is not None:
        found.append(row.agent == query.agent)
    if query.origin != "any":
        found.append(row.origin == query.origin)
    if query.since is not None:
        found.append(row.started_at >= micros(query.since))
    if query.until is not None:
        found.append(row.started_at < micros(query.until))
    if query.status is not None:
        found.append(row.status == query.status.value)
    if query.session_id is not None:
        found.append(row.session_id == query.session_id)
    if query.text:
        wanted = query.text.lower()
        found.append(
            sa.or_(
                sa.func.lower(row.input_preview).contains(wanted, autoescape=True),
                sa.func.lower(row.output_preview).contains(wanted, autoescape=True),
            )
        )
    if query.below is not None:
        found.extend(_below(*query.below))
    if query.has_feedback is not None:
        given = sa.select(feedback.c.id).where(
            feedback.c.trace_id == row.trace_id, feedback.c.key == query.has_feedback
        )
        found.append(given.exists())
    if query.visible:
        found.extend(_visible())
    if query.settled is not None:
        before = micros(query.settled)
        # A trace of yesterday that is pulled now has settled long ago, although it has only just come in.
        found.append(sa.or_(row.changed_at <= before, sa.func.coalesce(row.ended_at, row.started_at) <= before))
    return found


def _ours(items: sa.FromClause) -> sa.ColumnElement[int]:
    """1, or 0 for an evaluator of another store: under our metric's name it counts only where ours said nothing."""
    return sa.case((items.c.source == FeedbackSource.EXTERNAL.value, 0), else_=1)


def _below(key: str, limit: float) -> list[sa.ColumnElement[bool]]:
    low = feedback.alias("low")
    newest = feedback.alias("newest")
    last = (
        sa.select(newest.c.score)
        .where(
            newest.c.trace_id == traces.c.trace_id,
            newest.c.key == key,
            newest.c.score.is_not(None),
            newest.c.span_id.is_(None),
        )
        .order_by(_ours(newest).desc(), newest.c.created_at.desc(), newest.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    # The first condition says nothing new; it lets the database start from the few low scores.
    candidates = sa.select(low.c.trace_id).where(low.c.key == key, low.c.score < limit)
    return [traces.c.trace_id.in_(candidates), last < limit]


def _visible() -> list[sa.ColumnElement[bool]]:
    # Two probes of two indices; one probe with OR would use neither.
    sealed = Split.HELD_OUT.value
    by_trace = sa.select(examples.c.id).where(examples.c.trace_id == traces.c.trace_id, examples.c.split == sealed)
    by_input = sa.select(examples.c.id).where(examples.c.id == traces.c.example_id, examples.c.split == sealed)
    return [~by_trace.exists(), ~by_input.exists()]


def _summary(row: sa.RowMapping, scores: dict[str, float]) -> TraceSummary:
    values = dict(row)
    started, ended = values.pop("started_at"), values.pop("ended_at")
    return TraceSummary(
        **{**values, "status": SpanStatus(values["status"])},
        started_at=moment(started),
        latency_s=None if ended is None else (ended - started) / 1_000_000,
        scores=scores,
    )
