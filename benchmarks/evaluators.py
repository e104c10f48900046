"""Speed of code checks: 10,000 traces through 20 of them in under 20 s of one core.

Two figures, in process time because the machine may be busy with other things: the checks alone on traces in memory,
which the bar is held against, and the whole way of a night, from SQLite through `enrich` to 200,000 stored results. The
traces are those of `enrich_memory`: six spans, about 6 KB as text. `--profile` shows where the time of the whole way
goes.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.enrich_memory import trace
from burnish.domain.evaluators.base import EvaluationContext, Evaluator
from burnish.domain.evaluators.registry import BUILT_IN
from burnish.domain.evaluators.run import EvaluatorResult, evaluate_pairs
from burnish.domain.listing import TraceQuery

TRACES, BAR_S = 10_000, 20.0

SPECS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("contains", {"all_of": ["order"]}),
    ("format", {"form": "one_line"}),
    ("grounded", {}),
    ("json_schema", {"schema": {"type": "string"}}),
    ("latency", {"max_s": 5}),
    ("length", {"maximum": 50}),
    ("loops", {}),
    ("no_error", {"any_span": True}),
    ("pii_leak", {}),
    ("refusal", {}),
    ("regex", {"pattern": r"(?i)order \d+"}),
    ("repeated_calls", {}),
    ("step_limit", {"limit": 5}),
    ("tokens", {"max_tokens": 4_000}),
    ("tool_arguments", {"schemas": {"find_order": {"type": "object", "required": ["order"]}}}),
    ("tool_calls", {"calls": [{"name": "find_order"}]}),
    ("tool_errors", {}),
    ("tool_order", {"order": ["find_order", "find_order"]}),
    ("tool_selection", {"tools": ["find_order"]}),
    ("tools_used", {"required": ["find_order"]}),
)


def evaluators() -> list[Evaluator]:
    """The twenty checks."""
    return [BUILT_IN[kind].model_validate({"name": kind, **fields}) for kind, fields in SPECS]


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of this process, seconds of the clock, and what came of it."""
    began, started = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - began, time.perf_counter() - started, result


def in_memory(traces: int) -> tuple[float, float, int]:
    """The checks alone."""
    checks = evaluators()
    contexts = [EvaluationContext(trace=trace(number)) for number in range(traces)]
    results: list[EvaluatorResult] = []
    pairs = ((check, context) for context in contexts for check in checks)
    cpu, wall, _ = timed(lambda: asyncio.run(evaluate_pairs(pairs, on_result=results.append)))
    assert not any(result.failure for result in results)
    return cpu, wall, len(results)


def whole_way(url: str, profile: bool) -> tuple[float, float, int]:
    """From the store and back into it."""
    from burnish.adapters.store import Store
    from burnish.loop.enrich import enrich

    with Store.open(url) as store:
        ids = store.traces.ids(TraceQuery(agent="support"))
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        cpu, wall, summary = timed(lambda: asyncio.run(enrich(store, evaluators(), ids, None)))
        if profile:
            profiler.disable()
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    return cpu, wall, sum(one.scored for one in summary.evaluators.values())


def main() -> int:
    """Print the table; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=TRACES)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--part", choices=["fill", "memory", "store"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "fill":
        from burnish.adapters.store import Store

        with Store.open(arguments.url) as store:
            store.traces.add(map(trace, range(arguments.traces)))
        return 0
    if arguments.part is not None:
        memory = arguments.part == "memory"
        print(json.dumps(in_memory(arguments.traces) if memory else whole_way(arguments.url, arguments.profile)))
        return 0
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        again = [sys.executable, "-m", "benchmarks.evaluators", "--url", url, "--traces", str(arguments.traces)]
        again += ["--profile"] if arguments.profile else []
        subprocess.run([*again, "--part", "fill"], check=True)
        for part in ("memory", "store"):
            done = subprocess.run([*again, "--part", part], check=True, stdout=subprocess.PIPE, text=True)
            rows[part] = json.loads(done.stdout)
    bar = BAR_S * arguments.traces / TRACES
    print(f"{arguments.traces:,} traces of 6 spans, {len(SPECS)} code checks\n")
    print(f"{'what':<40}{'results':>10}{'CPU s':>8}{'clock s':>9}{'us a result':>13}{'bar':>7}")
    names = {"memory": "the checks alone", "store": "from SQLite, checked, stored"}
    for part, (cpu, wall, results) in rows.items():
        held = f"{bar:.0f}" if part == "memory" else "-"
        print(f"{names[part]:<40}{results:>10,.0f}{cpu:>8.1f}{wall:>9.1f}{cpu / results * 1e6:>13.0f}{held:>7}")
    right = all(row[2] == arguments.traces * len(SPECS) for row in rows.values())
    ok = right and rows["memory"][0] < bar
    print("PASS" if ok else "FAIL")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
