"""What was written back to the stores that traces came from."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, chunked, upsert
from burnish.adapters.store.rows import micros
from burnish.domain.base import utc_now

__all__ = ["AnnotationStore", "Booked"]

_annotations = tables.annotations


class Booked(NamedTuple):
    """Feedback that stands at the source: the hash of what was written, and the source's own id for it."""

    digest: str
    remote_id: str | None


class AnnotationStore:
    """Annotations by agent, source and the id of the feedback."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def booked(self, agent: str, source: str, feedback_ids: Sequence[str]) -> dict[str, Booked]:
        """Those of the feedback that were written back, by id."""
        found: dict[str, Booked] = {}
        columns = _annotations.c
        with self._database.read() as connection:
            for ids in chunked(feedback_ids):
                query = sa.select(columns.feedback_id, columns.digest, columns.remote_id).where(
                    columns.agent == agent, columns.source == source, columns.feedback_id.in_(ids)
                )
                found.update((one, Booked(digest, remote)) for one, digest, remote in connection.execute(query))
        return found

    def book(self, agent: str, source: str, feedback_id: str, digest: str, remote_id: str | None) -> None:
        """Remember that this was written, durably."""
        row = {
            "agent": agent,
            "source": source,
            "feedback_id": feedback_id,
            "digest": digest,
            "remote_id": remote_id,
            "written_at": micros(utc_now()),
        }
        with self._database.write("annotations") as connection:
            upsert(connection, _annotations, [row])
