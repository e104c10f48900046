"""Fresh, empty databases of both kinds for tests of the store."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.postgres import execute

KINDS = ("sqlite", "postgresql")

_numbers = itertools.count(1)


def sqlite_url(folder: Path) -> str:
    """A database file that does not exist yet."""
    return f"sqlite:///{folder / f'store{next(_numbers)}.sqlite3'}"


def prepare_template(server: str) -> None:
    """A migrated database that others are copied from: a copy takes a tenth of a migration."""
    from burnish.adapters.store import Store

    execute(server, "CREATE DATABASE template_store")
    Store.open(f"{server}/template_store").close()


@contextmanager
def postgres_database(server: str, template: str = "template_store") -> Iterator[str]:
    """The URL of a database of its own, dropped afterwards. `template1` gives one without a schema."""
    name = f"store{next(_numbers)}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield f"{server}/{name}"
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")
