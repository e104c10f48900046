"""Bringing a database to the present schema, once, however many processes open it at the same time."""

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store.engine import Database
from burnish.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "alembic_config", "migrate", "revision"]

# The newest file in migrations/versions. Known here so that opening a present database need not import alembic.
HEAD = "0007"
KNOWN = frozenset({"0001", "0002", "0003", "0004", "0005", "0006", HEAD})


def migrate(database: Database) -> None:
    """Create the schema or bring it to HEAD.

    Raises StoreError where the database has a version this burnish does not know.
    """
    with database.read() as connection:
        if _checked(database, connection) == HEAD:
            return
    with database.write("schema") as connection:
        if _checked(database, connection) == HEAD:
            return  # another process was quicker
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> "Config":
    """Alembic's configuration with the migrations inside this package; put a connection into `attributes`."""
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def revision(connection: Connection) -> str | None:
    """The version the database says it has, or None for a new one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _checked(database: Database, connection: Connection) -> str | None:
    found = revision(connection)
    if found is not None and found not in KNOWN:
        raise StoreError(
            f"{database.shown} has schema version '{found}', this burnish knows up to '{HEAD}': "
            "upgrade burnish, or name another database with BURNISH_DATABASE_URL"
        )
    return found
