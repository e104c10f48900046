"""Connections: how a transaction begins on each database, and the writes both understand."""

import contextlib
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from burnish.errors import StoreError

__all__ = ["Database", "chunked", "upsert"]

# Below the smallest limit on bound variables in use: 999 in old builds of SQLite.
CHUNK = 500
BUSY_SECONDS = 30

T = TypeVar("T")


class Database:
    """One engine with a way to read and a way to write."""

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = _parsed(url)
        self.shown = parsed.render_as_string(hide_password=True)
        try:
            self.engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
        except ModuleNotFoundError as error:
            raise StoreError(
                f"the driver for {self.shown} is missing ({error.name}); pip install 'burnish[postgres]'"
            ) from error
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._driver_error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        # Threads that wait for SQLite's lock sleep and try again, and some of many never get it; here they queue.
        self._watch: Connection | None = None
        self._watching = threading.Lock()
        self._turn: AbstractContextManager[object] = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for SELECTs, on one snapshot where it is SQLite."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    def look_up(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """The rows of one small SELECT, in the driver's own SQL, on the snapshot of this moment.

        For what is asked again and again: without a transaction around it, it takes a sixth of the time of `read`.
        """
        with self._translated(), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            try:
                cursor.execute(sql, tuple(values))
                return list(cursor.fetchall())
            finally:
                cursor.close()

    @contextmanager
    def write(self, *nouns: str) -> Iterator[Connection]:
        """A transaction, committed on leaving; one writer a noun at a time, so that read-then-write is safe.

        SQLite locks the whole database (BEGIN IMMEDIATE), PostgreSQL an advisory lock a noun, in alphabetical order
        so that two writers of several never wait for each other.
        """
        with self._translated(), self._turn, self.engine.connect() as plain:
            connection = plain.execution_options(burnish_write=True)
            with connection.begin():
                for noun in () if self.is_sqlite else sorted(nouns):
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(zlib.crc32(f"burnish/{noun}".encode()))))
                yield connection

    def stamp(self) -> str:
        """Something that differs once anything was written, by whomever; costs next to nothing to ask.

        SQLite counts commits of all other connections; PostgreSQL's next transaction id grows with every write.
        """
        if not self.is_sqlite:
            with self.read() as connection:
                return str(connection.execute(sa.text("SELECT pg_snapshot_xmax(pg_current_snapshot())")).scalar_one())
        with self._translated(), self._watching:
            if self._watch is None:
                # One that never writes, and is never given to anybody who does: its own commits would not count.
                self._watch = self.engine.connect()
            found = self._watch.exec_driver_sql("PRAGMA data_version").scalar_one()
            self._watch.rollback()
            return str(found)

    def close(self) -> None:
        """Close every connection."""
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, self._driver_error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise StoreError(f"the database {self.shown} refused: {_line(cause)}. {_advice(str(cause))}") from error


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(f"not a database URL: use sqlite:////path/file or postgresql+psycopg://… ({error})") from error
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError(f"burnish keeps its store in SQLite or PostgreSQL, not in '{backend}'; change the URL")
    if parsed.database in (None, "", ":memory:"):
        raise StoreError("a store in memory is lost between threads; name a file: sqlite:////tmp/burnish.sqlite3")
    return parsed


def _postgresql(url: URL) -> Engine:
    return sa.create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=20)


def _sqlite(url: URL) -> Engine:
    file = Path(str(url.database)).expanduser()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot create the folder {file.parent}: {error.strerror}; choose another BURNISH_HOME"
        ) from error
    _make_private(file)
    url = url.set(database=str(file))
    # The connection used last comes first: its cache holds the pages that are asked for.
    engine = sa.create_engine(
        url, pool_size=5, max_overflow=20, pool_use_lifo=True, connect_args={"timeout": BUSY_SECONDS}
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says, not where the driver guesses
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA foreign_keys = ON")
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            # Payloads are a few KB. 8 KB take them in 6 % faster and a tenth smaller than 4, and lists read here and
            # there faster than from 16. First of all, as the next line makes the first page.
            connection.execute("PRAGMA page_size = 8192")
            # Before the first table is made: pruning can then give room back in small steps, later only in one.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # FULL: what was acknowledged to an exporter survives a power cut. One commit a batch keeps it cheap.
        connection.execute("PRAGMA synchronous = FULL")
        # Fewer, larger checkpoints write a page once, not five times.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA temp_store = MEMORY")
        _write_ahead(connection)
        # 64 MB. SQLite counts them in pages of the size it knows at this moment, so the file's own must be known by
        # now: set before, a cache of 4 KB pages becomes as many of 8 KB, 128 MB a connection.
        connection.execute("PRAGMA cache_size = -65536")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("burnish_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_private(file: Path) -> None:
    """Make a file that is not there yet, for its owner alone: it will hold traces and hashes of passwords.

    SQLite gives its -wal and -shm the same mode. A file that is there keeps the mode that somebody may have chosen.
    """
    with contextlib.suppress(OSError):  # it is there, or cannot be made: SQLite then says why
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _write_ahead(connection: sqlite3.Connection) -> None:
    # The change to WAL needs the file for itself and does not wait for it as other statements do.
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return  # where WAL cannot be (some network disks) the old journal stays, and is as durable


def chunked(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Slices of at most `size`, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Sequence[str] | None = (),
    add: Sequence[str] = (),
) -> None:
    """Insert rows; one whose primary key exists is replaced, save the columns in `keep` (None: kept as a whole).

    With `add` an existing row changes in these columns alone, which grow by the new row's numbers.
    All rows have the keys of the first. They go to the driver as plain tuples, which halves the time of a large batch.
    """
    if not rows:
        return
    names = tuple(rows[0])
    sql, order = _upsert_sql(connection.dialect.name, table, names, None if keep is None else tuple(keep), tuple(add))
    connection.exec_driver_sql(sql, [tuple(map(row.__getitem__, order)) for row in rows])


@cache
def _upsert_sql(
    dialect: str, table: sa.Table, names: tuple[str, ...], keep: tuple[str, ...] | None, add: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    primary = [column.name for column in table.primary_key.columns]
    is_sqlite = dialect == "sqlite"
    statement = (sqlite.insert if is_sqlite else postgresql.insert)(table)
    if add:
        sums = {name: table.c[name] + statement.excluded[name] for name in add}
        done = statement.on_conflict_do_update(index_elements=primary, set_=sums)
    elif keep is None:
        done = statement.on_conflict_do_nothing(index_elements=primary)
    else:
        changed = [name for name in names if name not in primary and name not in keep]
        done = statement.on_conflict_do_update(
            index_elements=primary, set_={name: statement.excluded[name] for name in changed}
        )
    dialects = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}
    kind = dialects[dialect](paramstyle="qmark" if is_sqlite else "format")
    compiled = done.compile(dialect=kind, column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup or ())


def _line(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:300]


def _advice(text: str) -> str:
    lower = text.lower()
    advice = {
        "locked": "Another process holds it; stop that one or try again",
        "not a database": "The file is something else; name another with BURNISH_DATABASE_URL",
        "unable to open": "Check that the folder exists and may be written",
        "readonly": "Check that the file may be written",
        "disk": "Free some space and run the same command again: nothing half-written is kept",
        "refused": "Check that the server runs and the URL in BURNISH_DATABASE_URL is right",
        "could not": "Check that the server runs and the URL in BURNISH_DATABASE_URL is right",
        "password": "Check the user and password in BURNISH_DATABASE_URL",
        "does not exist": "Create it first, or correct BURNISH_DATABASE_URL",
        "foreign key": "What this row belongs to is not in the store; save that first",
    }
    return next((text for sign, text in advice.items() if sign in lower), "Nothing of this step was kept")
