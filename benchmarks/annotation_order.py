"""In which order people should label: `python -m benchmarks.annotation_order [folder of the data]`

500 pairs of answers that three people compared (PandaLM), with the recorded verdicts of two judges. The judge under
test is the first; that the second disagrees with it is the sign of doubt. Every order is played many times:

- random: what most teams do.
- strict: doubtful pairs first, the rest after them.
- leaning: burnish's own, a random order in which a pair's weight is 1 where the judges disagree and 0.25 elsewhere.
- leaning, tasks: the same with the weight shared among pairs of one application, as among items of a failure cluster.

Told after k labels: errors of the judge found, applications in which one was found, how far the estimate of the judge's
agreement with people is off (root mean square) when labels are counted plainly and when each is weighted by its chance,
and how often the weighted 95 % interval holds the truth. The label is the majority of the three people.
"""

import json
import math
import random
import statistics
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from burnish.domain.annotation.order import COVERED, Drawn, estimate
from burnish.domain.annotation.rules import Panel, Share

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
JUDGE, SECOND = "gpt-3.5-turbo", "pandalm-7b"
DOUBT, REST = Panel(keys=("any",)).weight, Share(share=1.0).weight
STEPS = (50, 100, 200)
PLAYS = 400


class Pair(NamedTuple):
    """One item: whether the judge was right, whether the judges disagree, and the application it is from."""

    right: bool
    doubt: bool
    task: str


class Told(NamedTuple):
    """What one play of one order told after k labels."""

    errors: int
    tasks: int
    plain: float
    weighted: float
    inside: bool
    width: float


def play(pairs: list[Pair], order: str, rng: random.Random) -> dict[int, Told]:
    """One random order of a kind."""
    weights = {"random": lambda p: 1.0}.get(order, lambda p: DOUBT if p.doubt else REST)
    uniform = [-math.log(1 - rng.random()) for _ in pairs]
    weight = [weights(pair) for pair in pairs]
    if order == "leaning, tasks":
        seen: Counter[str] = Counter()
        for number in sorted(range(len(pairs)), key=lambda n: (-weight[n], uniform[n])):
            weight[number] *= max(COVERED, 1 / (1 + seen[pairs[number].task]))
            seen[pairs[number].task] += 1
    if order == "strict":
        turn = sorted(range(len(pairs)), key=lambda n: (not pairs[n].doubt, uniform[n]))
    else:
        turn = sorted(range(len(pairs)), key=lambda n: uniform[n] / weight[n])
    truth = statistics.mean(pair.right for pair in pairs)
    found = {}
    for k in STEPS:
        labelled = [pairs[n] for n in turn[:k]]
        plain = statistics.mean(pair.right for pair in labelled)
        weighted, inside, width = math.nan, False, math.nan
        if order != "strict":  # what comes last in a strict order had no chance to be among the first
            drawn = [
                Drawn(weight[n], uniform[n] / weight[n], float(pairs[n].right) if at < k else None)
                for at, n in enumerate(turn)
            ]
            told = estimate(drawn)
            assert told is not None
            weighted, inside, width = told.mean - truth, told.low <= truth <= told.high, told.high - told.low
        wrong = [pair for pair in labelled if not pair.right]
        found[k] = Told(len(wrong), len({pair.task for pair in wrong}), plain - truth, weighted, inside, width)
    return found


def main() -> int:
    """Print the table; 1 where the leaning order does not beat random, 0 where the data is not there."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    path = data / "judge_human" / "pandalm_even.jsonl"
    if not path.is_file():
        print(f"skipped: no {path}; give the folder that holds judge_human/")
        return 0
    pairs = [_pair(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    wrong, doubtful = sum(not p.right for p in pairs), sum(p.doubt for p in pairs)
    both = sum(p.doubt and not p.right for p in pairs)
    print(f"{len(pairs)} pairs: the judge is wrong on {wrong}, the judges disagree on {doubtful}, both on {both}")
    table = Table("labels", "order", "errors found", "in tasks", "plain RMSE", "weighted RMSE", "inside", "width")
    errors: dict[tuple[str, int], float] = {}
    for order in ("random", "strict", "leaning", "leaning, tasks"):
        rng = random.Random(1)
        plays = [play(pairs, order, rng) for _ in range(PLAYS)]
        for k in STEPS:
            told = [one[k] for one in plays]
            errors[order, k] = statistics.mean(one.errors for one in told)
            table.add_row(str(k), order, f"{errors[order, k]:.1f}", *_row(told))
    Console(width=120).print(table)
    gains = [errors["leaning", k] / errors["random", k] for k in STEPS]
    print("errors found, leaning over random: " + ", ".join(f"{gain:.2f}" for gain in gains))
    return 0 if min(gains) > 1.1 else 1


def _row(told: list[Told]) -> tuple[str, ...]:
    def rms(values: list[float]) -> str:
        return "" if math.isnan(values[0]) else f"{math.sqrt(statistics.mean(v * v for v in values)):.3f}"

    weighted = [one.weighted for one in told]
    strict = math.isnan(weighted[0])
    return (
        f"{statistics.mean(one.tasks for one in told):.1f}",
        rms([one.plain for one in told]),
        rms(weighted),
        "" if strict else f"{statistics.mean(one.inside for one in told):.0%}",
        "" if strict else f"{statistics.mean(one.width for one in told):.3f}",
    )


def _pair(row: dict[str, Any]) -> Pair:
    said = row["judges"]
    return Pair(said[JUDGE] == row["human_majority"], said[JUDGE] != said[SECOND], row["motivation_app"])


if __name__ == "__main__":
    sys.exit(main())
