"""The tests and intervals behind the gate: paired, one-sided for improvement, and never a number out of nothing.

Differences are candidate minus baseline, one an example, on the metric's own scale. Every function answers None (or
a stated limit) where a test is undefined, so that no caller mistakes a missing figure for evidence. scipy is imported
on first use: it costs over a second, and most commands of burnish never test anything.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Union

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "EXACT_FLIPS",
    "Bounds",
    "cautious_difference",
    "detectable_gain",
    "difference_of_pairs",
    "differs",
    "effective_number",
    "mcnemar",
    "mean_difference",
    "paired_t",
    "pairs_needed",
    "sign_flip",
    "wilson",
]

Floats = Union[Sequence[float], "NDArray[np.float64]"]

EXACT_FLIPS = 14  # 2^14 sign patterns are enumerated; above that they are drawn
GRIDS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 7, 9, 11, 100)  # parts of 1 whose multiples are counted exactly
LONGEST_GRID = 20_000
DRAWS = 20_000  # the smallest p-value that drawing can give is 1 in 20,001


class Bounds(NamedTuple):
    """Both ends of an interval."""

    low: float
    high: float


def mcnemar(fixed: int, broken: int) -> float:
    """Exact one-sided McNemar test: the chance of at least `fixed` of the changed pairs if a change went either way.

    Pairs that did not change carry no information; without any changed pair the answer is 1.
    """
    if fixed <= 0:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(fixed - 1, fixed + broken, 0.5))


def differs(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar test: whether two marginal counts differ in either direction."""
    if only_first + only_second == 0:
        return 1.0
    return min(1.0, 2 * mcnemar(max(only_first, only_second), min(only_first, only_second)))


def paired_t(differences: Floats, groups: "NDArray[np.int64] | None" = None) -> float | None:
    """One-sided paired t test of a mean difference above 0; with `groups` (one number a difference) on groups.

    None where the statistic is undefined: fewer than two units, one group that outweighs all others together, a value
    that is not finite, or all values equal.
    """
    spread = _spread(differences, groups)
    if spread is None or spread.error == 0 or spread.freedom < 1:
        return None
    from scipy.special import stdtr

    return float(stdtr(spread.freedom, -spread.mean / spread.error))


def sign_flip(differences: Floats, seed: int = 0) -> float | None:
    """One-sided sign-flip permutation test of the mean difference, which needs no normal distribution.

    Exact where the differences lie on a grid (means of up to 12 repetitions do) and up to `EXACT_FLIPS` that are not 0
    (a 0 is the same under either sign and drops out), by seeded draws otherwise. 1 where all differences are 0, None
    where there is none or one is not finite.
    """
    import numpy as np

    # Averaged repetitions leave dust in the last digits, which must not decide whether two sums are equal.
    values = np.round(np.asarray(differences, dtype=float), 12)
    if not len(values) or not np.isfinite(values).all():
        return None
    moved = values[values != 0]
    if not len(moved):
        return 1.0
    steps = _on_grid(moved)
    if steps is not None:
        return _flipped_on_grid(steps)
    if len(moved) <= EXACT_FLIPS:
        signs = 1.0 - 2.0 * ((np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1)
    else:
        signs = _signs(seed, max(64, len(moved)))[:, : len(moved)]
    reached = int((signs @ moved >= moved.sum() - 1e-9 * np.abs(moved).sum()).sum())
    return reached / len(signs) if len(moved) <= EXACT_FLIPS else (reached + 1) / (DRAWS + 1)


@lru_cache(maxsize=2)
def _signs(seed: int, count: int) -> "NDArray[np.float64]":
    import numpy as np

    return np.random.default_rng(seed).choice((-1.0, 1.0), size=(DRAWS, count))


def _on_grid(moved: "NDArray[np.float64]") -> "NDArray[np.int64] | None":
    """The differences as whole multiples of one step, where they are that."""
    import numpy as np

    for parts in GRIDS:
        scaled = moved * parts
        whole = np.rint(scaled)
        if np.abs(scaled - whole).max() < 1e-8:
            return whole.astype(np.int64) if np.abs(whole).sum() <= LONGEST_GRID else None
    return None


def _flipped_on_grid(steps: "NDArray[np.int64]") -> float:
    """The chance of a sum at least as large under random signs, by adding one difference after the other."""
    import numpy as np

    sizes = np.abs(steps)
    chances = np.zeros(int(sizes.sum()) + 1)  # of the sum of the sizes that keep a plus sign
    chances[0] = 1.0
    end = 1
    for size in sizes:
        kept = chances[:end].copy()
        chances[:end] *= 0.5
        chances[size : end + size] += 0.5 * kept
        end += int(size)
    return float(min(1.0, chances[int(steps[steps > 0].sum()) :].sum()))


def wilson(successes: float, total: int, confidence: float = 0.95) -> Bounds:
    """Wilson's score interval of a share; the whole of 0 to 1 where nothing was counted.

    Successes may be parts: a mean of values between 0 and 1 varies at most as a share does.
    """
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


def mean_difference(differences: Floats, confidence: float, groups: "NDArray[np.int64] | None" = None) -> Bounds:
    """Student's t interval of a mean difference; with `groups` (one number a difference) on grouped errors.

    -1 to 1 (the range of a score, widened to the mean) where the spread says nothing: fewer than two units, or one
    group that outweighs all others together.
    """
    mean = math.fsum(differences) / len(differences) if len(differences) else 0.0
    spread = _spread(differences, groups)
    if spread is None or spread.freedom < 1:
        return Bounds(min(-1.0, mean), max(1.0, mean))
    half = _half(spread, confidence)
    return Bounds(spread.mean - half, spread.mean + half)


def cautious_difference(
    differences: Floats, confidence: float, step: float, groups: "NDArray[np.int64] | None" = None
) -> Bounds:
    """An interval for showing that nothing got worse: each end counts one further unit that moved by `step` that way.

    The interval of `mean_difference` is a point where all differences are equal, so twenty ties would exclude any
    loss. `step` is the largest change there can be (1 for scores from 0 to 1); the further unit is as large as the
    group in which an example is typically found. Where a loss of the margin comes as rare losses of a whole step, the
    case in which ties mislead most, a 5 % bound errs in 3 to 4 % of measurements and in 7 % at the worst number of
    examples (20 to 300 of them; the adjustment of Bonett and Price in 5 to 6 % and 10 %).
    """
    mean = math.fsum(differences) / len(differences) if len(differences) else 0.0
    low, high = (_spread(differences, groups, further) for further in (-step, step))
    if low is None or high is None or min(low.freedom, high.freedom) < 1:
        return Bounds(min(-step, mean), max(step, mean))
    return Bounds(
        min(mean, low.mean - _half(low, confidence)),
        max(mean, high.mean + _half(high, confidence)),
    )


def _half(spread: "_Spread", confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(spread.freedom, (1 + confidence) / 2)) * spread.error


def effective_number(sizes: Floats) -> float:
    """How many equal groups these sizes are worth: (sum n)^2 / sum n^2 (Kish 1965). 0 without any."""
    import numpy as np

    counts = np.asarray(sizes, dtype=float)
    squares = float((counts * counts).sum())
    return float(counts.sum()) ** 2 / squares if squares > 0 else 0.0


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


class _Spread(NamedTuple):
    mean: float
    error: float
    freedom: float


def _spread(differences: Floats, groups: "NDArray[np.int64] | None", further: float = 0.0) -> _Spread | None:
    """Mean, its standard error and degrees of freedom, of units that are differences or groups of them.

    With groups the error is the jackknife over groups (CR3) and the degrees of freedom are those of the effective
    number of groups: the plain cluster-robust error all but vanishes where one group holds most examples, since its
    residual is then forced to 0. Groups of one size give the usual G / (G - 1) formula, single examples Student's.
    `further` is one more unit, of typical size, whose examples all changed by so much.
    """
    import numpy as np

    values = np.asarray(differences, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    # A spread within rounding of the values themselves is none: t would be enormous for no reason.
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        values = np.full(len(values), float(values.mean()))
    sums = values if groups is None else np.bincount(groups, weights=values).astype(float)
    sizes = np.ones(len(values)) if groups is None else np.bincount(groups).astype(float)
    if further:
        typical = float((sizes * sizes).sum() / sizes.sum())
        sums, sizes = np.append(sums, further * typical), np.append(sizes, typical)
    units, total = len(sums), float(sizes.sum())
    if units < 2:
        return None
    mean = float(sums.sum()) / total
    residuals = (sums - mean * sizes) / (1 - sizes / total)
    if not further and np.ptp(values) == 0:
        residuals = np.zeros(units)
    error = math.sqrt((units - 1) / units * float((residuals * residuals).sum())) / total
    return _Spread(mean, error, effective_number(sizes) - 1)


def _two_sided_z(confidence: float) -> float:
    return _z((1 + confidence) / 2)


def _z(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
