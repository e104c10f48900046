"""Every page on a store of 100,000 traces: `python -m benchmarks.pages [traces [folder]]`

Fills a SQLite store in a temporary folder (or takes the one that an earlier run left in the named folder) with traces,
330,000 pieces of feedback, clusters, queues, experiments and nights, serves it on loopback, and asks for each page 15
times over connections of its own. The bar is 100 ms to the first byte, for 95 % of the answers and for the first page
after the start, when nothing has been counted yet. The last column is the processor's time a page takes on both ends of
the line, which a busy machine leaves as it is.
"""

import http.client
import socket
import sys
import tempfile
import threading
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
from burnish.drivers.web import create_app
from burnish.drivers.web.counts import count_all
from burnish.drivers.web.render import compile_templates
from burnish.project import agent_names, load_agent
from burnish.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.large_store import AGENTS, JUDGE, QUEUE, fill, large_trace, write_project

BAR_MS, TIMES = 100.0, 15
AGENT = next(iter(AGENTS))
LARGE = "large-trace"


def paths(store: Store) -> list[str]:
    """Every page that can be read, lists with their filters."""
    trace = store.traces.list(TraceQuery(agent=AGENT, limit=1))[0].trace_id
    experiment = store.experiments.list(agent=AGENT)[0].id
    cluster = store.clusters.list(agent=AGENT)[0].id
    proposal = store.proposals.list(agent=AGENT)[0].id
    night = store.nights.list(agent=AGENT, limit=1)[0].id
    item = store.queues.list(QUEUE, limit=1)[0].id
    lists = ["/clusters", "/datasets", "/evaluators", "/agreement", "/proposals", "/experiments", "/pull-requests"]
    return [
        "/", "/login", "/review", f"/review/{QUEUE}", f"/review/{QUEUE}/{item}", f"/review/{QUEUE}/agreement",
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


def first_byte(host: str, port: int, path: str) -> tuple[float, int]:
    """Seconds from the request to the answer's first byte, and its status."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.connect()
    begun = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    took = time.perf_counter() - begun
    answer.read()
    connection.close()
    return took, answer.status


@contextmanager
def served(store: Store, folder: Path) -> Iterator[int]:
    """The site on loopback as `burnish serve` runs it, and its port."""
    import uvicorn

    agents = {name: load_agent(folder, name) for name in agent_names(folder)}
    app = create_app(store, Settings(project=folder, _env_file=None), agents)  # type: ignore[call-arg]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        compile_templates()
        app.state.kept.serve()
        count_all(app.state)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(timeout=10)
        app.state.kept.close()


def counted(port: int) -> float:
    """Wait until no page says that it is being counted; how many seconds that took."""
    begun = time.perf_counter()
    for path in ("/", "/evaluators", "/agreement"):
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", path)
            if b'class="counting"' not in connection.getresponse().read():
                break
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
            return measure(store, folder)


def measure(store: Store, folder: Path) -> int:
    """Ask for every page and print what it took."""
    table = Table("page", "status", "median ms", "p95 ms", "slowest ms", "cpu ms")
    missed = 0
    with served(store, folder) as port:
        cold = 1000 * first_byte("127.0.0.1", port, "/")[0]
        print(f"first page after the start: {cold:.0f} ms; all figures counted after {counted(port):.1f} s")
        for path in paths(store):
            first_byte("127.0.0.1", port, path)  # templates are compiled once
            used = time.process_time()
            found = [first_byte("127.0.0.1", port, path) for _ in range(TIMES)]
            cpu = 1000 * (time.process_time() - used) / TIMES
            times = [1000 * took for took, _ in found]
            late = quantiles(times, n=20)[18]
            missed += late > BAR_MS
            told = (
                f"{median(times):.1f}",
                f"{late:.1f}" + (" !" if late > BAR_MS else ""),
                f"{max(times):.1f}",
                f"{cpu:.1f}",
            )
            table.add_row(path if len(path) < 60 else path[:57] + "…", str(found[0][1]), *told)
    Console(width=120).print(table)
    print(f"{missed} pages above {BAR_MS:.0f} ms")
    return 1 if missed or cold > BAR_MS else 0


if __name__ == "__main__":
    sys.exit(main())
