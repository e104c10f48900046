"""Memory and speed of enriching: 20,000 traces through six code checks on SQLite, peak RSS under 500 MB.

Each trace is an agent run of six spans (an agent, three model calls whose conversation grows, two tools), about 6 KB
as text. Filling the store and enriching it run in processes of their own, so that the peak is that of enriching alone.
A second round finds everything judged and must judge nothing; correcting one trace in a hundred must judge just those
again.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from burnish.domain.evaluators.base import Evaluator
from burnish.domain.evaluators.limits import LatencyLimit, NoError, TokenLimit
from burnish.domain.evaluators.text import ExactMatch, Regex
from burnish.domain.evaluators.trajectory import RepeatedCalls
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.domain.traces import (
    Message,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolUse,
    Trace,
    Usage,
)

TRACES, BAR_MB = 20_000, 500
START = datetime(2026, 1, 1, tzinfo=UTC)

EVALUATORS: tuple[Evaluator, ...] = (
    ExactMatch(name="correct"),  # without a correction it refuses, which is remembered as a failure
    Regex(name="polite", pattern=r"(?i)order"),
    NoError(name="no_error", any_span=True),
    LatencyLimit(name="quick", max_s=5),
    TokenLimit(name="frugal", max_tokens=4_000),
    RepeatedCalls(name="no_loops", limit=1),
)


def trace(number: int) -> Trace:
    """One run; its words differ from every other's."""
    started = START + timedelta(seconds=number)
    words = " ".join(f"w{(number * 7919 + index * 104_729) % 99_991}" for index in range(110))
    talk = [Message(role="system", parts=(TextPart(text="You find orders. " * 20),)), _said("user", words[:300])]
    spans = [_span(number, 0, started, name="support", kind=SpanKind.AGENT, parent_id=None)]
    for step in range(3):
        arguments: dict[str, Any] = {"order": f"W{number + step}"}
        call = ToolCallPart(name="find_order", arguments=arguments, id=f"c{number}-{step}")
        answer = _said("assistant", words) if step == 2 else Message(role="assistant", parts=(call,))
        spans.append(
            _span(
                number,
                2 * step + 1,
                started,
                name="chat",
                kind=SpanKind.LLM,
                input_messages=tuple(talk),
                output_messages=(answer,),
                usage=Usage(input_tokens=900, output_tokens=number % 700),
            )
        )
        if step < 2:
            use = ToolUse(name="find_order", arguments=arguments, result=words, call_id=call.id)
            status = SpanStatus.ERROR if number % 10 == 0 else SpanStatus.OK
            spans.append(_span(number, 2 * step + 2, started, name="tool", kind=SpanKind.TOOL, tool=use, status=status))
            talk += [answer, Message(role="tool", parts=(ToolResultPart(result=words, id=call.id),))]
    return Trace(
        trace_id=f"{number:032x}",
        agent="support",
        source="benchmark",
        name="support",
        started_at=started,
        ended_at=started + timedelta(seconds=number % 9),
        input=words[:300],
        output=f"order {number}",
        spans=tuple(spans),
    )


def _said(role: str, text: str) -> Message:
    return Message(role=role, parts=(TextPart(text=text),))


def _span(number: int, position: int, started: datetime, **fields: Any) -> Span:
    return Span(
        **{"parent_id": f"{number:015x}0", **fields},
        trace_id=f"{number:032x}",
        span_id=f"{number:015x}{position}",
        started_at=started + timedelta(milliseconds=position),
        ended_at=started + timedelta(milliseconds=position + 1),
    )


def fill(url: str, traces: int) -> None:
    """Store the traces, and a correction of every fiftieth."""
    from burnish.adapters.store import Store

    with Store.open(url) as store:
        store.traces.add(map(trace, range(traces)))
        store.feedback.add(_correction(number, "order") for number in range(0, traces, 50))


def _correction(number: int, word: str) -> Feedback:
    return Feedback(
        trace_id=f"{number:032x}",
        key="review",
        source=FeedbackSource.HUMAN,
        author="ana",
        correction=f"{word} {number}",
    )


def measure(url: str, traces: int) -> Iterator[dict[str, float]]:
    """Three rounds: everything, nothing, and what new corrections open again."""
    from burnish.adapters.store import Store
    from burnish.loop.enrich import enrich, pending

    to_mb = 2**20 if sys.platform == "darwin" else 2**10
    with Store.open(url) as store:
        for corrected in (0, 0, traces // 100):
            store.feedback.add([_correction(number, "other") for number in range(corrected)])
            started = time.perf_counter()
            waiting = len(pending(store, "support", EVALUATORS))
            looked = time.perf_counter()
            summary = asyncio.run(enrich(store, EVALUATORS, store.traces.ids(TraceQuery(agent="support")), None))
            counts = summary.evaluators.values()
            yield {
                "traces": summary.traces,
                "pending": waiting,
                "scored": sum(one.scored for one in counts),
                "failed": sum(one.failed for one in counts),
                "pending_s": looked - started,
                "seconds": time.perf_counter() - looked,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / to_mb,
            }


def main() -> int:
    """Print the table; 1 where the bar is missed or work was done twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=TRACES)
    parser.add_argument("--part", choices=["fill", "measure"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "fill":
        fill(arguments.url, arguments.traces)
        return 0
    if arguments.part == "measure":
        print(json.dumps(list(measure(arguments.url, arguments.traces))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        again = [sys.executable, "-m", "benchmarks.enrich_memory", "--url", url, "--traces", str(arguments.traces)]
        subprocess.run([*again, "--part", "fill"], check=True)
        size = (Path(folder) / "bench.sqlite3").stat().st_size / 2**20
        done = subprocess.run([*again, "--part", "measure"], check=True, stdout=subprocess.PIPE, text=True)
    rounds = json.loads(done.stdout)
    print(f"{arguments.traces:,} traces of 6 spans, {len(EVALUATORS)} code checks, SQLite file of {size:,.0f} MB\n")
    print(f"{'round':<26}{'pending':>9}{'scored':>9}{'failed':>9}{'pending s':>11}{'seconds':>9}{'peak MB':>9}")
    names = ("everything new", "again: nothing to do", "one in a hundred corrected")
    for name, row in zip(names, rounds, strict=True):
        print(
            f"{name:<26}{row['pending']:>9,}{row['scored']:>9,}{row['failed']:>9,}"
            f"{row['pending_s']:>11.2f}{row['seconds']:>9.1f}{row['peak_mb']:>9.0f}"
        )
    peak = max(row["peak_mb"] for row in rounds)
    corrected = arguments.traces // 100
    refused = arguments.traces - arguments.traces // 50
    expected = [
        (arguments.traces, arguments.traces * len(EVALUATORS) - refused, refused),
        (0, 0, 0),
        (corrected, corrected, 0),
    ]
    right = [(row["pending"], row["scored"], row["failed"]) for row in rounds] == expected
    ok = peak < BAR_MB and right
    print(f"\npeak {peak:,.0f} MB, the bar is {BAR_MB} MB; counts {'as expected' if right else f'differ: {expected}'}")
    print("PASS" if ok else "FAIL")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
