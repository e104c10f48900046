"""Queues, items and reviewers for tests and benchmarks of annotation."""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from burnish.adapters.store import Store
from burnish.domain.annotation.items import QueueItem
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import utc_now


def items(queue: Queue, count: int, start: int = 0) -> list[QueueItem]:
    """Items of traces t0, t1, … in that order."""
    return [
        QueueItem(
            id=QueueItem.id_for(queue.name, f"t{number}"),
            queue=queue.name,
            agent="support",
            trace_id=f"t{number}",
            wanted=queue.labels,
            profile=queue.profile,
            rank=float(number),
            created_at=utc_now(),
        )
        for number in range(start, start + count)
    ]


class Bout:
    """Many reviewers at one queue for a while, and what each did.

    Each takes, labels, now and then skips, lets a lease lie or undoes, as fast as the store allows.
    """

    def __init__(self, store: Store, queue: Queue, people: int, seconds: float) -> None:
        self.store, self.queue, self.people = store, queue, people
        self.until = time.monotonic() + seconds
        self.labels: Counter[tuple[str, str]] = Counter()  # (item, person) that the store said it took and not undone
        self.refused = 0
        self.times: list[float] = []

    def run(self) -> None:
        """Let them work until the time is over or nothing is left."""
        with ThreadPoolExecutor(self.people) as pool:
            for labels, refused, times in pool.map(self._work, range(self.people)):
                self.labels.update(labels)
                self.refused += refused
                self.times += times

    def _work(self, number: int) -> tuple[list[tuple[str, str]], int, list[float]]:
        person = Person(name=f"reviewer {number}", role=Role.EXPERT if number % 10 == 0 else Role.REVIEWER)
        given: list[tuple[str, str]] = []
        refused, turn = 0, 0
        times: list[float] = []
        while time.monotonic() < self.until:
            turn += 1
            began = time.perf_counter()
            found = self.store.queues.take(self.queue, person)
            times.append(time.perf_counter() - began)
            if found is None:
                break
            if turn % 23 == 0:
                self.store.queues.skip(self.queue, found.item.id, person)
                continue
            label = Label(score=float((turn + number) % 7 > 0), comment=f"{person.name} on {found.item.trace_id}")
            answer = self.store.queues.give(self.queue, found.item.id, person, label)
            if not answer.accepted:
                refused += 1
                continue
            given.append((found.item.id, person.name))
            if turn % 31 == 0:
                undone = self.store.queues.undo(self.queue, person)
                if undone is not None and undone.accepted:
                    given.remove((undone.item.id, person.name))
        return given, refused, times


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
