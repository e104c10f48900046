"""Redaction: its part of durable ingest, and what it finds and leaves in labelled texts.

The traces are those of benchmarks/ingest.py: ten spans with 1 to 2 KB of messages each, in conversations that grow.
Both sides are CPU time of one process, taken in turns request by request, as the machine is shared; the best round
counts.
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

SPANS, ROUNDS = 5_000, 3
BAR_SHARE, BAR_RECALL, BAR_FALSE = 0.20, 0.99, 0.001


def mapped(requests: list[bytes]) -> list[Trace]:
    """The traces of OTLP requests."""
    found: list[Trace] = []
    for body in requests:
        decoded = decode_body(body, PROTOBUF, None, max_bytes=2**26)
        found += spans_to_traces(decoded.spans, "support", "otlp").traces
    return found


def measured(requests: list[bytes], rules: dict[str, RedactionRule], path: Path) -> dict[str, float]:
    """CPU seconds of decoding, mapping and committing without redaction, and of each rule alone, request by request."""
    seconds = dict.fromkeys(("ingest", *rules), 0.0)
    redactors = {name: Redactor(rule, LimitRule()) for name, rule in rules.items()}
    with Store.open(f"sqlite:///{path}") as store:
        for body in requests:
            started = time.process_time()
            traces = mapped([body])
            store.traces.add(traces)
            seconds["ingest"] += time.process_time() - started
            for name, redactor in redactors.items():
                fresh = mapped([body])
                started = time.process_time()
                for trace in fresh:
                    redactor.trace(trace)
                seconds[name] += time.process_time() - started
    return seconds


def labelled() -> tuple[float, float]:
    """Share of labelled secrets that are gone, and of look-alikes that were touched."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.planted import negatives, positives

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
    rules = {"defaults": RedactionRule(), "secrets alone": RedactionRule(personal=())}
    with tempfile.TemporaryDirectory() as folder:
        rounds = [measured(requests, rules, Path(folder) / f"{number}.sqlite3") for number in range(ROUNDS)]
    best = min(rounds, key=lambda one: one["defaults"] / one["ingest"])
    spans = 2 * SPANS
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
