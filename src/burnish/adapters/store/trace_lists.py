"""Lists of traces: a query as SQL over the narrow tables, and the newest scores of a page."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store.engine import chunked
from burnish.adapters.store.rows import PEOPLE, micros, moment
from burnish.adapters.store.tables import examples, feedback, traces
from burnish.domain.datasets import Split
from burnish.domain.feedback import FeedbackSource
from burnish.domain.listing import TracePage, TraceQuery, TraceSummary
from burnish.domain.traces import SpanStatus

__all__ = [
    "count_traces",
    "known_agents",
    "list_traces",
    "newest_scores",
    "page_of_traces",
    "trace_ids",
    "unsealed",
]

_COLUMNS = [column for column in traces.columns if column.name not in ("origin", "example_id", "digest", "changed_at")]


def list_traces(connection: Connection, query: TraceQuery) -> list[TraceSummary]:
    """Summaries of the traces that fit, newest first."""
    rows = connection.execute(_page(sa.select(*_COLUMNS), query)).mappings().all()
    scores = newest_scores(connection, [row["trace_id"] for row in rows])
    return [_summary(row, scores.get(row["trace_id"], {})) for row in rows]


def page_of_traces(connection: Connection, query: TraceQuery, reach: int) -> TracePage:
    """The first `query.limit` traces that fit, newest first, of the next `reach` that any index finds.

    Text, scores and labels are looked up trace by trace, so a search for what is rare would read everything.
    """
    limit = query.limit or reach
    searched = _searches(query)
    floor = _floor(connection, query, reach) if searched else None
    conditions = _conditions(query)
    if floor is not None:
        conditions.append(_not_after(*floor))
    newest = (traces.c.started_at.desc(), traces.c.trace_id.desc())
    select = sa.select(*_COLUMNS).where(*conditions).order_by(*newest).limit(limit + 1)
    rows = connection.execute(select).mappings().all()
    scores = newest_scores(connection, [row["trace_id"] for row in rows[:limit]])
    return TracePage(
        traces=tuple(_summary(row, scores.get(row["trace_id"], {})) for row in rows[:limit]),
        more=len(rows) > limit,
        searched=searched,
        reached=None if floor is None or len(rows) > limit else (moment(floor[0]), floor[1]),
    )


def known_agents(connection: Connection) -> list[str]:
    """The agents that have traces, sorted: a hop over the index an agent, not a look at every trace."""
    found: list[str] = []
    while True:
        query = sa.select(sa.func.min(traces.c.agent))
        following = connection.execute(query.where(traces.c.agent > found[-1]) if found else query).scalar_one()
        if following is None:
            return found
        found.append(following)


def _searches(query: TraceQuery) -> bool:
    """Whether anything is asked that no index leads to."""
    if query.session_id is not None or query.ids is not None:
        return False
    looked_up = (query.status, query.user_id, query.environment, query.prompt_version, query.text)
    return query.heard or any(one is not None for one in (*looked_up, query.below, query.at_least, query.has_feedback))


def _floor(connection: Connection, query: TraceQuery, reach: int) -> tuple[int, str] | None:
    """The last of the next `reach` traces; None where there are fewer."""
    plain = TraceQuery(
        agent=query.agent, origin=query.origin, since=query.since, until=query.until, before=query.before
    )
    row = connection.execute(
        sa.select(traces.c.started_at, traces.c.trace_id)
        .where(*_conditions(plain))
        .order_by(traces.c.started_at.desc(), traces.c.trace_id.desc())
        .limit(1)
        .offset(reach - 1)
    ).first()
    return None if row is None else (row.started_at, row.trace_id)


def _not_after(started_at: int, trace_id: str) -> sa.ColumnElement[bool]:
    """Listed at or above this trace."""
    row = traces.c
    return sa.and_(
        row.started_at >= started_at, sa.or_(row.started_at > started_at, row.trace_id >= trace_id)
    )  # the first alone is what the index is asked for


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
    if query.user_id is not None:
        found.append(row.user_id == query.user_id)
    if query.environment is not None:
        found.append(row.environment == query.environment)
    if query.release is not None:
        found.append(row.release == query.release)
    if query.prompt_version is not None:
        found.append(row.prompt_version == query.prompt_version)
    if query.model is not None:
        found.append(row.model == query.model)
    if query.ids is not None:
        found.append(row.trace_id.in_(query.ids))
    if query.before is not None:
        started, last = micros(query.before[0]), query.before[1]
        found.append(row.started_at <= started)
        found.append(sa.or_(row.started_at < started, row.trace_id < last))
    if query.text:
        found.append(_says(query.text))
    if query.below is not None:
        found.extend(_below(*query.below))
    if query.at_least is not None:
        found.append(_newest_score(query.at_least[0]) >= query.at_least[1])
    if query.heard:
        by_people = sa.select(feedback.c.id).where(feedback.c.trace_id == row.trace_id, feedback.c.source.in_(PEOPLE))
        found.append(by_people.exists())
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


def _says(text: str) -> sa.ColumnElement[bool]:
    row = traces.c
    wanted = text.lower()
    return sa.or_(
        sa.func.lower(row.input_preview).contains(wanted, autoescape=True),
        sa.func.lower(row.output_preview).contains(wanted, autoescape=True),
        sa.func.lower(row.name).contains(wanted, autoescape=True),
        *(column.startswith(text, autoescape=True) for column in (row.trace_id, row.session_id, row.user_id)),
    )


def _newest_score(key: str) -> sa.ScalarSelect[Any]:
    newest = feedback.alias("newest")
    return (
        sa.select(newest.c.score)
        .where(
            newest.c.trace_id == traces.c.trace_id,
            # Joined with nothing, so that SQLite does not take the index of keys and scores, which finds this key on
            # every trace there is: minutes instead of milliseconds.
            newest.c.key.concat("") == key,
            newest.c.score.is_not(None),
            newest.c.span_id.is_(None),
        )
        .order_by(_ours(newest).desc(), newest.c.created_at.desc(), newest.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _below(key: str, limit: float) -> list[sa.ColumnElement[bool]]:
    low = feedback.alias("low")
    # The first condition says nothing new; it lets the database start from the few low scores.
    candidates = sa.select(low.c.trace_id).where(low.c.key == key, low.c.score < limit)
    return [traces.c.trace_id.in_(candidates), _newest_score(key) < limit]


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
