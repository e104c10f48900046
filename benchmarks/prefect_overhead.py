"""What Prefect adds to scoring: `pull_and_enrich` as a flow over the same stages under plain asyncio.

Each side has a process, a project and a store of its own, and the judge's model is a loopback server in a third process
that answers after a fixed time. The local Prefect server is up already, as `burnish run` leaves it. Counted is
everything in the process once Python runs: imports (Prefect's too), reading the project, the work, writing the scores.
"""

import asyncio
import datetime as dt
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from burnish.drivers.local_server import LocalServer

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

STARTED = time.perf_counter()
TRACES, LATENCY_S, CONCURRENCY, ROUNDS, BAR = 1_500, 0.200, 8, 2, 1.10
AGENT = "desk"
DAY = dt.date(2026, 3, 14)
AGENT_FILE = """evaluators = ["polite", "no_error"]

[repository]
url = "unused"

[target]
prompt = "prompt.md"

[models.target]
name = "fake-model"
base_url = "{base_url}"

[improve]
metric = "polite"
"""
EVALUATORS = """- kind: judge
  name: polite
  rubric: The answer is polite.
- kind: no_error
  name: no_error
"""


def main() -> int:
    """Print all walls; the best of each side make the ratio, as the machine is shared. 1 where it is over the bar."""
    from burnish.drivers.local_server import LocalServer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = LocalServer(folder / "home", _free_port())
        with subprocess.Popen(_command("serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as model:
            assert model.stdout is not None
            assert model.stdin is not None
            base_url = f"http://127.0.0.1:{int(model.stdout.readline())}/v1"
            try:
                server.ensure()
                rounds = [
                    (side, _side(side, folder / str(number), base_url, server))
                    for number in range(ROUNDS)
                    for side in ("plain", "flow")
                ]
            finally:
                server.stop()
                model.stdin.close()
    ideal = TRACES * LATENCY_S / CONCURRENCY
    for side, found in rounds:
        print(f"{side}: {found['wall']:.2f} s, of which imports {found['imports']:.2f} s; ideal {ideal:.2f} s")
    best = {side: min(found["wall"] for name, found in rounds if name == side) for side in ("plain", "flow")}
    ratio = best["flow"] / best["plain"]
    print(f"{TRACES} traces judged; ratio {ratio:.3f}, bar {BAR:.2f}: {'PASS' if ratio <= BAR else 'FAIL'}")
    return 0 if ratio <= BAR else 1


def _side(side: str, folder: Path, base_url: str, server: "LocalServer") -> dict[str, float]:
    project = folder / side
    _write_project(project, base_url)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("BURNISH_", "PREFECT_"))}
    mine = {"BURNISH_PROJECT": str(project), "BURNISH_HOME": str(project / ".burnish")}
    if side == "flow":
        from burnish.drivers.local_server import server_environment

        mine |= {**server_environment(folder.parent / "home"), "PREFECT_API_URL": server.api_url}
    done = subprocess.run(_command(side), env={**kept, **mine}, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert found["scored"] == TRACES, found
    return found


def _write_project(project: Path, base_url: str) -> None:
    from support.evaluation import conversation

    from burnish.adapters.store import Store
    from burnish.drivers.cli.init import write_project

    write_project(project, force=False)
    for old in (project / "config" / "evaluators").glob("*.yaml"):
        old.unlink()
    (project / "config" / "evaluators" / "polite.yaml").write_text(EVALUATORS)
    (project / "config" / "agents" / f"{AGENT}.toml").write_text(AGENT_FILE.format(base_url=base_url))
    one = conversation()
    with Store.open(f"sqlite:///{project / '.burnish' / 'burnish.sqlite3'}") as store:
        store.traces.add(
            one.model_copy(
                update={
                    "trace_id": f"{number:032x}",
                    "agent": AGENT,
                    "input": f"Where is W{number}?",
                    "spans": tuple(
                        span.model_copy(update={"trace_id": f"{number:032x}", "span_id": f"{number}-{span.span_id}"})
                        for span in one.spans
                    ),
                }
            )
            for number in range(TRACES)
        )


def _plain() -> None:
    from burnish.loop import night
    from burnish.loop.context import booked_night, open_workshop
    from burnish.loop.progress import Ticker

    imported = time.perf_counter()

    async def run() -> int:
        async with booked_night(AGENT, DAY) as booked:
            for stage in (night.ingest_stage, night.enrich_stage):
                async with open_workshop(AGENT, booked) as workshop:
                    with Ticker(lambda done, total, note: None) as ticker:
                        summary = await stage(workshop, ticker)
        return int(summary["evaluators"]["polite"]["scored"])

    _tell(asyncio.run(run()), imported)


def _flow() -> None:
    from burnish.drivers.cli.run import prepare, run_flow
    from burnish.loop.options import PullOptions
    from burnish.settings import Settings

    settings = Settings()
    prepare(settings, lambda line: None)
    import flows.pull_and_enrich  # noqa: F401 - only to know what the import costs

    imported = time.perf_counter()
    result = run_flow("pull_and_enrich", agent=AGENT, options=PullOptions(night=DAY))
    _tell(int(result["enrich"]["evaluators"]["polite"]["scored"]), imported)


def _tell(scored: int, imported: float) -> None:
    now = time.perf_counter()
    print(json.dumps({"scored": scored, "wall": now - STARTED, "imports": imported - STARTED}))


def _serve() -> None:
    from support.model_server import Answer, ModelServer, completion

    good = Answer(completion(json.dumps({"reasoning": "It says please.", "verdict": "pass"})))

    async def serve() -> None:
        server = ModelServer(lambda body: good, latency=LATENCY_S)
        await server.start()
        print(server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await server.stop()

    asyncio.run(serve())


def _command(side: str) -> list[str]:
    return [sys.executable, str(Path(__file__).resolve()), side]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sides = {"plain": _plain, "flow": _flow, "serve": _serve}
    if len(sys.argv) > 1 and sys.argv[1] not in sides:
        sys.exit(__doc__)
    sys.exit(sides[sys.argv[1]]() if len(sys.argv) > 1 else main())
