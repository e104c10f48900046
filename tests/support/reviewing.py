"""Queues, items and reviewers for tests and benchmarks of annotation."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from burnish.adapters.store import Store
from burnish.domain.annotation.items import QueueItem
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import utc_now


def items(queue: Queue, count: int, prefix: str = "t") -> list[QueueItem]:
    """Items of traces t0, t1, … in that order; `prefix` keeps those of two queues apart."""
    return [
        QueueItem(
            id=QueueItem.id_for(queue.name, f"{prefix}{number}"),
            queue=queue.name,
            agent="support",
            trace_id=f"{prefix}{number}",
            wanted=queue.labels,
            profile=queue.profile,
            rank=float(number),
            created_at=utc_now(),
        )
        for number in range(count)
    ]


class Hold(NamedTuple):
    """An item in a person's hands, from when they had it until they began to give it back (seconds of one clock)."""

    item: str
    person: str
    begin: float
    end: float


class Bout:
    """Many reviewers at one queue for a while, and what each did.

    Each takes, labels, now and then skips, hands on or undoes, as fast as the store allows. `first` numbers the people
    of another process on.
    """

    def __init__(self, store: Store, queue: Queue, people: int, seconds: float, first: int = 0) -> None:
        self.store, self.queue, self.people, self.first = store, queue, people, first
        self.until = time.monotonic() + seconds
        self.labels: Counter[tuple[str, str]] = Counter()  # (item, person) that the store said it took and not undone
        self.holds: list[Hold] = []
        self.refused = 0
        self.times: list[float] = []

    def run(self) -> "Bout":
        """Let them work until the time is over or nothing is left."""
        with ThreadPoolExecutor(self.people) as pool:
            list(pool.map(self._work, range(self.first, self.first + self.people)))
        return self

    def _work(self, number: int) -> None:
        person = Person(name=f"reviewer {number}", role=Role.EXPERT if number % 10 == 0 else Role.REVIEWER)
        queues, turn = self.store.queues, 0
        while time.monotonic() < self.until:
            turn += 1
            began = time.monotonic()
            found = queues.take(self.queue, person)
            held = time.monotonic()
            self.times.append(held - began)
            if found is None:
                break
            item = found.item.id
            label = Label(score=float((turn + number) % 7 > 0), comment=f"{person.name} on {found.item.trace_id}")
            self.holds.append(Hold(item, person.name, held, time.monotonic()))
            if turn % 23 == 0:
                queues.skip(self.queue, item, person)
            elif turn % 29 == 0:
                queues.escalate(self.queue, item, person, "hard")
            elif not queues.give(self.queue, item, person, label).accepted:
                self.refused += 1
            else:
                self.labels[item, person.name] += 1
                undone = queues.undo(self.queue, person) if turn % 31 == 0 else None
                if undone is not None and undone.accepted:
                    self.labels[undone.item.id, person.name] -= 1


def crowded(holds: Sequence[Hold], most: int) -> list[str]:
    """Items that more people had in their hands at one moment than may."""
    by_item: dict[str, list[Hold]] = {}
    for hold in holds:
        by_item.setdefault(hold.item, []).append(hold)
    return [
        item
        for item, some in by_item.items()
        if any(len({h.person for h in some if h.begin <= one.begin <= h.end}) > most for one in some)
    ]


def faults(store: Store, queue: Queue, labels: Counter[tuple[str, str]], everything: Sequence[QueueItem]) -> list[str]:
    """What went wrong: a label lost or invented, two of one person, more labels than wanted, feedback missing."""
    found: list[str] = []
    kept = store.queues.labels([item.id for item in everything])
    there = Counter((item_id, one.person) for item_id, given in kept.items() for one in given)
    found += [f"lost: {pair}" for pair in labels - there]
    found += [f"nobody gave: {pair}" for pair in there - labels]
    found += [f"twice: {pair}" for pair, count in there.items() if count > 1]
    said = store.feedback.for_traces([item.trace_id for item in everything])
    for item in store.queues.list(queue.name):
        given = kept[item.id]
        blind = [one for one in given if one.kind == "label"]
        if len(blind) > item.wanted or len(given) - len(blind) > 1:
            found.append(f"too many labels: {item.trace_id}")
        authors = {one.author for one in said[item.trace_id] if one.key == queue.key}
        if authors != {one.person for one in given}:
            found.append(f"feedback and labels differ: {item.trace_id}")
    return found
