"""Run every benchmark in a process of its own: `python -m benchmarks [name ...]`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(
    [
        *(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_")),
        *(path.parent.name for path in HERE.glob("*/__main__.py")),
    ]
)


def main() -> int:
    """Run the named benchmarks, or all; 1 where any missed its bar."""
    wanted = sys.argv[1:] or NAMES
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        print(f"no benchmark '{unknown[0]}'; there are: {', '.join(NAMES)}")
        return 2
    missed = []
    for name in wanted:
        print(f"\n== {name}", flush=True)
        if subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]) != 0:
            missed.append(name)
    print(
        f"\n{len(wanted) - len(missed)} of {len(wanted)} benchmarks reach their bars"
        + (f"; missed: {missed}" if missed else "")
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
