"""Every page on a store of 100,000 traces: `python -m benchmarks.pages [traces [folder]]`

Fills a SQLite store in a temporary folder (or takes the one that an earlier run left in the named folder) with traces,
330,000 pieces of feedback, clusters, queues, experiments and nights, has `burnish serve` show it on loopback, signs in,
and asks for each page 40 times. The bar is 100 ms to the first byte, for 95 % of the answers and for the first page
after the start, when nothing has been counted yet. The last column is the processor's time that the server spends on a
page (Linux), which a busy machine leaves as it is.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.large_store import AGENTS, JUDGE, QUEUE, fill, large_trace, write_project
from support.visiting import Visitor

BAR_MS, TIMES = 100.0, 40
AGENT = next(iter(AGENTS))
LARGE = "large-trace"


def paths(store: Store) -> list[str]:
    """Every page that can be read, lists with their filters."""
    trace = store.traces.list(TraceQuery(agent=AGENT, limit=1))[0].trace_id
    experiment = store.experiments.list(agent=AGENT)[0].id
    cluster = store.clusters.list(agent=AGENT)[0].id
    proposal = store.proposals.list(agent=AGENT)[0].id
    night = store.nights.list(agent=AGENT, limit=1)[0].id
    other = store.queues.list(QUEUE, limit=1)[0].id  # in nobody's hands
    lists = ["/clusters", "/datasets", "/evaluators", "/agreement", "/proposals", "/experiments", "/pull-requests"]
    return [
        "/", "/login", "/review", f"/review/{QUEUE}", f"/review/{QUEUE}/{other}", f"/review/{QUEUE}/agreement",
        "/traces", f"/traces?agent={AGENT}", "/traces?text=station", "/traces?text=nothing-says-this",
        f"/traces?agent={AGENT}&failing={JUDGE}", f"/traces?passing={JUDGE}", "/traces?failing=nothing",
        "/traces?passing=nothing", "/traces?status=error", "/traces?environment=staging", "/traces?user=user-7",
        "/traces?session=session-77", "/traces?prompt=3", "/traces?heard=1", f"/traces?cluster={cluster}",
        "/traces?since=2026-03-20&until=2026-03-21", "/traces?origin=experiment",
        f"/traces?before={quote('2026-03-20T00:00:00+00:00 x')}", f"/traces/{trace}", f"/traces/{LARGE}",
        f"/traces/{LARGE}?all=1", *lists, *(f"{one}?agent={AGENT}" for one in lists), "/nights",
        f"/clusters/{cluster}", f"/datasets/{AGENT}/main", f"/evaluators/{AGENT}/{JUDGE}",
        f"/evaluators/{AGENT}/{JUDGE}?by=day&days=all", f"/evaluators/{AGENT}/no_error", f"/agreement/{AGENT}/{JUDGE}",
        f"/experiments/{experiment}", f"/proposals/{proposal}", f"/nights/{night}",
        "/static/burnish.css", "/healthz",
    ]  # fmt: skip


def measure(folder: Path, asked: list[str]) -> int:
    """Ask for every page and print what it took; how many miss the bar."""
    with serving(folder) as (site, process):
        visitor = Visitor(site)
        cold = visitor.get("/")[0]
        print(f"first page after the start: {cold:.0f} ms; all figures counted after {counted(visitor):.1f} s")
        visitor.sign_in("visitor", "/review")
        held = visitor.get(f"/review/{QUEUE}")[2]
        table = Table("page", "status", "median ms", "p95 ms", "slowest ms", "cpu ms")
        missed = int(cold > BAR_MS)
        for path in (*asked, held):
            status = visitor.get(path)[1]
            begun = used(process)
            times = [visitor.get(path)[0] for _ in range(TIMES)]
            cpu = 1000 * (used(process) - begun) / TIMES
            late = quantiles(times, n=20, method="inclusive")[18]
            missed += late > BAR_MS
            told = (f"{late:.1f}" + (" !" if late > BAR_MS else ""), f"{max(times):.1f}", f"{cpu:.1f}")
            table.add_row(path if len(path) < 60 else path[:57] + "…", str(status), f"{median(times):.1f}", *told)
    Console(width=120).print(table)
    return missed


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """`burnish serve` in a process of its own: its address and its id."""
    command = [sys.executable, "-m", "burnish", "--project", str(folder), "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Pages: "), line
        try:
            yield line.removeprefix("Pages: ").strip(), process.pid
        finally:
            process.send_signal(signal.SIGINT)


def used(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def counted(visitor: Visitor) -> float:
    """Wait until no page says that it is being counted; how many seconds that took."""
    begun = time.perf_counter()
    for path in ("/", "/evaluators", "/agreement"):
        while b'class="counting"' in visitor.get(path)[3]:
            time.sleep(0.2)
    return time.perf_counter() - begun


def main() -> int:
    """Print the table; 1 where the bar is missed."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(temporary)
        write_project(folder)
        file = folder / ".burnish" / "burnish.sqlite3"
        there = file.exists()
        begun = time.perf_counter()
        with Store.open(f"sqlite:///{file}") as store:
            if not there:
                fill(store, traces)
            store.traces.add([large_trace(LARGE, AGENT, 2_000)])
            print(f"{store.traces.count(TraceQuery()):,} traces, written in {time.perf_counter() - begun:.0f} s")
            asked = paths(store)
        missed = measure(folder, asked)
    print(f"{missed} above {BAR_MS:.0f} ms")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
