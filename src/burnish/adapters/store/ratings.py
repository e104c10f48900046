"""A judge's scores beside people's on the same traces."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import chunked
from burnish.adapters.store.rows import PEOPLE, moment
from burnish.domain.agreement import Rating
from burnish.domain.alignment.compared import Compared, blind, counting
from burnish.domain.feedback import Feedback, FeedbackSource

__all__ = ["compared", "orders"]

_items, _traces = tables.feedback, tables.traces


class _Label(NamedTuple):
    key: str
    version: str
    score: float
    at: int


def compared(
    connection: Connection,
    agent: str,
    key: str,
    version: str,
    label_keys: Sequence[str],
    origin: str,
    uncorrected: bool,
    scores: Mapping[str, float] | None = None,
) -> dict[str, Compared]:
    """By trace id; which labels count is said at `FeedbackStore.ratings`.

    Labels are few and verdicts many, so the labels are read first.
    """
    of_agent = sa.and_(_traces.c.agent == agent, _traces.c.origin == origin)
    scored = sa.and_(_items.c.span_id.is_(None), _items.c.score.is_not(None))
    columns = [_items.c[name] for name in ("trace_id", "key", "version", "score", "created_at")]
    columns += [_traces.c.started_at, _traces.c.session_id]
    people = (
        sa.select(*columns)
        .join(_traces, _traces.c.trace_id == _items.c.trace_id)
        .where(of_agent, scored, tables.by_people, _items.c.key.in_([key, *label_keys]))
        .order_by(_items.c.trace_id, _items.c.id)
    )
    labels: dict[str, list[_Label]] = {}
    placed: dict[str, tuple[int, str | None]] = {}
    for trace_id, of_key, of_version, score, at, started, session in connection.execute(people):
        placed[trace_id] = (started, session)
        labels.setdefault(trace_id, []).append(_Label(of_key, of_version, score, at))
    left_out = _corrected(connection, of_agent) if uncorrected else set()
    wanted = sorted(labels.keys() - left_out)
    judged = _judged(connection, wanted, key, version) if scores is None else scores
    return {
        trace_id: _side_by_side(trace_id, key, judged[trace_id], labels[trace_id], *placed[trace_id])
        for trace_id in wanted
        if trace_id in judged
    }


def _judged(connection: Connection, trace_ids: Sequence[str], key: str, version: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for ids in chunked(trace_ids):
        query = (
            sa.select(_items.c.trace_id, _items.c.score)
            .where(_items.c.trace_id.in_(ids), _items.c.key == key, _items.c.version == version)
            .where(_items.c.span_id.is_(None), _items.c.score.is_not(None))
            .where(_items.c.source == FeedbackSource.JUDGE.value)
            .order_by(_items.c.trace_id, _items.c.id)
        )
        found.update((trace_id, score) for trace_id, score in connection.execute(query))
    return found


def orders(connection: Connection, agent: str, key: str, version: str) -> Counter[str]:
    """Values of "<key>.order", which `domain.evaluators.pairwise` gives beside each comparison."""
    query = (
        sa.select(_items.c.document)
        .join(_traces, _traces.c.trace_id == _items.c.trace_id)
        .where(
            _traces.c.agent == agent,
            _items.c.key == f"{key}.order",
            _items.c.version == version,
            _items.c.source == FeedbackSource.JUDGE.value,
        )
    )
    return Counter(str(Feedback.model_validate_json(one).value) for one in connection.execute(query).scalars())


def _corrected(connection: Connection, of_agent: sa.ColumnElement[bool]) -> set[str]:
    query = (
        sa.select(_items.c.trace_id)
        .join(_traces, _traces.c.trace_id == _items.c.trace_id)
        .where(of_agent, _items.c.corrects, _items.c.source.in_(PEOPLE))
    )
    return set(connection.execute(query).scalars())


def _side_by_side(
    trace_id: str, key: str, judge: float, labels: list[_Label], started: int, session: str | None
) -> Compared:
    heard = counting(labels, key)
    return Compared(
        trace_id=trace_id,
        rating=Rating(judge, tuple(one.score for one in heard)),
        blind=tuple(one.score for one in blind(labels, key)),
        started_at=moment(started),
        labelled_at=moment(max(one.at for one in heard)),
        session=session,
    )
