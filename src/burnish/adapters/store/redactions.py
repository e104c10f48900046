"""How often something was taken out of what came in: by agent, day and detector, never what."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.domain.base import utc_now
from burnish.domain.listing import RedactionCount

__all__ = ["RedactionStore", "book_redactions"]

_table = tables.redactions


class RedactionStore:
    """Counts of redactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, agent: str, counts: Mapping[str, int]) -> None:
        """Add counts by detector to today's (UTC), for what is not written with traces, such as feedback."""
        if any(counts.values()):
            with self._database.write("redactions") as connection:
                book_redactions(connection, {agent: Counter(counts)})

    def list(self, agent: str | None = None, since: datetime | None = None) -> list[RedactionCount]:
        """Counts, newest day first, then by agent and detector."""
        query = sa.select(_table).order_by(_table.c.date.desc(), _table.c.agent, _table.c.detector)
        if agent is not None:
            query = query.where(_table.c.agent == agent)
        if since is not None:
            query = query.where(_table.c.date >= since.date().isoformat())
        with self._database.read() as connection:
            return [RedactionCount(**row) for row in connection.execute(query).mappings()]


def book_redactions(connection: Connection, counts: Mapping[str, Counter[str]]) -> None:
    """Add counts by agent and detector to today's rows; in a fixed order, so that two writers do not lock crosswise."""
    date = utc_now().date().isoformat()
    rows: list[dict[str, Any]] = [
        {"agent": agent, "date": date, "detector": detector, "count": count}
        for agent in sorted(counts)
        for detector, count in sorted(counts[agent].items())
        if count
    ]
    upsert(connection, _table, rows, add=("count",))
