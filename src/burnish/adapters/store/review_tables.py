"""The tables of annotation queues, accounts and what judges are worth; `tables` says what all tables share."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from burnish.adapters.store.tables import Id, metadata

__all__ = ["alignment_fits", "alignments", "login_failures", "queue_items", "queue_seats", "queue_skips", "users"]


def _required(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


# Annotation queues. A trace stands in a queue once; `day` is the date (UTC) that its daily cap counts.
queue_items = Table(
    "queue_items",
    metadata,
    Column("id", Id, primary_key=True),
    _required("queue", Id),
    _required("agent", Id),
    _required("trace_id", Id),
    _required("state", Text),
    _required("profile", Text),
    _required("wanted", Integer),
    _required("weight", Float),
    _required("rank", Float),
    _required("random", Boolean),
    _required("reasons", Text),
    _required("day", Id),
    _required("created_at", BigInteger),
    Column("settled_at", BigInteger),
    Index(None, "queue", "state", "profile", "rank", "id"),
    Index(None, "queue", "day"),
    Index(None, "trace_id"),
)

# One seat a label that an item wants. Who sits there has the item in hand until `lease_until`, or has labelled it
# (`done_at`). The database itself keeps one person from two seats of an item.
queue_seats = Table(
    "queue_seats",
    metadata,
    Column("item_id", Id, ForeignKey("queue_items.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _required("kind", Text),
    Column("holder", Id),
    Column("started_at", BigInteger),
    Column("lease_until", BigInteger),
    Column("done_at", BigInteger),
    Column("document", Text),
    Index(None, "item_id", "holder", unique=True),
    Index(None, "holder", "done_at"),
)

# Who shall not be offered an item again, and what those wrote who handed it on to an expert.
queue_skips = Table(
    "queue_skips",
    metadata,
    Column("item_id", Id, ForeignKey("queue_items.id", ondelete="CASCADE"), primary_key=True),
    Column("person", Id, primary_key=True),
    _required("escalated", Boolean),
    _required("note", Text),
    _required("at", BigInteger),
)

# `stamp` changes with whatever ends a session; `queues` is a JSON list, or null for all.
users = Table(
    "users",
    metadata,
    Column("name", Id, primary_key=True),
    _required("role", Text),
    Column("queues", Text),
    Column("password", Text),
    _required("stamp", Text),
    _required("created_at", BigInteger),
)

# Wrong passwords by name and where they came from, whether the name is known or not.
login_failures = Table(
    "login_failures",
    metadata,
    Column("name", Id, primary_key=True),
    Column("origin", Id, primary_key=True),
    _required("count", Integer),
    _required("last_at", BigInteger),
    Index(None, "origin", "last_at"),
)

# Measurements of judges against people, as they were made: nothing here is changed later.
alignments = Table(
    "alignments",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("judge", Id, primary_key=True),
    Column("measured_at", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Id, primary_key=True),
    _required("state", Text),
    _required("document", Text),
)

# The traces whose labels a version of a judge was made from: once for all its measurements.
alignment_fits = Table(
    "alignment_fits",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("judge", Id, primary_key=True),
    Column("version", Id, primary_key=True),
    Column("trace_id", Id, primary_key=True),
)
