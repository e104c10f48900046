"""Evaluators over time: their scores by day and epoch, and why they failed. Sums over all traces: for keeping, not for
every request.
"""

from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store.rows import MACHINES, micros, moment
from burnish.adapters.store.tables import evaluator_failures, feedback, traces
from burnish.domain.evaluators.series import TENTHS, FailureGroup, Series, SeriesPoint

__all__ = ["failure_groups", "series"]

_DAY = 86_400_000_000
_REASON = 160


def series(
    connection: Connection,
    agent: str,
    key: str | None,
    since: datetime | None,
    until: datetime | None,
    pass_at: float,
) -> list[Series]:
    """Daily sums of production traces' scores, a series a (key, source, evaluator, version), oldest epoch first.

    People are many authors: their series has none.
    """
    inner = _scored(agent, key, since, until, pass_at)
    groups = [inner.c[name] for name in ("key", "source", "evaluator", "version", "day", "tenth")]
    sums = [
        sa.func.count(),
        sa.func.sum(inner.c.score),
        sa.func.sum(inner.c.score * inner.c.score),
        sa.func.sum(inner.c.passed),
        sa.func.min(inner.c.created_at),
        sa.func.max(inner.c.created_at),
    ]
    found: dict[tuple[str, str, str, str], _Epoch] = {}
    rows: Any = connection.execute(sa.select(*groups, *sums).group_by(*groups)).all()
    for name, source, evaluator, version, day, place, *figures in rows:
        found.setdefault((name, source, evaluator, version), _Epoch()).add(int(day), int(place), figures)
    epochs = [
        Series(
            key=name,
            source=source,
            evaluator=evaluator,
            version=version,
            points=epoch.points(),
            first_at=moment(epoch.first),
            last_at=moment(epoch.last),
        )
        for (name, source, evaluator, version), epoch in found.items()
    ]
    return sorted(epochs, key=lambda one: (one.key, one.source, one.points[0].day, one.evaluator, one.version))


def _scored(agent: str, key: str | None, since: datetime | None, until: datetime | None, pass_at: float) -> sa.Subquery:
    """The scores with their day, tenth and whether they are passes."""
    wanted: list[Any] = [
        traces.c.agent == agent,
        traces.c.origin == "production",
        feedback.c.score.is_not(None),
        feedback.c.span_id.is_(None),
    ]
    wanted += [feedback.c.key == key] if key is not None else []
    wanted += [traces.c.started_at >= micros(since)] if since is not None else []
    wanted += [traces.c.started_at < micros(until)] if until is not None else []
    score = feedback.c.score
    # Not a cast: PostgreSQL rounds where SQLite cuts off.
    tenth = sa.case(*((score < (place + 1) / TENTHS, place) for place in range(TENTHS - 1)), else_=TENTHS - 1)
    # PostgreSQL does not see that two expressions with parameters are the same: they are worked out inside.
    return (
        sa.select(
            feedback.c.key,
            feedback.c.source,
            sa.case((feedback.c.source.in_(MACHINES), feedback.c.author), else_="").label("evaluator"),
            feedback.c.version,
            (traces.c.started_at // _DAY).label("day"),
            tenth.label("tenth"),
            score,
            sa.case((score >= pass_at, 1), else_=0).label("passed"),
            feedback.c.created_at,
        )
        .join(traces, traces.c.trace_id == feedback.c.trace_id)
        .where(*wanted)
        .subquery()
    )


def failure_groups(connection: Connection, agent: str) -> list[FailureGroup]:
    """Failures on the agent's production traces by evaluator, version, error and the beginning of its message.

    The most frequent first.
    """
    of = evaluator_failures.c
    reason = sa.func.substr(of.message, 1, _REASON)
    inner = (
        sa.select(of.evaluator, of.version, of.error, reason.label("reason"), of.created_at, of.trace_id)
        .join(traces, traces.c.trace_id == of.trace_id)
        .where(traces.c.agent == agent, traces.c.origin == "production")
        .subquery()
    )
    groups = [inner.c[name] for name in ("evaluator", "version", "error", "reason")]
    sums = [sa.func.count(), sa.func.max(inner.c.created_at), sa.func.max(inner.c.trace_id)]
    rows: Any = connection.execute(sa.select(*groups, *sums).group_by(*groups)).all()
    found = [
        FailureGroup(
            evaluator=evaluator, version=version, error=error, message=message, count=count, newest_at=moment(newest),
            example=example,
        )
        for evaluator, version, error, message, count, newest, example in rows
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.count, one.evaluator, one.version, one.error, one.message))


class _Epoch:
    """One epoch while its rows come in: sums by day."""

    def __init__(self) -> None:
        self._days: dict[int, tuple[list[float], list[int]]] = {}
        self.first = 2**62
        self.last = 0

    def add(self, day: int, tenth: int, figures: list[Any]) -> None:
        count, total, squares, passed, first, last = figures
        sums, tenths = self._days.setdefault(day, ([0.0] * 4, [0] * TENTHS))
        for place, figure in enumerate((count, total, squares, passed)):
            sums[place] += figure
        tenths[tenth] += count
        self.first, self.last = min(self.first, first), max(self.last, last)

    def points(self) -> tuple[SeriesPoint, ...]:
        return tuple(
            SeriesPoint.of(date(1970, 1, 1) + timedelta(days=day), int(sums[0]), sums[1], sums[2], int(sums[3]), tenths)
            for day, (sums, tenths) in sorted(self._days.items())
        )
