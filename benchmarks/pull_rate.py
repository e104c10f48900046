"""Pull rate: through the connector into memory and into SQLite, against the bare HTTP requests to the same server.

The bare requests are the connector's own, sent one after another, and their answers are thrown away unread. Rounds of
the three alternate, and the rates are over all rounds together: a server's own time swings by a quarter from one round
to the next. The connector decodes, maps and stores while the server works on the next page, so that it should lose
little.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.servers import MlflowServer, PhoenixServer, venv_of

from benchmarks.rivals_ingest import mixed
from burnish.adapters.sources.base import Window, WindowedSource
from burnish.adapters.sources.http import HttpClient
from burnish.adapters.sources.mlflow import MlflowSource
from burnish.adapters.sources.mlflow.api import MlflowApi
from burnish.adapters.sources.phoenix import PhoenixSource
from burnish.adapters.store import Store

SPANS = {"phoenix": 6_000, "mlflow": 4_000}
ROUNDS, BAR = 6, 0.9
EVER = Window(start=datetime(2020, 1, 1, tzinfo=UTC))


class Recorded(httpx.HTTPTransport):
    """Passes requests on and keeps them, to be sent again bare."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send and remember."""
        self.sent.append(request)
        return super().handle_request(request)


def into_memory(source: WindowedSource) -> int:
    """Pull; spans that came."""
    return sum(len(trace.spans) for batch in source.read_window(EVER) for trace in batch.traces)


def into_sqlite(source: WindowedSource, path: Path) -> int:
    """Pull into a new store; spans that are new there."""
    with Store.open(f"sqlite:///{path}") as store:
        return sum(store.traces.add(batch.traces).new_spans for batch in source.read_window(EVER))


def bare(requests: list[httpx.Request]) -> None:
    """The same requests, their answers unread."""
    with httpx.Client(timeout=600) as client:
        for request in requests:
            client.send(request).raise_for_status()


def measured(name: str, spans: int, url: str, make: Callable[[HttpClient], WindowedSource], folder: Path) -> bool:
    """Print the table of one server; whether it reaches the bar."""
    recorded = Recorded()
    with HttpClient(url, transport=recorded, timeout_s=600) as client:
        assert into_memory(make(client)) == spans
    works: dict[str, Callable[[HttpClient, int], Any]] = {
        "bare requests": lambda client, number: bare(recorded.sent),
        "into memory": lambda client, number: into_memory(make(client)),
        "into SQLite": lambda client, number: into_sqlite(make(client), folder / f"{name}-{number}.sqlite3"),
    }
    seconds = dict.fromkeys(works, 0.0)
    for number in range(ROUNDS):
        for what, work in works.items():
            with HttpClient(url, timeout_s=600) as client:
                started = time.perf_counter()
                done = work(client, number)
                seconds[what] += time.perf_counter() - started
                assert done in (None, spans), done
    reached = True
    for what, taken in seconds.items():
        rate, share = spans * ROUNDS / taken, seconds["bare requests"] / taken
        verdict = (
            "" if what == "bare requests" else f"{share:>7.0%}  bar {BAR:.0%}: {'PASS' if share >= BAR else 'FAIL'}"
        )
        reached &= share >= BAR
        print(f"{name + ', ' + what:<34}{rate:>9,.0f} spans/s{verdict}", flush=True)
    return reached


def of_phoenix(folder: Path, venv: Path, spans: int) -> bool:
    """Fill Phoenix and measure."""
    with PhoenixServer(venv, folder / "server") as server:
        for body in mixed(spans, 0):
            server.send(body)
        server.wait_for(spans)
        return measured(
            "phoenix", spans, server.url, lambda client: PhoenixSource(client, "default", "support"), folder
        )


def of_mlflow(folder: Path, venv: Path, spans: int) -> bool:
    """Fill MLflow and measure."""
    with MlflowServer(venv, folder / "server") as server:
        experiment = server.experiment("bench")
        for body in mixed(spans, 0):
            server.send(body, experiment)
        return measured(
            "mlflow", spans, server.url, lambda client: MlflowSource(MlflowApi(client, experiment), "support"), folder
        )


def main() -> int:
    """Print the tables; 1 where a rate misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, spans in SPANS.items():
        parser.add_argument(
            f"--{name}", type=int, default=spans, metavar="SPANS", help="a multiple of 1,000; 0 for none"
        )
    wanted = vars(parser.parse_args())
    print(f"{ROUNDS} rounds, load before: {os.getloadavg()[0]:.1f}\n")
    reached = True
    for name, measure in (("phoenix", of_phoenix), ("mlflow", of_mlflow)):
        venv = venv_of(name)
        if not wanted[name]:
            continue
        if venv is None:
            print(f"{name}: left out, BURNISH_{name.upper()}_VENV names no environment (make integration)")
            continue
        with tempfile.TemporaryDirectory() as folder:
            reached &= measure(Path(folder), venv, wanted[name])
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
