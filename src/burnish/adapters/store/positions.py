"""How far each source of an agent has been read."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.rows import micros, moment
from burnish.domain.base import utc_now

__all__ = ["Position", "PositionStore"]

_positions = tables.source_positions


class Position(NamedTuple):
    """`high`: the newest start up to which everything is stored; `feedback_since`: the same for people's feedback."""

    high: datetime | None = None
    feedback_since: datetime | None = None


class PositionStore:
    """Positions by agent and source. They only ever move forward, so that two pulls at once do no harm."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, agent: str, source: str) -> Position:
        """Where the reading stands; nothing is known of a source that was never read."""
        query = sa.select(_positions.c.high, _positions.c.feedback_since).where(
            _positions.c.agent == agent, _positions.c.source == source
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return Position() if row is None else Position(_moment(row.high), _moment(row.feedback_since))

    def advance(
        self, agent: str, source: str, *, high: datetime | None = None, feedback_since: datetime | None = None
    ) -> None:
        """Move forward to these; what is earlier than where it stands changes nothing."""
        key = sa.and_(_positions.c.agent == agent, _positions.c.source == source)
        with self._database.write("positions") as connection:
            row = connection.execute(sa.select(_positions.c.high, _positions.c.feedback_since).where(key)).one_or_none()
            before = (None, None) if row is None else tuple(row)
            after = {
                "high": _later(before[0], high),
                "feedback_since": _later(before[1], feedback_since),
                "updated_at": micros(utc_now()),
            }
            upsert(connection, _positions, [{"agent": agent, "source": source, **after}])


def _later(before: int | None, after: datetime | None) -> int | None:
    if after is None:
        return before
    return micros(after) if before is None else max(before, micros(after))


def _moment(number: int | None) -> datetime | None:
    return None if number is None else moment(number)
