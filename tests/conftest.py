"""Fixtures that several kinds of tests share: a store on each database."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.databases import KINDS, emptied_database, postgres_database, sqlite_url
from support.postgres import running_server

if TYPE_CHECKING:
    from burnish.adapters.store import Store


@pytest.hookimpl(trylast=True)  # after the folders have marked theirs
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: two workers that get whole files then end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for the session; skips where none is installed."""
    with running_server() as server:
        yield server


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without rows, once of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return emptied_database(request.getfixturevalue("postgres_server"))


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database without a schema, once of each kind."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    with postgres_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> "Iterator[Store]":
    """An open, empty store, once on SQLite and once on PostgreSQL."""
    from burnish.adapters.store import Store  # only tests of the store pay for importing sqlalchemy

    with Store.open(database_url) as opened:
        yield opened
