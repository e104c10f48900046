"""Redaction: its part of durable ingest, and what it finds and leaves in labelled texts.

The traces are those of benchmarks/ingest.py: ten spans with 1 to 2 KB of messages each, with growing conversations. Both
sides are CPU time of one process, taken in turns, as the machine is shared; the best of ROUNDS counts. Texts are
remembered between traces as they are in use, from an empty memory in each round.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.ingest import PROTOBUF, bodies
from burnish.adapters.sources.otlp import decode_body, spans_to_traces
from burnish.adapters.store import Store
from burnish.domain.redaction import LimitRule, RedactionRule, Redactor
from burnish.domain.traces import Trace

SPANS, ROUNDS = 5_000, 4
BAR_SHARE, BAR_RECALL, BAR_FALSE = 0.20, 0.99, 0.001


def mapped(requests: list[bytes]) -> list[Trace]:
    """The traces of OTLP requests."""
    found: list[Trace] = []
    for body in requests:
        decoded = decode_body(body, PROTOBUF, None, max_bytes=2**26)
        found += spans_to_traces(decoded.spans, "support", "otlp").traces
    return found


def ingested(requests: list[bytes], path: Path) -> float:
    """CPU seconds of decoding, mapping and committing, without redaction."""
    with Store.open(f"sqlite:///{path}") as store:
        started = time.process_time()
        for body in requests:
            store.traces.add(mapped([body]))
        return time.process_time() - started


def redacted(traces: list[Trace], rule: RedactionRule) -> float:
    """CPU seconds of redaction alone."""
    redactor = Redactor(rule, LimitRule())
    started = time.process_time()
    for trace in traces:
        redactor.trace(trace)
    return time.process_time() - started


def labelled() -> tuple[float, float]:
    """Share of labelled secrets that are gone, and of look-alikes that were touched."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.secrets import negatives, positives

    redactor = Redactor()
    found = Counter[bool]()
    for one in positives():
        after = redactor.text(one.text)
        found[after is not None and not (one.secret and one.secret in after.text)] += 1
    touched = Counter(redactor.text(one.text) is not None for one in negatives())
    print(f"labelled: {found[True]} of {found.total()} found, {touched[True]} of {touched.total()} look-alikes touched")
    return found[True] / found.total(), touched[True] / touched.total()


def main() -> int:
    """Print the table; 1 where a bar is missed."""
    requests = [body for seed, style in enumerate(("genai", "openinference")) for body in bodies(style, SPANS, seed)]
    traces = mapped(requests)
    spans = sum(len(trace.spans) for trace in traces)
    rules = {"defaults": RedactionRule(), "secrets alone": RedactionRule(personal=())}
    times: dict[str, list[float]] = {name: [] for name in ("ingest", *rules)}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            times["ingest"].append(ingested(requests, Path(folder) / f"{number}.sqlite3"))
            for name, rule in rules.items():
                times[name].append(redacted(traces, rule))
    best = {name: min(found) for name, found in times.items()}
    print(
        f"{spans:,} spans, best of {ROUNDS}: ingest without redaction {best['ingest'] / spans * 1e6:.0f} us CPU a span"
    )
    for name in rules:
        print(f"  {name:<16}{best[name] / spans * 1e6:>6.1f} us a span, {best[name] / best['ingest']:.1%} of ingest")
    recall, false = labelled()
    share = best["defaults"] / best["ingest"]
    missed = [
        name
        for name, ok in (("speed", share <= BAR_SHARE), ("recall", recall >= BAR_RECALL), ("false", false <= BAR_FALSE))
        if not ok
    ]
    print("PASS" if not missed else f"FAIL: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
