"""How long `burnish --help` takes: python benchmarks/cli_help.py [runs]. Fails over half a second in the median."""

import statistics
import subprocess
import sys
import time

LIMIT_S = 0.5


def main() -> int:
    """Time it in fresh processes, after one that warms the caches."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    command = [sys.executable, "-m", "burnish", "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - started)
    median = statistics.median(times)
    print(f"burnish --help: median {median:.3f} s, best {min(times):.3f} s, worst {max(times):.3f} s over {runs} runs")
    return 0 if median < LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
