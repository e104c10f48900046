"""50 reviewers at one queue for a minute: `python -m benchmarks.reviewers [seconds [database URL]]`

Five processes with ten reviewers each take, label, skip, hand on and undo as fast as they can, a minute on SQLite and a
minute on a PostgreSQL of its own (or the one named; it gets burnish's tables): half of it with single-label items, half
with three blind labels an item. The bar: no item in more hands than may have it, no label lost or invented, none
refused.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.reviewing import Bout, Hold, crowded, faults, items

from burnish.adapters.store import Store
from burnish.domain.annotation.queues import Queue

PROCESSES, EACH, ITEMS = 5, 10, 6_000


class Work(NamedTuple):
    """What the reviewers of one process did."""

    labels: Counter[tuple[str, str]]
    holds: list[Hold]
    refused: int
    times: list[float]


def work(url: str, queue: Queue, seconds: float, first: int, together: Any) -> Work:
    """One process of reviewers; all begin together."""
    with Store.open(url) as store:
        together.wait()
        bout = Bout(store, queue, EACH, seconds, first).run()
        return Work(bout.labels, bout.holds, bout.refused, bout.times)


def one(url: str, kind: str, wanted: int, seconds: float, table: Table) -> bool:
    """A queue on a database; whether the bar is kept."""
    queue = Queue(name=f"{kind.lower()}-{wanted}-{time.time_ns()}", labels=wanted, daily_cap=10 * ITEMS)
    everything = items(queue, ITEMS, f"{queue.name}-")
    with Store.open(url) as store:
        store.queues.fill(queue, everything)
        spawn = get_context("spawn")
        with spawn.Manager() as manager, ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
            together = manager.Barrier(PROCESSES)
            runs = [pool.submit(work, url, queue, seconds, EACH * number, together) for number in range(PROCESSES)]
            done = [run.result() for run in runs]
        labels: Counter[tuple[str, str]] = Counter()
        for part in done:
            labels.update(part.labels)
        wrong = faults(store, queue, labels, everything)
        double = crowded([hold for part in done for hold in part.holds], wanted)
    times = [1000 * t for part in done for t in part.times]
    refused = sum(part.refused for part in done)
    told = (f"{sum(labels.values()):,}", f"{median(times):.0f}", f"{quantiles(times, n=100)[98]:.0f}")
    table.add_row(kind, str(wanted), *told, str(len(double)), str(len(wrong)), str(refused))
    for text in (wrong + double)[:5]:
        print(text)
    return not wrong and not double and refused == 0


@contextmanager
def databases() -> Iterator[list[tuple[str, str]]]:
    """The databases there are."""
    import pytest
    from support.postgres import execute, running_server

    with tempfile.TemporaryDirectory() as folder:
        found = [("SQLite", f"sqlite:///{Path(folder) / 'store.sqlite3'}")]
        if len(sys.argv) > 2:
            yield [*found, ("PostgreSQL", sys.argv[2])]
            return
        try:
            with running_server() as server:
                execute(server, "CREATE DATABASE reviewers")
                yield [*found, ("PostgreSQL", f"{server}/reviewers")]
        except pytest.skip.Exception as error:
            print(f"SQLite alone: {error}")
            yield found


def main() -> int:
    """Print the table; 1 where the bar is missed."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    table = Table("database", "labels an item", "labels", "ms a take", "99 % under", "double", "wrong", "refused")
    with databases() as urls:
        kept = [one(url, kind, wanted, seconds / 2, table) for kind, url in urls for wanted in (1, 3)]
    Console(width=110).print(table)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
