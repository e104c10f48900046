"""The tests and intervals behind the gate: paired, one-sided for improvement, and never a number out of nothing.

Differences are candidate minus baseline, one an example, on the metric's own scale. Every function answers None (or
a stated limit) where a test is undefined, so that no caller mistakes a missing figure for evidence. scipy is imported
on first use: it costs over a second, and most commands of burnish never test anything.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "EXACT_FLIPS",
    "Bounds",
    "detectable_gain",
    "difference_of_pairs",
    "differs",
    "mcnemar",
    "mean_difference",
    "paired_t",
    "pairs_needed",
    "sign_flip",
    "wilson",
]

EXACT_FLIPS = 14  # 2^14 sign patterns are enumerated; above that they are drawn
DRAWS = 20_000  # the smallest p-value that drawing can give is 1 in 20,001


class Bounds(NamedTuple):
    """Both ends of an interval."""

    low: float
    high: float


def mcnemar(fixed: int, broken: int) -> float:
    """Exact one-sided McNemar test: the chance of at least `fixed` of the changed pairs if a change went either way.

    Pairs that did not change carry no information; without any changed pair the answer is 1.
    """
    if fixed + broken == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(fixed, fixed + broken, 0.5, alternative="greater").pvalue)


def differs(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar test: whether two marginal counts differ in either direction."""
    if only_first + only_second == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def paired_t(differences: Sequence[float]) -> float | None:
    """One-sided paired t test of a mean difference above 0.

    None where the statistic is undefined: fewer than two differences, a value that is not finite, or all values equal.
    """
    values = _varying(differences)
    if values is None:
        return None
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(values, 0.0, alternative="greater").pvalue)


def sign_flip(differences: Sequence[float], seed: int = 0) -> float | None:
    """One-sided sign-flip permutation test of the mean difference, which needs no normal distribution.

    Exact up to `EXACT_FLIPS` differences that are not 0 (a 0 is the same under either sign and drops out), by seeded
    draws above. 1 where all differences are 0, None where there is none or one is not finite.
    """
    if not differences or not all(map(math.isfinite, differences)):
        return None
    # Averaged repetitions leave dust in the last digits, which must not decide whether two sums are equal.
    moved = [rounded for difference in differences if (rounded := round(difference, 12)) != 0]
    if not moved:
        return 1.0
    if len(moved) == 1:  # scipy asks for at least two observations; one can be enumerated by hand
        return 0.5 if moved[0] > 0 else 1.0
    import numpy as np
    from scipy.stats import permutation_test

    result = permutation_test(
        (np.asarray(moved),),
        lambda x, axis: np.sum(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        alternative="greater",
        n_resamples=2**EXACT_FLIPS if len(moved) <= EXACT_FLIPS else DRAWS,
        batch=4096,
        random_state=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def wilson(successes: int, total: int, confidence: float = 0.95) -> Bounds:
    """Wilson's score interval of a share; the whole of 0 to 1 where nothing was counted."""
    if total == 0:
        return Bounds(0.0, 1.0)
    z = _two_sided_z(confidence)
    share = successes / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == total else min(1.0, centre + half)
    return Bounds(low, high)


def difference_of_pairs(fixed: int, broken: int, pairs: int, confidence: float) -> Bounds:
    """Interval of the difference of two paired shares: Wald's with the adjustment of Bonett and Price (2012).

    It adds one pair to each kind of change, so it keeps a width where nothing or everything changed, where the plain
    interval and the t interval shrink to a point and would let a guard pass on three examples. Fagerland, Lydersen and
    Laake (2014) recommend it among the closed forms. The whole of -1 to 1 where there is no pair.
    """
    if pairs == 0:
        return Bounds(-1.0, 1.0)
    up, down = (fixed + 1) / (pairs + 2), (broken + 1) / (pairs + 2)
    half = _two_sided_z(confidence) * math.sqrt((up + down - (up - down) ** 2) / (pairs + 2))
    effect = (fixed - broken) / pairs
    # The adjusted centre is pulled towards 0; the estimate itself always belongs to its interval.
    return Bounds(min(effect, max(-1.0, up - down - half)), max(effect, min(1.0, up - down + half)))


def mean_difference(differences: Sequence[float], confidence: float) -> Bounds:
    """Student's t interval of a mean difference.

    -1 to 1 (the range of a score, widened to the mean where it lies outside) for fewer than two differences, which
    say nothing about their own spread; a point where all are equal.
    """
    count = len(differences)
    mean = math.fsum(differences) / count if count else 0.0
    if count < 2:
        return Bounds(min(-1.0, mean), max(1.0, mean))
    from scipy.stats import t

    variance = math.fsum((value - mean) ** 2 for value in differences) / (count - 1)
    half = float(t.ppf((1 + confidence) / 2, count - 1)) * math.sqrt(variance / count)
    return Bounds(mean - half, mean + half)


def pairs_needed(difference: float, discordance: float, level: float = 0.05, power: float = 0.8) -> int:
    """Pairs for a one-sided test at `level` to see `difference` with `power`, by the normal approximation.

    `discordance` is the share of pairs that change (or the variance of the differences of a graded metric).
    """
    if difference <= 0:
        raise ValueError(f"a difference of {difference:g} needs no pairs; give one above 0")
    return math.ceil((_z(1 - level) + _z(power)) ** 2 * discordance / difference**2)


def detectable_gain(pairs: int, discordance: float, level: float = 0.05, power: float = 0.8) -> float:
    """The smallest gain that `pairs` pairs show with `power`: `pairs_needed` solved for the difference."""
    if pairs <= 0:
        return math.inf
    return (_z(1 - level) + _z(power)) * math.sqrt(discordance / pairs)


def _varying(differences: Sequence[float]) -> list[float] | None:
    values = list(differences)
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None
    spread = max(values) - min(values)
    # A spread within rounding of the values themselves is none: t would be enormous for no reason.
    return None if spread <= 1e-12 * max(1.0, *map(abs, values)) else values


def _two_sided_z(confidence: float) -> float:
    return _z((1 + confidence) / 2)


def _z(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
