import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from support.databases import sqlite_url
from support.store_samples import span, trace

from burnish.adapters.store import Store
from burnish.adapters.store.engine import Database
from burnish.adapters.store.schema import HEAD, alembic_config, migrate
from burnish.adapters.store.tables import metadata
from burnish.domain.traces import SpanKind, Usage
from burnish.errors import StoreError


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    opened = Database(empty_url)
    yield opened
    opened.close()


def test_migrations_build_what_the_tables_say(database: Database) -> None:
    """A change of tables.py without a migration, or the other way round, fails here."""
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_indices_and_keys_are_those_of_the_tables(database: Database) -> None:
    """What the comparison overlooks: primary keys, conditions of indices, deletion along foreign keys."""
    migrate(database)
    with database.read() as connection:
        found = sa.inspect(connection)
        for table in metadata.tables.values():
            primary = [column.name for column in table.primary_key.columns]
            assert primary == found.get_pk_constraint(table.name)["constrained_columns"]
            for key in found.get_foreign_keys(table.name):
                assert key["options"]["ondelete"] == "CASCADE"
        partial = {index["name"]: index for index in found.get_indexes("feedback")}["ix_feedback_corrections"]
    assert any("where" in option for option in partial["dialect_options"])


def test_the_head_in_the_code_is_the_newest_migration() -> None:
    """`HEAD` lets a present database open without alembic, so it must name the last file."""
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


def test_release_and_model_are_read_out_of_what_is_stored(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of the revision before gets what adding its traces today writes, whatever the size of a batch."""
    long = {"note": "x" * 30_000}  # stored compressed
    traces = [
        trace("t0", release="1.0"),
        trace("t1", span("t1", "root", model="of the root")),
        trace("t2", span("t2", "root"), span("t2", "a", "root", 1, model="small", attributes=long),
              span("t2", "b", "root", 2, model="large", usage=Usage(input_tokens=9)),
              span("t2", "inner", "b", 3, model="small"), release="1.1", metadata=long),
        trace("t3", span("t3", "root"), span("t3", "a", "root", 1, model="small", kind=SpanKind.TOOL)),
        trace("t4", span("t4", "root"), span("t4", "a", "root", 1, model="small"), span("t4", "b", "root", 2),
              span("t4", "c", "root", 3, model="small"), span("t4", "d", "root", 4, model="other")),
    ]  # fmt: skip
    columns = sa.select(metadata.tables["traces"]).order_by(sa.text("trace_id"))
    revision = ScriptDirectory.from_config(alembic_config()).get_revision("0007")
    monkeypatch.setattr(revision.module, "_BATCH", 2)
    with Store.open(empty_url) as store:
        store.traces.add(traces)
        database = store.traces._database
        with database.read() as connection:
            before = connection.execute(columns).mappings().all()
        for direction in (command.downgrade, command.upgrade):
            with database.write("schema") as connection:
                config = alembic_config()
                config.attributes["connection"] = connection
                direction(config, "0006" if direction is command.downgrade else "head")
        with database.read() as connection:
            assert before == connection.execute(columns).mappings().all()
    assert [("1.0", None), (None, "of the root"), ("1.1", "large"), (None, None), (None, "small")] == [
        (row["release"], row["model"]) for row in before
    ]


def test_downgrading_leaves_nothing(database: Database) -> None:
    """The first migration can be undone."""
    migrate(database)
    with database.write("schema") as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]


def test_opening_again_keeps_everything(database_url: str) -> None:
    """A database that is up to date is opened as it is."""
    with Store.open(database_url) as store:
        store.nights.begin("a", date(2026, 1, 31))
    with Store.open(database_url) as store:
        assert [night.id for night in store.nights.list()] == ["a/2026-01-31"]


def test_an_unknown_version_is_refused(empty_url: str) -> None:
    """An older burnish does not touch a newer database and says what to do."""
    with Store.open(empty_url) as store, store.traces._database.write("schema") as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=rf"schema version '9999'.*knows up to '{HEAD}': upgrade burnish"):
        Store.open(empty_url)


def test_several_processes_may_create_the_database_together(empty_url: str) -> None:
    """A server and a nightly run start at the same moment on a new machine."""
    script = "import sys; from burnish.adapters.store import Store; Store.open(sys.argv[1]).close()"
    processes = [subprocess.Popen([sys.executable, "-c", script, empty_url]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with Store.open(empty_url) as store:
        assert store.nights.list() == []


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    """Acknowledged traces survive a power cut: WAL with full synchronisation; foreign keys are on."""
    with Store.open(sqlite_url(tmp_path)) as store, store.traces._database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "page_size", "auto_vacuum")
        }
    assert pragmas == {
        **{"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000},
        **{"page_size": 8_192, "auto_vacuum": 2},  # of the file: whichever of the two comes second may find it made
    }


def test_the_folder_is_made(tmp_path: Path) -> None:
    """The first command in a new project needs no preparation."""
    path = tmp_path / "new" / "home" / "store.sqlite3"
    Store.open(f"sqlite:///{path}").close()
    assert path.exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "not a database URL: use sqlite:////path/file or postgresql"),
        ("mysql://host/x", "keeps its store in SQLite or PostgreSQL, not in 'mysql'"),
        ("sqlite://", "a store in memory is lost between threads; name a file"),
        (
            "postgresql+psycopg://me:secret@127.0.0.1:1/x",
            r"me:\*\*\*@127.0.0.1:1/x refused: .*Check that the server runs",
        ),
    ],
)
def test_a_wrong_url_is_explained(url: str, message: str) -> None:
    """The error says what to write instead and never shows the password."""
    with pytest.raises(StoreError, match=message) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    """A path to some other file is refused before anything is written to it."""
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and they are long enough to be read as a page " * 20)
    with pytest.raises(StoreError, match=r"file is not a database\. The file is something else"):
        Store.open(f"sqlite:///{path}")
    assert path.read_text().startswith("these are my notes")


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    """A file where the home should be is named."""
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"cannot create the folder .*home.*choose another BURNISH_HOME"):
        Store.open(f"sqlite:///{tmp_path}/home/store.sqlite3")


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    """The file, what SQLite keeps beside it, and a folder made for it: they hold traces and hashes of passwords."""
    file = tmp_path / "home" / "burnish.sqlite3"
    with Store.open(f"sqlite:///{file}") as store:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (file.parent, *file.parent.iterdir())}
        assert {"home": 0o700, file.name: 0o600, f"{file.name}-wal": 0o600, f"{file.name}-shm": 0o600} == modes
        assert store.open_to_others() is None


def test_a_database_that_was_there_keeps_its_mode_and_is_told_of(tmp_path: Path) -> None:
    """Somebody may have meant it; where others can come at it, who serves it hears of that."""
    file = tmp_path / "shared.sqlite3"
    file.touch()
    file.chmod(0o644)
    with Store.open(f"sqlite:///{file}") as store:
        assert 0o644 == stat.S_IMODE(file.stat().st_mode)
        reached = all(folder.stat().st_mode & 0o001 for folder in file.parents)
        assert (file if reached else None) == store.open_to_others()
