"""Which files were read whole, so that an unchanged one is not read again every night."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.rows import micros, scrub
from burnish.domain.files import FileState

__all__ = ["ReadFileStore"]

_files = tables.read_files


class ReadFileStore:
    """Files by agent and source, each in the state in which it was read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, agent: str, source: str) -> set[FileState]:
        """The states in which files were read."""
        query = sa.select(_files.c.path, _files.c.size, _files.c.mtime_ns).where(
            _files.c.agent == agent, _files.c.source == source
        )
        with self._database.read() as connection:
            return {FileState(*row) for row in connection.execute(query)}

    def add(self, agent: str, source: str, states: Iterable[FileState], read_at: datetime) -> None:
        """Remember that files were read; a later state of a file takes the place of an earlier one."""
        rows = [
            {"agent": agent, "source": source, **state._asdict(), "path": scrub(state.path), "read_at": micros(read_at)}
            for state in states
        ]
        with self._database.write("read files") as connection:
            upsert(connection, _files, rows)
