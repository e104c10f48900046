"""What evaluators' results are asked for beyond lists: by trace for chains, by session."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store.engine import chunked
from burnish.adapters.store.rows import MACHINES, moment
from burnish.adapters.store.tables import by_people, evaluator_failures, feedback, traces
from burnish.domain.evaluators.sessions import SessionTraces
from burnish.domain.feedback import Feedback

__all__ = ["heard", "judged_at", "results", "sessions", "withdraw"]


def results(
    connection: Connection, evaluator: str, version: str, key: str, trace_ids: Sequence[str]
) -> dict[str, tuple[float | None, str | bool | None]]:
    """Score and value that this version gave each trace under `key`; a trace without a result is left out."""
    found: dict[str, tuple[float | None, str | bool | None]] = {}
    for ids in chunked(trace_ids):
        query = sa.select(feedback.c.trace_id, feedback.c.document).where(
            feedback.c.trace_id.in_(ids), *_of(evaluator, version), feedback.c.key == key
        )
        for trace_id, document in connection.execute(query):
            item = Feedback.model_validate_json(document)
            found[trace_id] = item.score, item.value
    return found


def judged_at(
    connection: Connection, evaluator: str, version: str, trace_ids: Sequence[str]
) -> dict[str, tuple[datetime, str | None]]:
    """When this version judged each trace: the moment, and the error's name where it could not say."""
    found: dict[str, tuple[datetime, str | None]] = {}
    failures = evaluator_failures.c
    for ids in chunked(trace_ids):
        failed = sa.select(failures.trace_id, failures.created_at, failures.error).where(
            failures.trace_id.in_(ids), failures.evaluator == evaluator, failures.version == version
        )
        found.update((trace_id, (moment(at), error)) for trace_id, at, error in connection.execute(failed))
        given = (
            sa.select(feedback.c.trace_id, sa.func.max(feedback.c.created_at))
            .where(feedback.c.trace_id.in_(ids), *_of(evaluator, version))
            .group_by(feedback.c.trace_id)
        )
        found.update((trace_id, (moment(at), None)) for trace_id, at in connection.execute(given))
    return found


def withdraw(connection: Connection, evaluator: str, version: str, trace_ids: Sequence[str]) -> None:
    """Take back what this version said of the traces."""
    failures = evaluator_failures.c
    for ids in chunked(trace_ids):
        connection.execute(sa.delete(feedback).where(feedback.c.trace_id.in_(ids), *_of(evaluator, version)))
        connection.execute(
            sa.delete(evaluator_failures).where(
                failures.trace_id.in_(ids), failures.evaluator == evaluator, failures.version == version
            )
        )


def heard(connection: Connection, agent: str) -> set[str]:
    """The agent's production traces of which people have said anything."""
    query = (
        sa.select(feedback.c.trace_id)
        .distinct()
        .join(traces, traces.c.trace_id == feedback.c.trace_id)
        .where(traces.c.agent == agent, traces.c.origin == "production", by_people)
    )
    return set(connection.execute(query).scalars())


def sessions(connection: Connection, agent: str) -> list[SessionTraces]:
    """The sessions of the agent's production traces, the one that ended last first."""
    columns = traces.c
    query = (
        sa.select(columns.session_id, columns.trace_id, columns.started_at, columns.ended_at, columns.changed_at)
        .where(columns.agent == agent, columns.origin == "production", columns.session_id.is_not(None))
        .order_by(columns.started_at, columns.trace_id)
    )
    ids: dict[str, list[str]] = {}
    ended: dict[str, int] = {}
    changed: dict[str, int] = {}
    for session_id, trace_id, start, end, change in connection.execute(query):
        ids.setdefault(session_id, []).append(trace_id)
        ended[session_id] = max(ended.get(session_id, 0), end or start)
        changed[session_id] = max(changed.get(session_id, 0), change)
    newest = sorted(ids, key=lambda session_id: ended[session_id], reverse=True)
    return [
        SessionTraces(
            session_id=one, trace_ids=tuple(ids[one]), ended_at=moment(ended[one]), changed_at=moment(changed[one])
        )
        for one in newest
    ]


def _of(evaluator: str, version: str) -> list[sa.ColumnElement[bool]]:
    columns = feedback.c
    return [columns.author == evaluator, columns.version == version, columns.source.in_(MACHINES)]
