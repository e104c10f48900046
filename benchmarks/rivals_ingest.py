"""Ingest against Phoenix and MLflow: the same OTLP bodies to each, one after another, until each has stored them all.

burnish counts as done when the answer to the last request is there: each answers after its commit to SQLite, as MLflow
does. Phoenix answers at once and stores later; it is asked for its newest span until that is the last. All three on
SQLite, each server in a process of its own and warmed up by one request. The machine is shared: the ratios count.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.loopback import free_port
from support.servers import MlflowServer, PhoenixServer, venv_of

from benchmarks.ingest import A_BODY, A_TRACE, PROTOBUF, bodies
from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery
from burnish.loop.ingest import receive

SPANS, WARM_UP, TIMEOUT_S = 10_000, 500, 900
BARS = {"phoenix": 20, "mlflow": 5}


def mixed(spans: int, seed: int) -> list[bytes]:
    """Requests of both conventions in turn."""
    styles = [bodies(style, spans // 2, seed + number) for number, style in enumerate(("genai", "openinference"))]
    return [body for pair in zip(*styles, strict=True) for body in pair]


def timed(work: Callable[[], None], spans: int) -> float:
    """Spans a second."""
    started = time.perf_counter()
    work()
    return spans / (time.perf_counter() - started)


def direct(requests: list[bytes], warm_up: bytes, folder: Path) -> float:
    """The endpoint's way without HTTP: decode, map, commit."""
    with Store.open(f"sqlite:///{folder / 'direct.sqlite3'}") as store:
        receive(store, "support", warm_up, PROTOBUF, None)

        def work() -> None:
            for body in requests:
                receive(store, "support", body, PROTOBUF, None)

        rate = timed(work, A_BODY * len(requests))
        assert store.traces.count(TraceQuery(agent="support")) == (A_BODY * len(requests) + WARM_UP) // A_TRACE
    return rate


@contextmanager
def burnish_serve(folder: Path) -> Iterator[str]:
    """`burnish serve` in a process; its address."""
    port = free_port()
    home = {"BURNISH_PROJECT": str(folder), "BURNISH_HOME": str(folder / "home"), "BURNISH_SERVER_PORT": str(port)}
    (folder / "config" / "agents").mkdir(parents=True)
    command = [sys.executable, "-c", "from burnish.drivers.cli import main; main()", "serve"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | home, stdout=log, stderr=log, cwd=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(url, timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def send(client: httpx.Client, url: str, body: bytes, **headers: str) -> None:
    """One request; it must be taken."""
    answer = client.post(f"{url}/v1/traces", content=body, headers={"Content-Type": PROTOBUF, **headers})
    assert answer.is_success, answer.text


def over_http(requests: list[bytes], warm_up: bytes, folder: Path) -> float:
    """The same through `burnish serve`."""
    with burnish_serve(folder) as url, httpx.Client(timeout=120) as client:
        send(client, url, warm_up)
        rate = timed(lambda: [send(client, url, body) for body in requests] and None, A_BODY * len(requests))
    with Store.open(f"sqlite:///{next((folder / 'home').glob('*.sqlite3'))}") as store:
        stored = store.traces.count(TraceQuery())
        assert stored == (A_BODY * len(requests) + WARM_UP) // A_TRACE, stored
    return rate


def phoenix(requests: list[bytes], warm_up: bytes, folder: Path) -> float:
    """Until the newest span has the number of the last one."""

    venv = venv_of("phoenix")
    assert venv is not None
    with PhoenixServer(venv, folder) as server, httpx.Client(timeout=120) as client:
        send(client, server.url, warm_up)
        server.wait_for(WARM_UP)

        def work() -> None:
            for body in requests:
                send(client, server.url, body)
            server.wait_for(WARM_UP + A_BODY * len(requests))

        return timed(work, A_BODY * len(requests))


def mlflow(requests: list[bytes], warm_up: bytes, folder: Path) -> float:
    """Until the last request is answered; the spans stand in the database by then."""
    venv = venv_of("mlflow")
    assert venv is not None
    with MlflowServer(venv, folder) as server, httpx.Client(timeout=TIMEOUT_S) as client:
        experiment = {"x-mlflow-experiment-id": server.experiment("bench")}
        send(client, server.url, warm_up, **experiment)
        return timed(
            lambda: [send(client, server.url, body, **experiment) for body in requests] and None, A_BODY * len(requests)
        )


def main() -> int:
    """Print the table; 1 where a ratio misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS, help="a multiple of 1,000")
    spans = parser.parse_args().spans
    requests, warm_up = mixed(spans, 0), bodies("genai", WARM_UP, 99)[0]
    print(f"{spans:,} spans in {len(requests)} requests, load before: {os.getloadavg()[0]:.1f}\n")
    missed = False
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        rates = {"direct": direct(requests, warm_up, folder), "serve": over_http(requests, warm_up, folder / "serve")}
        print(f"{'burnish, decode + map + commit, no HTTP':<44}{rates['direct']:>10,.0f} spans/s")
        print(f"{'burnish serve, over HTTP':<44}{rates['serve']:>10,.0f} spans/s", flush=True)
        for name, measure in (("phoenix", phoenix), ("mlflow", mlflow)):
            if venv_of(name) is None:
                print(f"{name}: left out, BURNISH_{name.upper()}_VENV names no environment (make integration)")
                continue
            rate = measure(requests, warm_up, folder / name)
            ratio, bar = rates["serve"] / rate, BARS[name]
            missed |= ratio < bar
            verdict = "PASS" if ratio >= bar else "FAIL"
            print(
                f"{name + ', over HTTP':<44}{rate:>10,.0f} spans/s, burnish serve is {ratio:.1f} x  "
                f"bar {bar} x: {verdict} (direct {rates['direct'] / rate:.1f} x)",
                flush=True,
            )
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
