"""Seats of queue items as SQL: which one is free for whom, and what stands on them.

One person gets one seat: SQLite locks the whole file for a write; PostgreSQL passes over seats that another
transaction has just locked (SKIP LOCKED) and looks again at the one it gets.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import review_tables
from burnish.adapters.store.engine import chunked
from burnish.adapters.store.rows import moment
from burnish.domain.annotation.items import ItemState, QueueItem
from burnish.domain.annotation.labels import GivenLabel
from burnish.domain.annotation.people import Person

__all__ = ["free", "given", "in_hand", "item_of", "items_of", "labels_of", "seat_of", "set_seat", "sit_down"]

_items = review_tables.queue_items
_seats = review_tables.queue_seats
_skips = review_tables.queue_skips


def in_hand(connection: Connection, queue: str, person: Person, now: int, beside: Collection[str]) -> Any | None:
    """The person's oldest live seat in the queue, but for these items."""
    query = (
        sa.select(_seats)
        .join(_items, _items.c.id == _seats.c.item_id)
        .where(
            _seats.c.holder == person.name,
            _seats.c.done_at.is_(None),
            _seats.c.lease_until > now,
            _items.c.queue == queue,
            _seats.c.item_id.not_in(list(beside)),
        )
        .order_by(_seats.c.started_at, _seats.c.item_id)
        .limit(1)
        .with_for_update(of=_seats)
    )
    return connection.execute(query).mappings().first()


def free(connection: Connection, queue: str, person: Person, now: int) -> Any | None:
    """The next seat this person may take, locked on PostgreSQL: none of an item they have labelled, hold or skipped.

    Disputes come first, then what waits for an expert, then the rest: a query each, so that it is read off the index in
    order and stops at the first seat that fits.
    """
    for profile in person.profiles:
        states = (ItemState.DISPUTED, ItemState.OPEN) if profile == "expert" else (ItemState.OPEN,)
        for state in states:
            found = connection.execute(_next(queue, state, profile, person, now)).mappings().first()
            if found is not None:
                return found
    return None


def _next(queue: str, state: ItemState, profile: str, person: Person, now: int) -> sa.Select[Any]:
    other = _seats.alias("other")
    sits_there = sa.select(other.c.item_id).where(
        other.c.item_id == _seats.c.item_id, other.c.number != _seats.c.number, other.c.holder == person.name
    )
    skipped = sa.select(_skips.c.item_id).where(_skips.c.item_id == _seats.c.item_id, _skips.c.person == person.name)
    return (
        sa.select(_seats)
        .join(_items, _items.c.id == _seats.c.item_id)
        .where(
            _items.c.queue == queue,
            _items.c.state == state.value,
            _items.c.profile == profile,
            _is_free(now),
            ~sits_there.exists(),
            ~skipped.exists(),
        )
        .order_by(_items.c.rank, _items.c.id, _seats.c.number)
        .limit(1)
        .with_for_update(of=_seats, skip_locked=True)
    )


def sit_down(connection: Connection, item_id: str, number: int, person: str, now: int, until: int) -> bool:
    """Take the seat if it is still free; whether it was."""
    taken = connection.execute(
        sa.update(_seats)
        .where(_seats.c.item_id == item_id, _seats.c.number == number, _is_free(now))
        .values(holder=person, started_at=now, lease_until=until, document=None)
    )
    return taken.rowcount == 1


def seat_of(connection: Connection, item_id: str, person: str, now: int, kinds: Sequence[str]) -> Any | None:
    """The person's seat at an item, done or not; without one, a free one of these kinds: a lease that ended while
    another took the seat costs no label as long as the item wants more.
    """
    query = sa.select(_seats).where(_seats.c.item_id == item_id)
    # Locked, because the lease may end at this moment and another take the seat.
    own = connection.execute(query.where(_seats.c.holder == person).with_for_update()).mappings().first()
    if own is not None or not kinds:
        return own
    spare = query.where(_is_free(now), _seats.c.kind.in_(kinds)).order_by(_seats.c.number).limit(1)
    return connection.execute(spare.with_for_update(of=_seats, skip_locked=True)).mappings().first()


def set_seat(connection: Connection, seat: Any, **values: Any) -> None:
    """Change one seat."""
    at = sa.and_(_seats.c.item_id == seat["item_id"], _seats.c.number == seat["number"])
    connection.execute(sa.update(_seats).where(at).values(**values))


def items_of(connection: Connection, condition: sa.ColumnElement[bool], query: Any = None) -> list[QueueItem]:
    """Items that fit, by rank, each with the number of its blind labels; `query` narrows a select of the table."""
    select = sa.select(_items).where(condition).order_by(_items.c.rank, _items.c.id)
    rows = connection.execute(select if query is None else query(select)).mappings().all()
    counts: dict[str, int] = {}
    for ids in chunked([row["id"] for row in rows]):
        counted = (
            sa.select(_seats.c.item_id, sa.func.count())
            .where(_seats.c.item_id.in_(ids), _seats.c.kind == "label", _seats.c.done_at.is_not(None))
            .group_by(_seats.c.item_id)
        )
        counts.update((item_id, count) for item_id, count in connection.execute(counted))
    return [_item(row, counts.get(row["id"], 0)) for row in rows]


def item_of(connection: Connection, item_id: str) -> QueueItem | None:
    """One item, or None."""
    return next(iter(items_of(connection, _items.c.id == item_id)), None)


def labels_of(connection: Connection, item_ids: Iterable[str]) -> dict[str, list[GivenLabel]]:
    """Labels given to items, in the order they were given."""
    found: dict[str, list[GivenLabel]] = {item_id: [] for item_id in item_ids}
    for ids in chunked(list(found)):
        query = sa.select(_seats.c.item_id, _seats.c.document).where(
            _seats.c.item_id.in_(ids), _seats.c.done_at.is_not(None)
        )
        for item_id, document in connection.execute(query.order_by(_seats.c.done_at, _seats.c.number)):
            found[item_id].append(GivenLabel.model_validate_json(document))
    return found


def given(seat: Any) -> GivenLabel | None:
    """What a seat says, also where its label was taken back for another thought."""
    return None if seat["document"] is None else GivenLabel.model_validate_json(seat["document"])


def _is_free(now: int) -> sa.ColumnElement[bool]:
    return sa.and_(_seats.c.done_at.is_(None), sa.or_(_seats.c.holder.is_(None), _seats.c.lease_until <= now))


def _item(row: Any, labels: int) -> QueueItem:
    return QueueItem(
        id=row["id"],
        queue=row["queue"],
        agent=row["agent"],
        trace_id=row["trace_id"],
        state=ItemState(row["state"]),
        profile=row["profile"],
        wanted=row["wanted"],
        given=labels,
        reasons=tuple(row["reasons"].split("\n")) if row["reasons"] else (),
        weight=row["weight"],
        rank=row["rank"],
        random=row["random"],
        created_at=moment(row["created_at"]),
        settled_at=None if row["settled_at"] is None else moment(row["settled_at"]),
    )
