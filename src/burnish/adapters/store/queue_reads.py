"""What is in queues and how far they are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import review_tables, seats
from burnish.adapters.store.engine import Database, chunked
from burnish.adapters.store.lookup import resolve
from burnish.adapters.store.rows import micros
from burnish.domain.annotation.items import ItemState, QueueItem, QueueProgress, QueueStanding, ReviewerLoad
from burnish.domain.annotation.labels import GivenLabel
from burnish.domain.annotation.people import Person
from burnish.domain.base import utc_now

__all__ = ["QueueReads", "counts_of_day", "known_ids"]

_items = review_tables.queue_items
_seats = review_tables.queue_seats
_skips = review_tables.queue_skips
_SETTLED = ItemState.SETTLED.value


class QueueReads:
    """The reading half of `QueueStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, item_id: str) -> QueueItem:
        """One item by its id or a unique beginning.

        Raises NotFoundError.
        """
        with self._database.read() as connection:
            item = seats.item_of(connection, resolve(connection, _items.c.id, item_id, "item"))
        assert item is not None
        return item

    def list(
        self, queue: str, state: ItemState | None = None, limit: int | None = None, offset: int = 0
    ) -> list[QueueItem]:
        """Items of a queue in the order they are offered."""
        wanted = [_items.c.queue == queue] + ([_items.c.state == state.value] if state is not None else [])
        with self._database.read() as connection:
            return seats.items_of(
                connection,
                sa.and_(*wanted),
                lambda query: query.limit(2**62 if limit is None else limit).offset(offset),
            )

    def of_trace(self, trace_id: str) -> "Sequence[QueueItem]":
        """The items that a trace is in, over all queues."""
        with self._database.read() as connection:
            return seats.items_of(connection, _items.c.trace_id == trace_id)

    def labels(self, item_ids: Iterable[str]) -> "dict[str, Sequence[GivenLabel]]":
        """Labels by item in the order given: not blind, so not for a reviewer of an open item."""
        with self._database.read() as connection:
            return dict(seats.labels_of(connection, item_ids))

    def known(self, item_ids: Sequence[str]) -> set[str]:
        """Which of these items are there."""
        with self._database.read() as connection:
            return known_ids(connection, item_ids)

    def trace_ids(self, queue: str) -> set[str]:
        """The traces that are or were in a queue."""
        with self._database.read() as connection:
            return set(connection.execute(sa.select(_items.c.trace_id).where(_items.c.queue == queue)).scalars())

    def met(self, queue: str) -> set[str]:
        """The items of a queue that somebody has taken up: labelled, held, skipped or handed on."""
        sat = sa.select(_seats.c.item_id).where(_seats.c.holder.is_not(None))
        passed = sa.select(_skips.c.item_id)
        query = sa.select(_items.c.id).where(_items.c.queue == queue, _items.c.id.in_(sa.union(sat, passed)))
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def progress(self, queue: str) -> QueueProgress:
        """Counts, the median time a label took, and each reviewer's load, the busiest first."""
        now = utc_now()
        with self._database.read() as connection:
            states = _counts(connection, _items.c.queue == queue).get(queue, {})
            here = _items.c.queue == queue
            people = {load.person: load for load in _loads(connection, here, here, micros(now)).values()}
            today = sum(counts_of_day(connection, queue, now.date().isoformat()).values())
        loads = sorted(people.values(), key=lambda one: (-one.labels - one.adjudications, one.person))
        by_state = _by_state(states)
        times = _times(people)
        return QueueProgress(
            queue=queue,
            items=sum(states.values()),
            open=by_state[ItemState.OPEN],
            disputed=by_state[ItemState.DISPUTED],
            settled=by_state[ItemState.SETTLED],
            experts=_with_experts(states),
            in_hand=sum(one.in_hand for one in loads),
            labels=sum(one.labels for one in loads),
            today=today,
            median_s=median(times) if times else None,
            reviewers=tuple(one.load() for one in loads),
        )

    def standings(self, person: Person) -> dict[str, QueueStanding]:
        """The queues that hold items, as this person finds them: counts for all queues, not their every label."""
        name = person.name
        with self._database.read() as connection:
            counts = _counts(connection, sa.true())
            loads = _loads(connection, _seats.c.holder == name, _skips.c.person == name, micros(utc_now()))
            answered = _answered(connection, person)
        found = {}
        for queue, states in counts.items():
            by_state, load = _by_state(states), loads.get((queue, name))
            waiting = sum(n for (state, of), n in states.items() if state != _SETTLED and of in person.profiles)
            found[queue] = QueueStanding(
                queue=queue,
                open=by_state[ItemState.OPEN],
                disputed=by_state[ItemState.DISPUTED],
                settled=by_state[ItemState.SETTLED],
                experts=_with_experts(states),
                left=waiting - answered.get(queue, 0),
                mine=load.load() if load is not None else ReviewerLoad(person=name),
            )
        return found


def known_ids(connection: Connection, item_ids: Sequence[str]) -> set[str]:
    """Which of these items are there."""
    found: set[str] = set()
    for ids in chunked(item_ids):
        found.update(connection.execute(sa.select(_items.c.id).where(_items.c.id.in_(ids))).scalars())
    return found


def counts_of_day(connection: Connection, queue: str, day: str) -> Counter[str]:
    """How many items came into a queue on a date, by agent."""
    query = (
        sa.select(_items.c.agent, sa.func.count())
        .where(_items.c.queue == queue, _items.c.day == day)
        .group_by(_items.c.agent)
    )
    return Counter({row[0]: row[1] for row in connection.execute(query)})


class _Load:
    """One reviewer while their seats are counted."""

    def __init__(self, person: str) -> None:
        self.person = person
        self.labels = self.adjudications = self.in_hand = self.skips = 0
        self.times: list[float] = []

    def load(self) -> ReviewerLoad:
        return ReviewerLoad(
            person=self.person,
            labels=self.labels,
            adjudications=self.adjudications,
            in_hand=self.in_hand,
            skips=self.skips,
            median_s=median(self.times) if self.times else None,
        )


States = dict[tuple[str, str], int]


def _counts(connection: Connection, condition: sa.ColumnElement[bool]) -> dict[str, States]:
    """How many items of each queue stand in each state with each profile."""
    query = (
        sa.select(_items.c.queue, _items.c.state, _items.c.profile, sa.func.count())
        .where(condition)
        .group_by(_items.c.queue, _items.c.state, _items.c.profile)
    )
    found: dict[str, States] = {}
    for queue, state, profile, count in connection.execute(query):
        found.setdefault(queue, {})[state, profile] = count
    return found


def _by_state(states: States) -> dict[ItemState, int]:
    return {state: sum(n for (of, _), n in states.items() if of == state.value) for state in ItemState}


def _with_experts(states: States) -> int:
    waiting = ((profile, n) for (state, profile), n in states.items() if state != _SETTLED)
    return sum(n for profile, n in waiting if profile == "expert")


def _answered(connection: Connection, person: Person) -> dict[str, int]:
    """How many items of each queue still wait for people of this person's kind, but not for this person."""
    labelled = sa.select(_seats.c.item_id).where(_seats.c.holder == person.name, _seats.c.done_at.is_not(None))
    skipped = sa.select(_skips.c.item_id).where(_skips.c.person == person.name)
    query = (
        sa.select(_items.c.queue, sa.func.count())
        .where(
            _items.c.state != _SETTLED,
            _items.c.profile.in_(person.profiles),
            _items.c.id.in_(labelled) | _items.c.id.in_(skipped),
        )
        .group_by(_items.c.queue)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _loads(
    connection: Connection, sat: sa.ColumnElement[bool], skipped: sa.ColumnElement[bool], now: int
) -> dict[tuple[str, str], _Load]:
    """The work of each person in each queue, over the seats and the skips that fit."""
    found: dict[tuple[str, str], _Load] = {}

    def of(queue: str, person: str) -> _Load:
        return found.setdefault((queue, person), _Load(person))

    columns = (_seats.c.holder, _seats.c.kind, _seats.c.started_at, _seats.c.lease_until, _seats.c.done_at)
    sitting: sa.Select[Any] = (
        sa.select(_items.c.queue, *columns)
        .join(_items, _items.c.id == _seats.c.item_id)
        .where(sat, _seats.c.holder.is_not(None))
    )
    for queue, holder, kind, started, until, done in connection.execute(sitting):
        load = of(queue, holder)
        if done is None:
            load.in_hand += until > now
            continue
        load.labels += kind == "label"
        load.adjudications += kind == "adjudication"
        load.times.append((done - started) / 1_000_000)
    passed = (
        sa.select(_items.c.queue, _skips.c.person, sa.func.count())
        .join(_items, _items.c.id == _skips.c.item_id)
        .where(skipped)
        .group_by(_items.c.queue, _skips.c.person)
    )
    for queue, person, count in connection.execute(passed):
        of(queue, person).skips = count
    return found


def _times(people: dict[str, _Load]) -> list[float]:
    return [seconds for one in people.values() for seconds in one.times]
