import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from support.store_samples import judged, span, trace

from burnish.adapters.store import Store
from burnish.domain.listing import IngestSummary, TraceQuery
from burnish.errors import LeaseHeldError

TESTS = Path(__file__).resolve().parents[1]

WRITER = """
import sys
from burnish.adapters.store import Store
from support.store_samples import span, trace
url, mine = sys.argv[1:]
with Store.open(url) as store:
    for number in range(30):
        store.traces.add([trace("shared", span("shared", f"{mine}{number}", "root", 1 + number))])
        store.traces.add([trace(f"{mine}{number:06d}", after=number)])
"""


def test_two_processes_may_add_to_the_same_trace(database_url: str) -> None:
    """No span is lost and no count is stale when two exporters' spans arrive at once."""
    with Store.open(database_url) as store:
        store.traces.add([trace("shared", span("shared", "root"))])
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, database_url, name],
                env={"PYTHONPATH": f"{TESTS.parent / 'src'}:{TESTS}", "PATH": ""},
            )
            for name in ("a", "b")
        ]
        assert [process.wait(120) for process in processes] == [0, 0]
        whole = store.traces.get("shared")
        summary = next(row for row in store.traces.list(TraceQuery()) if row.trace_id == "shared")
        assert (len(whole.spans), summary.spans, store.traces.count(TraceQuery())) == (61, 61, 61)


def test_threads_may_share_a_store(store: Store) -> None:
    """The web server and its workers write and read at the same time through one engine."""

    def work(mine: int) -> IngestSummary:
        result = IngestSummary()
        for number in range(10):
            result += store.traces.add([trace(f"t{mine}{number:06d}", after=number), trace("both")])
            store.feedback.add([judged("both", number / 10, author=f"{mine}", after=number)])
            store.traces.list(TraceQuery(limit=5))
        return result

    with ThreadPoolExecutor(8) as pool:
        results = sum(pool.map(work, range(8)), start=IngestSummary())
    assert (results.new_traces, results.grown_traces, results.new_spans) == (81, 0, 162)
    assert store.traces.count(TraceQuery()) == 81
    assert len(store.feedback.for_trace("both")) == 8


def test_one_of_many_takes_a_lease(store: Store) -> None:
    """However many try at once, one holder works on a night."""
    night = store.nights.begin("a", date(2026, 1, 31))
    barrier = threading.Barrier(8)

    def take(number: int) -> bool:
        barrier.wait()
        try:
            store.nights.lease(night.id, f"holder {number}", 60)
        except LeaseHeldError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    """A list opens while a batch is being written, and shows the state before it."""
    store.traces.add([trace("t1")])
    with store.traces._database.write("traces") as connection:
        connection.exec_driver_sql("UPDATE traces SET name = 'changed'")
        assert [row.name for row in store.traces.list(TraceQuery())] == ["chat"]
    assert [row.name for row in store.traces.list(TraceQuery())] == ["changed"]
