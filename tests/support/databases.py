"""Fresh, empty databases of both kinds for tests of the store."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from support.postgres import execute

KINDS = ("sqlite", "postgresql")

_numbers = itertools.count(1)


def sqlite_url(folder: Path) -> str:
    """A database file that does not exist yet."""
    return f"sqlite:///{folder / f'store{next(_numbers)}.sqlite3'}"


def emptied_database(server: str) -> str:
    """The URL of the session's own migrated database without any rows: far quicker than a new database a test."""
    from burnish.adapters.store import Store
    from burnish.adapters.store.tables import metadata

    url = f"{server}/shared"
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'shared'").fetchone():
            connection.execute("CREATE DATABASE shared")
            Store.open(url).close()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("SET lock_timeout = '10s'")  # a test that left a transaction open fails the next one
        for table in reversed(metadata.sorted_tables):
            connection.execute(f"DELETE FROM {table.name}")
    return url


@contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The URL of a new database without a schema, dropped afterwards."""
    name = f"store{next(_numbers)}"
    execute(server, f"CREATE DATABASE {name}")
    try:
        yield f"{server}/{name}"
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")
