"""How often a judge is called drifting, with cause and without: `python -m benchmarks.judge_drift [judges]`

A judge is right on so large a share of labelled traces; in some rows the share falls after a number of labels. Each is
looked at as burnish looks (`domain.alignment.drift`) until 304 labels are in, six looks. "Called" is the share of
judges that any look called drifting, which without a fall is a false alarm and may be 5 % over the judge's whole life;
"labels after the fall" is the median of how many it took.
"""

import statistics
import sys

import numpy as np
from rich.console import Console
from rich.table import Table

from burnish.domain.alignment.drift import fall_of, looks_by

LABELS, LEVEL, DRAWS = 304, 0.05, 999
CASES = ((0.85, 0.85, 0), (0.95, 0.95, 0), (0.9, 0.7, 60), (0.9, 0.7, 120), (0.95, 0.8, 120), (0.9, 0.5, 120))


def main(judges: int) -> None:
    """Print a row a case."""
    table = Table("right before", "and after", "labels before", "called", "labels after the fall")
    for before, after, change in CASES:
        generator = np.random.default_rng(11)
        called = [_called(generator, before, after, change) for _ in range(judges)]
        late = [size - change for size in called if size is not None and size > change]
        share = len(late) / judges if change else sum(size is not None for size in called) / judges
        fall = str(round(statistics.median(late))) if change and late else ""
        table.add_row(f"{before:.0%}", f"{after:.0%}", str(change) if change else "never", f"{share:.1%}", fall)
    Console().print(table)


def _called(generator: np.random.Generator, before: float, after: float, change: int) -> int | None:
    """How many labels were in when a look called it drifting."""
    share = np.where(np.arange(LABELS) < change, before, after)
    right = (generator.random(LABELS) < share).astype(float)
    sizes = sorted({looks_by(count) for count in range(LABELS + 1)} - {(0, 0)})
    for look, size in sizes:
        if fall_of(right[:size], DRAWS, int(generator.integers(1 << 31))).p_value <= LEVEL / (look * (look + 1)):
            return size
    return None


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
