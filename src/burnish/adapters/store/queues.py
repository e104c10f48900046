"""Annotation queues: filling them, handing out items so that nobody gets another's, and taking labels."""

import math
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import queue_reads, review_tables, seats, tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.feedback import feedback_rows, write_feedback
from burnish.adapters.store.rows import clean, micros, moment, scrub
from burnish.domain.annotation.items import Assignment, Handed, ItemState, QueueItem
from burnish.domain.annotation.labels import GivenLabel, Label, as_feedback
from burnish.domain.annotation.people import Person
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import utc_now
from burnish.errors import InputError, NotFoundError

__all__ = ["QueueStore"]

_items = review_tables.queue_items
_seats = review_tables.queue_seats
_skips = review_tables.queue_skips
_feedback = tables.feedback


class QueueStore(queue_reads.QueueReads):
    """What people work through.

    An item has as many seats as it wants labels. Taking an item is sitting down on a free seat until the lease ends;
    a seat that is done holds the label. Every change of an item and the feedback it means are one transaction.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    def fill(self, queue: Queue, items: Sequence[QueueItem], agents: int = 1) -> int:
        """Add the first of these that are new, up to what is left of today's cap; how many that were.

        Where several `agents` share the queue, no agent gets more than its share of the cap.
        """
        now = utc_now()
        day = now.date().isoformat()
        given = {item.id: item for item in map(clean, items)}
        with self._database.write("queues") as connection:
            known = queue_reads.known_ids(connection, list(given))
            today = queue_reads.counts_of_day(connection, queue.name, day)
            share = math.ceil(queue.daily_cap / max(agents, 1))
            room = queue.daily_cap - sum(today.values())
            new = []
            for item in given.values():
                if room > 0 and item.id not in known and today[item.agent] < share:
                    new.append(item)
                    today[item.agent] += 1
                    room -= 1
            upsert(connection, _items, [_row(item, day) for item in new], keep=None)
            chairs = [_chair(item.id, number, "label") for item in new for number in range(item.wanted)]
            upsert(connection, _seats, chairs, keep=None)
            if new and not self._database.is_sqlite:
                # Until its statistics know the new rows, PostgreSQL sorts all seats to find the first: 400 ms, not 1.
                connection.execute(sa.text("ANALYZE queue_items, queue_seats"))
        return len(new)

    def take(self, queue: Queue, person: Person, beside: Collection[str] = ()) -> Assignment | None:
        """The item this person has in hand, with its lease renewed, else the next one for them; None: nothing left.

        Items in `beside` are in hand already and not meant, so that a page can fetch the next one ahead.
        Raises InputError where the person may not see the queue.
        """
        _check_access(queue, person)
        while True:
            now = micros(utc_now())
            until = now + _lease(queue)
            # One of a person's own requests at a time; other people's do not wait for it.
            with self._database.write(f"queue person {person.name}") as connection:
                seat = seats.in_hand(connection, queue.name, person, now, beside)
                if seat is not None:
                    seats.set_seat(connection, seat, lease_until=until)
                    return _assignment(connection, {**seat, "lease_until": until})
                seat = seats.free(connection, queue.name, person, now)
                if seat is None:
                    return None
                if seats.sit_down(connection, seat["item_id"], seat["number"], person.name, now, until):
                    held = {"holder": person.name, "started_at": now, "lease_until": until, "document": None}
                    return _assignment(connection, {**seat, **held})

    def assignment(self, queue: Queue, item_id: str, person: Person) -> Assignment | None:
        """This item in this person's hands, lease renewed, or None where it is not (any more)."""
        _check_access(queue, person)
        now = micros(utc_now())
        with self._database.write("queues") as connection:
            seat = seats.seat_of(connection, item_id, person.name, now, ())
            if seat is None or seat["done_at"] is not None:
                return None
            until = now + _lease(queue)
            seats.set_seat(connection, seat, lease_until=until)
            return _assignment(connection, {**seat, "lease_until": until})

    def give(self, queue: Queue, item_id: str, person: Person, label: Label) -> Handed:
        """Take a label, with the feedback it means, and settle the item where it was the last one wanted.

        A label after the lease ended counts unless another person has taken the last seat meanwhile. The same label
        again changes nothing; another one replaces it as long as `undo` would be possible.
        Raises InputError where the label does not answer what the queue asks, NotFoundError for an unknown item.
        """
        label = clean(queue.ask.check(label))
        _check_access(queue, person)
        now = micros(utc_now())
        with self._database.write("feedback", "queues") as connection:
            item = _expect(connection, queue, item_id)
            kinds = ("adjudication",) if item.state is ItemState.DISPUTED else ("label",)
            may = item.profile in person.profiles and item.state is not ItemState.SETTLED
            seat = seats.seat_of(connection, item_id, person.name, now, kinds if may else ())
            if seat is None:
                return Handed(accepted=False, item=item, reason=_lost(item))
            if seat["done_at"] is not None:
                before = seats.given(seat)
                if before is not None and before.label == label:
                    return Handed(accepted=True, item=item)
                refused = _reopen(connection, queue, item, seat, now)
                if refused:
                    return Handed(accepted=False, item=item, reason=refused)
            elif seat["holder"] != person.name:  # a free seat, taken for this label
                seat = {**seat, "holder": person.name, "started_at": now}
            given = GivenLabel(
                person=person.name,
                kind=seat["kind"],
                label=label,
                started_at=moment(seat["started_at"]),
                given_at=moment(now),
            )
            values = {"holder": person.name, "started_at": seat["started_at"], "done_at": now, "lease_until": now}
            seats.set_seat(connection, seat, **values, document=given.model_dump_json())
            write_feedback(connection, feedback_rows(as_feedback(given, item.trace_id, queue.key)))
            _settle(connection, queue, item, given, now)
            return Handed(accepted=True, item=_expect(connection, queue, item_id))

    def skip(self, queue: Queue, item_id: str, person: Person, note: str = "") -> Handed:
        """Give an item back; this person is not offered it again."""
        return self._pass_on(queue, item_id, person, note, escalated=False)

    def escalate(self, queue: Queue, item_id: str, person: Person, note: str = "") -> Handed:
        """Hand an item on to the experts; labels that it has stay, and the note is shown to them."""
        return self._pass_on(queue, item_id, person, note, escalated=True)

    def release(self, queue: Queue, item_id: str, person: Person) -> None:
        """Give an item back as if it had not been taken; it may be offered to the same person again."""
        with self._database.write("queues") as connection:
            seat = seats.seat_of(connection, item_id, person.name, 0, ())
            if seat is not None and seat["done_at"] is None:
                _stand_up(connection, seat)

    def undo(self, queue: Queue, person: Person) -> Handed | None:
        """Take back this person's last label in the queue and its feedback, and put the item in their hands again.

        None where they have labelled nothing; refused where an expert has decided on it or is about to.
        """
        _check_access(queue, person)
        now = micros(utc_now())
        query = (
            sa.select(_seats)
            .join(_items, _items.c.id == _seats.c.item_id)
            .where(_seats.c.holder == person.name, _seats.c.done_at.is_not(None), _items.c.queue == queue.name)
            .order_by(_seats.c.done_at.desc(), _seats.c.item_id)
            .limit(1)
        )
        with self._database.write("feedback", "queues") as connection:
            seat = connection.execute(query).mappings().first()
            if seat is None:
                return None
            item = _expect(connection, queue, seat["item_id"])
            refused = _reopen(connection, queue, item, seat, now)
            if refused:
                return Handed(accepted=False, item=item, reason=refused)
            return Handed(accepted=True, item=_expect(connection, queue, item.id))

    def _pass_on(self, queue: Queue, item_id: str, person: Person, note: str, *, escalated: bool) -> Handed:
        _check_access(queue, person)
        with self._database.write("queues") as connection:
            item = _expect(connection, queue, item_id)
            seat = seats.seat_of(connection, item_id, person.name, 0, ())
            if seat is not None and seat["done_at"] is not None:
                return Handed(accepted=False, item=item, reason="you have labelled this item; undo that first")
            if escalated and item.profile == "expert":
                return Handed(
                    accepted=False, item=item, reason="this item is with the experts already; skip it instead"
                )
            row = {"item_id": item_id, "person": person.name, "escalated": escalated, "note": scrub(note)}
            upsert(connection, _skips, [{**row, "at": micros(utc_now())}])
            if seat is not None:
                _stand_up(connection, seat)
            if escalated:
                connection.execute(sa.update(_items).where(_items.c.id == item_id).values(profile="expert"))
            return Handed(accepted=True, item=_expect(connection, queue, item_id))


def _settle(connection: Connection, queue: Queue, item: QueueItem, given: GivenLabel, now: int) -> None:
    """After a label: the item is settled, disputed, or waits for more."""
    labels = [one for one in seats.labels_of(connection, [item.id])[item.id] if one.kind == "label"]
    if given.kind == "label" and len(labels) < item.wanted:
        return
    values: dict[str, Any] = {"state": ItemState.SETTLED.value, "settled_at": now}
    if given.kind == "label" and queue.disputed(labels):
        values = {"state": ItemState.DISPUTED.value, "profile": "expert"}
        upsert(connection, _seats, [_chair(item.id, item.wanted, "adjudication")], keep=None)
    connection.execute(sa.update(_items).where(_items.c.id == item.id).values(**values))


def _reopen(connection: Connection, queue: Queue, item: QueueItem, seat: Any, now: int) -> str:
    """Take a label back and the item with it; why not, where that cannot be."""
    given = seats.given(seat)
    assert given is not None
    values: dict[str, Any] = {"state": ItemState.DISPUTED.value, "settled_at": None}
    if seat["kind"] == "label":
        deciding = sa.and_(_seats.c.item_id == item.id, _seats.c.kind == "adjudication")
        other = connection.execute(sa.select(_seats).where(deciding).with_for_update()).mappings().first()
        if other is not None and other["done_at"] is not None:
            return f"{other['holder']} has decided on this item since"
        if other is not None and other["holder"] is not None and other["lease_until"] > now:
            return f"{other['holder']} is deciding on this item"
        connection.execute(sa.delete(_seats).where(deciding))
        handed_on = sa.select(_skips.c.item_id).where(_skips.c.item_id == item.id, _skips.c.escalated)
        expert = connection.execute(handed_on.limit(1)).scalar() is not None
        profile = "expert" if expert else queue.profile
        values = {"state": ItemState.OPEN.value, "settled_at": None, "profile": profile}
    connection.execute(sa.update(_items).where(_items.c.id == item.id).values(**values))
    said = [one.id for one in as_feedback(given, item.trace_id, queue.key)]
    connection.execute(sa.delete(_feedback).where(_feedback.c.id.in_(said)))
    seats.set_seat(connection, seat, done_at=None, started_at=now, lease_until=now + _lease(queue))
    return ""


def _assignment(connection: Connection, seat: Any) -> Assignment:
    item = seats.item_of(connection, seat["item_id"])
    assert item is not None
    adjudicates = seat["kind"] == "adjudication"
    notes = sa.select(_skips.c.note).where(_skips.c.item_id == item.id, _skips.c.escalated, _skips.c.note != "")
    return Assignment(
        item=item,
        person=seat["holder"],
        kind=seat["kind"],
        started_at=moment(seat["started_at"]),
        lease_until=moment(seat["lease_until"]),
        labels=tuple(seats.labels_of(connection, [item.id])[item.id]) if adjudicates else (),
        notes=tuple(connection.execute(notes.order_by(_skips.c.at)).scalars()),
        given=seats.given(seat),
    )


def _stand_up(connection: Connection, seat: Any) -> None:
    seats.set_seat(connection, seat, holder=None, started_at=None, lease_until=None, document=None)


def _expect(connection: Connection, queue: Queue, item_id: str) -> QueueItem:
    item = seats.item_of(connection, item_id)
    if item is None or item.queue != queue.name:
        raise NotFoundError(
            f"no item '{item_id}' in the queue '{queue.name}'; `burnish queues show {queue.name}` lists"
        )
    return item


def _lost(item: QueueItem) -> str:
    if item.state is ItemState.SETTLED or item.given >= item.wanted:
        return "this item has all the labels it wants; yours was not in time"
    return "this item is not in your hands: take it first; where your lease ended, another person has it now"


def _check_access(queue: Queue, person: Person) -> None:
    if not person.may_see(queue.name):
        raise InputError(f"{person.name} may not see the queue '{queue.name}'; an admin gives access to it")


def _lease(queue: Queue) -> int:
    return int(timedelta(minutes=queue.lease_minutes).total_seconds() * 1_000_000)


def _row(item: QueueItem, day: str) -> dict[str, Any]:
    return {
        "id": item.id,
        "queue": item.queue,
        "agent": item.agent,
        "trace_id": item.trace_id,
        "state": item.state.value,
        "profile": item.profile,
        "wanted": item.wanted,
        "weight": item.weight,
        "rank": item.rank,
        "random": item.random,
        "reasons": "\n".join(item.reasons),
        "day": day,
        "created_at": micros(item.created_at),
        "settled_at": None,
    }


def _chair(item_id: str, number: int, kind: Literal["label", "adjudication"]) -> dict[str, Any]:
    return {"item_id": item_id, "number": number, "kind": kind}
