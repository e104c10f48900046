"""Memory of a pull: a million spans from a store that makes them up, into SQLite, with flat memory and a rate.

The source holds one span every half second, four a trace, and gives pages of a thousand. The process's resident memory
is taken at every tenth of the way; the bar is that the last figure is at most 1.1 times the one at two tenths, when
caches are warm.
"""

import argparse
import datetime as dt
import sys
import tempfile
import time
from pathlib import Path

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.loop.pull import PullProgress, pull
from burnish.project import SourceConfig
from tests.support.steady_source import SteadySource

SPANS, BAR = 1_000_000, 1.1
STEP_S = 0.5


def resident_mb() -> float:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("needs /proc/self/status (Linux)")


def main() -> int:
    """Print the table; 1 where memory grew or a span is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spans", type=int, nargs="?", default=SPANS)
    wanted = parser.parse_args().spans
    source = SteadySource(utc_now() - dt.timedelta(seconds=wanted * STEP_S), wanted, STEP_S)
    config = SourceConfig(kind="steady", since_days=wanted * STEP_S / 86_400 + 1)
    taken: list[float] = []
    started = time.monotonic()
    print(f"{'share':>6}{'spans':>12}{'spans/s':>10}{'RSS MB':>9}")

    def watch(told: PullProgress) -> None:
        while len(taken) < 10 and told.spans >= wanted * (len(taken) + 1) / 10:
            taken.append(resident_mb())
            print(f"{len(taken) / 10:>6.0%}{told.spans:>12,}{told.rate:>10,.0f}{taken[-1]:>9.0f}", flush=True)

    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{Path(folder) / 'bench.sqlite3'}") as store:
        report = pull(store, source, "desk", config, progress=watch)
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
    seconds = time.monotonic() - started
    ratio = taken[-1] / taken[1] if len(taken) == 10 else float("inf")
    print(
        f"\n{report.summary.new_spans:,} spans stored in {seconds:,.0f} s, {wanted / seconds:,.0f}/s; "
        f"file {size:,.0f} MB"
    )
    print(f"memory at the end over memory at two tenths: {ratio:.3f}; the bar is {BAR}")
    ok = ratio <= BAR and report.summary.new_spans == wanted and not report.stopped
    print("PASS" if ok else "FAIL")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
