"""What a pull asks of the store before it writes: which traces and spans are known, which feedback is news."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store.engine import chunked
from burnish.adapters.store.rows import micros
from burnish.adapters.store.tables import feedback, spans, traces
from burnish.domain.feedback import Feedback

__all__ = ["changed_since", "known_page", "news", "span_ids", "stored_ids", "trace_agents", "trace_sources"]

PAGE = 500


def known_page(
    connection: Connection, agent: str, source: str, since: datetime, before: tuple[int, str] | None
) -> list[tuple[int, str]]:
    """(start in microseconds, trace id) of the next few production traces of a source, newest first."""
    row = traces.c
    wanted = [row.agent == agent, row.origin == "production", row.source == source, row.started_at >= micros(since)]
    if before is not None:
        at, trace_id = before
        wanted.append(sa.or_(row.started_at < at, sa.and_(row.started_at == at, row.trace_id < trace_id)))
    query = sa.select(row.started_at, row.trace_id).where(*wanted)
    query = query.order_by(row.started_at.desc(), row.trace_id.desc()).limit(PAGE)
    return [(at, trace_id) for at, trace_id in connection.execute(query)]


def span_ids(connection: Connection, trace_ids: Sequence[str]) -> dict[str, list[str]]:
    """The span ids of the traces that are known; a trace without spans is a key too."""
    found: dict[str, list[str]] = {}
    for ids in chunked(trace_ids):
        query = (
            sa.select(traces.c.trace_id, spans.c.span_id)
            .select_from(traces.outerjoin(spans, spans.c.trace_id == traces.c.trace_id))
            .where(traces.c.trace_id.in_(ids))
            .order_by(traces.c.trace_id, spans.c.span_id)
        )
        for trace_id, span_id in connection.execute(query):
            found.setdefault(trace_id, []).extend([span_id] if span_id is not None else [])
    return found


def changed_since(connection: Connection, trace_ids: Sequence[str], since: datetime) -> set[str]:
    """Those of the traces of which something came in after `since`."""
    found: set[str] = set()
    for ids in chunked(trace_ids):
        query = sa.select(traces.c.trace_id).where(traces.c.trace_id.in_(ids), traces.c.changed_at > micros(since))
        found.update(connection.execute(query).scalars())
    return found


def trace_agents(connection: Connection, trace_ids: Sequence[str]) -> dict[str, str]:
    """Whose each known trace is."""
    found: dict[str, str] = {}
    for ids in chunked(trace_ids):
        query = sa.select(traces.c.trace_id, traces.c.agent).where(traces.c.trace_id.in_(ids))
        found.update((trace_id, agent) for trace_id, agent in connection.execute(query))
    return found


def trace_sources(connection: Connection, trace_ids: Sequence[str]) -> dict[str, str]:
    """Where each known trace came from."""
    found: dict[str, str] = {}
    for ids in chunked(trace_ids):
        query = sa.select(traces.c.trace_id, traces.c.source).where(traces.c.trace_id.in_(ids))
        found.update((trace_id, source) for trace_id, source in connection.execute(query))
    return found


def stored_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """The ids under which feedback is stored."""
    found: set[str] = set()
    for some in chunked(list(ids)):
        found.update(connection.execute(sa.select(feedback.c.id).where(feedback.c.id.in_(some))).scalars())
    return found


def news(connection: Connection, items: Sequence[Feedback]) -> list[Feedback]:
    """Those that are not stored yet, or say something else than what is stored under their id.

    When something was said is no part of what was said: some stores know no such time, and then it is that of the pull.
    """
    given = {item.id: item for item in items}
    known: dict[str, Feedback] = {}
    for ids in chunked(list(given)):
        query = sa.select(feedback.c.id, feedback.c.document).where(feedback.c.id.in_(ids))
        known.update((one, Feedback.model_validate_json(text)) for one, text in connection.execute(query))
    return [
        item
        for one, item in given.items()
        if one not in known or item.model_copy(update={"created_at": known[one].created_at}) != known[one]
    ]
