"""`python -m benchmarks.fuzz [--bodies N] [--seed S]`: N bodies through the endpoint, N inputs through the mappers.

Every mapper gets the same share; `--inputs` says how many it is for each.

1 where anything crashed, a well-formed span was lost, or memory grew by more than the bar.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.fuzz.mappers import mappers
from benchmarks.fuzz.otlp_bodies import recorded_spans
from benchmarks.fuzz.run import Findings, fuzz_endpoint, fuzz_mapper

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
GROWTH_MB = 100.0


def report(name: str, findings: Findings, seconds: float) -> bool:
    """Print what was found; True where it is nothing."""
    outcomes = ", ".join(f"{count:,} {what}" for what, count in sorted(findings.outcomes.items()))
    # The first fifth fills caches; from then on memory has to stay.
    settled = findings.resident_mb[len(findings.resident_mb) // 5 :]
    growth = settled[-1] - settled[0]
    print(
        f"{name}: {outcomes}; {seconds:.0f} s of CPU, {settled[-1]:,.0f} MB resident, {growth:+.1f} MB since a fifth",
        flush=True,
    )
    if findings.whole:
        print(f"  {findings.whole:,} well-formed spans put in, {len(findings.lost)} bodies lost some")
    for found in [*findings.crashes[:5], *findings.lost[:5]]:
        print(f"  {found}")
    return findings.clean and growth < GROWTH_MB


def main() -> int:
    """Fuzz everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--inputs", type=int, help="for each mapper")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder of public recordings")
    arguments = parser.parse_args()
    spans = recorded_spans(arguments.shared / "otel" / "generated_otlp")
    print(f"{len(spans)} spans to begin with", flush=True)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        found = fuzz_endpoint(arguments.bodies, arguments.seed, spans, Path(folder) / "fuzz.sqlite3")
        good &= report("endpoint", found, time.process_time() - started)
    every = mappers(spans, arguments.shared)
    share = arguments.inputs or max(1, arguments.bodies // len(every))
    print(f"{share:,} inputs for each of {len(every)} mappers", flush=True)
    for mapper in every:
        started = time.process_time()
        found = fuzz_mapper(mapper, share, arguments.seed)
        good &= report(f"mapper {mapper.name}", found, time.process_time() - started)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
