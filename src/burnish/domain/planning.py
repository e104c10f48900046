"""Power before money: which gain a held-out set of a given size can show, and what a night costs to find out.

A paired comparison of an agent's versions is noisy in two ways. The same version answers the same example differently
from run to run, which more runs average out; and a change helps some examples and not others, which only more examples
average out. Three assumptions turn the measured flips into both:

- A change moves an example it repairs from as right as failing ones usually are to as right as solved ones usually
  are. With flips F and half of the answers right, that step is 1 - 2F: 1 for an agent that never flips.
- A repaired example no longer flips in the new version.
- Besides, a change moves `CHURN` of the examples by such a step up or down without any gain in it.

With gain g, R runs and s = 1 - 2F the variance of one example's difference is
`F (1 - g / 2s) / R + CHURN s^2 + s g - g^2`. For F = 20 % this is within 3 % of simulated figures (docs/judges.md).
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from burnish.domain.base import Value
from burnish.domain.statistics import pairs_needed, wilson

__all__ = [
    "ASSUMED_FLIPS",
    "CHURN",
    "GAINS",
    "RUNS",
    "FlipRate",
    "Need",
    "assumed_flips",
    "detectable",
    "estimate_flips",
    "examples_needed",
    "needs",
    "variance",
]

ASSUMED_FLIPS = 0.2
CHURN = 0.06
GAINS = (0.15, 0.10, 0.05, 0.03)
RUNS = (1, 3)
MINIMUM_REPEATED = 20  # repeated examples below which the assumption says more than the estimate
POWER = 0.8

Basis = Literal["repetitions", "nights", "assumed", "given"]


class FlipRate(Value):
    """The share of answers that differ between two runs of one version on one example, with its 95 % interval.

    For a graded metric it is the mean squared difference of two runs, which is the same thing for right and wrong.
    `basis` says where it comes from: repetitions within experiments, the same version on several nights, the stated
    assumption, or the caller. `examples` were answered at least twice.
    """

    share: float = Field(ge=0, le=1)
    low: float = 0.0
    high: float = 1.0
    examples: int = 0
    basis: Basis = "assumed"


class Need(Value):
    """Examples that a gain needs: with 1 run, with 3, with the planned number of runs; and how many are missing."""

    gain: float
    once: int
    thrice: int
    planned: int
    missing: int


def assumed_flips(share: float = ASSUMED_FLIPS, basis: Basis = "assumed") -> FlipRate:
    """A flip rate that nobody measured."""
    return FlipRate(share=share, basis=basis)


def estimate_flips(answers: Iterable[Sequence[float]], basis: Basis) -> FlipRate | None:
    """The flip rate from the scores of repeated runs, one sequence an example and version.

    Examples with one score say nothing and drop out. None below `MINIMUM_REPEATED` of the others.
    """
    repeated = [scores for scores in answers if len(scores) > 1]
    if len(repeated) < MINIMUM_REPEATED:
        return None
    squares, freedom = 0.0, 0
    for scores in repeated:
        centre = math.fsum(scores) / len(scores)
        squares += math.fsum((score - centre) ** 2 for score in scores)
        freedom += len(scores) - 1
    share = min(1.0, 2 * squares / freedom)
    bounds = wilson(round(share * len(repeated)), len(repeated))
    low, high = min(bounds.low, share), max(bounds.high, share)
    return FlipRate(share=share, low=low, high=high, examples=len(repeated), basis=basis)


def variance(gain: float, flips: float, repetitions: int) -> float:
    """Variance of one example's difference between two versions, each the mean over `repetitions` runs.

    `flips` above 0.5 counts as 0.5, where every answer is a coin.
    """
    flips = min(flips, 0.5)
    step = max(1 - 2 * flips, gain)  # no mean gain is larger than the steps it is made of
    repaired = gain / step if step > 0 else 0.0
    within = flips * (1 - repaired / 2) / repetitions
    return within + CHURN * step**2 + step * gain - gain**2


def examples_needed(gain: float, flips: float, repetitions: int, level: float = 0.05, power: float = POWER) -> int:
    """Held-out examples for a one-sided test at `level` to see `gain` with `power`, by the normal approximation.

    Raises ValueError for a gain that is not above 0.
    """
    if gain <= 0:
        raise ValueError(f"a gain of {gain:g} needs no examples; give one above 0")
    return pairs_needed(gain, variance(gain, flips, repetitions), level, power)


def detectable(
    examples: int, flips: float, repetitions: int, level: float = 0.05, power: float = POWER
) -> float | None:
    """The smallest gain that `examples` show with `power`: `examples_needed` solved for the gain, to 0.0001.

    None where no gain is seen: below log2(1 / level) examples, not even all of them fixed would pass an exact test.
    """
    if examples < math.log2(1 / level) or examples_needed(1.0, flips, repetitions, level, power) > examples:
        return None
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        if examples_needed(middle, flips, repetitions, level, power) > examples:
            low = middle
        else:
            high = middle
    return high


def needs(examples: int, flips: float, repetitions: int, level: float, power: float = POWER) -> tuple[Need, ...]:
    """What each of `GAINS` needs, beside the `examples` there are."""
    found = []
    for gain in GAINS:
        once, thrice = (examples_needed(gain, flips, runs, level, power) for runs in RUNS)
        planned = examples_needed(gain, flips, repetitions, level, power)
        found.append(Need(gain=gain, once=once, thrice=thrice, planned=planned, missing=max(0, planned - examples)))
    return tuple(found)
