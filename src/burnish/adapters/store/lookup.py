"""Ids as people type them: whole, or the first characters."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.errors import NotFoundError

__all__ = ["SHORTEST", "Whose", "resolve", "whose"]

SHORTEST = 6

# An agent, several names that belong together (an agent and its judges), or None for everybody.
Whose = str | Sequence[str] | None


def whose(column: sa.Column[object], agent: Whose) -> list[sa.ColumnElement[bool]]:
    """The condition that rows are of this agent, or of any of these."""
    if agent is None:
        return []
    return [column == agent if isinstance(agent, str) else column.in_(list(agent))]


def resolve(connection: Connection, column: sa.Column[object], given: str, noun: str) -> str:
    """The whole id that `given` is or begins.

    `noun` is what the advice calls it. Raises NotFoundError where nothing or more than one thing fits, or where less
    than 6 characters are given.
    """
    exact = connection.execute(sa.select(column).where(column == given).limit(1)).scalar()
    if exact is not None:
        return str(exact)
    if len(given) < SHORTEST:
        raise NotFoundError(f"no {noun} '{given}': give its id or at least its first {SHORTEST} characters")
    within = sa.and_(column >= given, column < given + "\U0010ffff")
    found = connection.execute(sa.select(column).where(within).distinct().order_by(column).limit(3)).scalars().all()
    if not found:
        raise NotFoundError(f"no {noun} '{given}' in the store; list the {noun}s to see their ids")
    if len(found) > 1:
        shown = ", ".join(str(one) for one in found[:2])
        raise NotFoundError(f"'{given}' begins more than one {noun} ({shown}, …): give more characters")
    return str(found[0])
