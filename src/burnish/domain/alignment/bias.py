"""What a judge lets count that should not: the place of an answer, and its length.

Longer answers may simply be better, so length is looked at among items on which people say the same: whatever length
still changes there is the judge's own.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from burnish.domain.agreement import Rate
from burnish.domain.base import Value
from burnish.domain.statistics import differs, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LengthBias", "PositionBias", "Sized", "length_bias", "position_bias"]

FEWEST = 20  # items or pairs, below which nothing is said
LEVEL = 0.05  # two-sided, below which a reading calls it a bias
DRAWS = 4_999
MANY = 2_000  # items, from which on the permutations are as normal as anybody can draw them
Z_95 = 1.959964


class PositionBias(Value):
    """Of pairs asked in both orders, on how many the place decided, and which place won.

    `flips` is the share of `count` pairs on which the two orders contradict each other. `first` is, of those on which
    one place won in both orders, the share that the first place won; `p_value` is of the exact two-sided test that it
    is a half. None where no place ever won. `reading` says it in one sentence.
    """

    flips: Rate
    first: Rate | None = None
    p_value: float | None = None
    reading: str = ""

    @property
    def shown(self) -> bool:
        """Whether the place sways the judge by more than chance explains."""
        return self.p_value is not None and self.p_value < LEVEL


class LengthBias(Value):
    """How far a judge departs from people by the length of the output.

    Items of which people say the same are compared with each other, halved by length. `gap` is the judge's pass rate
    on the long half minus that on the short one (Mantel and Haenszel), with its 95 % interval. `association` is the
    rank correlation of length with the judge's score within those kinds, and `p_value` is of the permutation of
    lengths within them. `failed_long` and `failed_short` are the judge's pass rates on what people fail, `passed_long`
    and `passed_short` on what they pass. `median` is the length in characters at which the halves part. Figures are
    None where they are undefined; `reading` says it in one sentence.
    """

    items: int
    median: float | None = None
    gap: float | None = None
    low: float | None = None
    high: float | None = None
    association: float | None = None
    p_value: float | None = None
    failed_long: Rate | None = None
    failed_short: Rate | None = None
    passed_long: Rate | None = None
    passed_short: Rate | None = None
    reading: str = ""

    @property
    def shown(self) -> bool:
        """Whether length sways the judge by more than chance explains."""
        return self.p_value is not None and self.p_value < LEVEL


class Sized(NamedTuple):
    """One item: the judge's score and people's (0 to 1), and how long the output is."""

    judge: float
    people: float
    length: float


def position_bias(orders: Mapping[str, int]) -> PositionBias | None:
    """From how often the two orders agreed ("agree"), a place won both ("first", "second") or else ("one tie").

    None below 20 pairs.
    """
    pairs = sum(orders.values())
    if pairs < FEWEST:
        return None
    first, second = orders.get("first", 0), orders.get("second", 0)
    flips = _rate(pairs - orders.get("agree", 0), pairs)
    said = f"The order of the two answers changes the verdict on {_of(flips)} of pairs"
    if flips is None:
        return None
    if not first + second:
        return PositionBias(flips=flips, reading=f"{said}, and neither place wins.")
    favoured = _rate(first, first + second)
    p_value = differs(first, second)
    place = "first" if first > second else "second"
    leaning = f"there the {place} place wins {max(first, second)} of {first + second} times (p = {p_value:.2g})"
    swayed = "the judge favours it" if p_value < LEVEL else "which chance explains"
    return PositionBias(flips=flips, first=favoured, p_value=p_value, reading=f"{said}; {leaning}, {swayed}.")


def length_bias(items: Sequence[Sized], pass_at: float, *, draws: int = DRAWS, seed: int = 0) -> LengthBias:
    """Hold the judge's scores against length among items of which people say the same.

    Where people use more than two grades, "the same" is their mean to the nearest quarter, else pass or fail.
    """
    import numpy as np

    if len(items) < FEWEST:
        return LengthBias(items=len(items), reading=f"{FEWEST} labels are needed to look for it.")
    lengths = np.array([one.length for one in items], dtype=float)
    scores = np.array([one.judge for one in items], dtype=float)
    kinds = _kinds(items, pass_at)
    median = float(np.median(lengths))
    long, passed = lengths > median, scores >= pass_at
    association, p_value = _association(lengths, scores, kinds, draws, seed)
    gap, low, high = _gap(long, passed, kinds)
    liked = np.array([one.people >= pass_at for one in items])
    rates = {
        f"{word}_{size}": _rate(int(passed[of & half].sum()), int((of & half).sum()))
        for word, of in (("failed", ~liked), ("passed", liked))
        for size, half in (("long", long), ("short", ~long))
    }
    found = LengthBias(
        items=len(items),
        median=median,
        gap=gap,
        low=low,
        high=high,
        association=association,
        p_value=p_value,
        **rates,
    )
    return found.model_copy(update={"reading": _reading(found)})


def _kinds(items: Sequence[Sized], pass_at: float) -> "NDArray[np.int64]":
    import numpy as np

    graded = len({one.people for one in items}) > 2
    return np.array([round(4 * one.people) if graded else int(one.people >= pass_at) for one in items])


def _association(
    lengths: "NDArray[np.float64]", scores: "NDArray[np.float64]", kinds: "NDArray[np.int64]", draws: int, seed: int
) -> tuple[float | None, float | None]:
    """Rank correlation within kinds, and its two-sided p-value by permuting lengths within them.

    Over all permutations the sum has mean 0 and a known variance; from `MANY` items on their normal distribution stands
    for them.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    together, drawn, size, spread, variance = 0.0, np.zeros(draws), 0.0, 0.0, 0.0
    many = len(lengths) >= MANY
    for kind in np.unique(kinds):
        of = kinds == kind
        count = int(of.sum())
        mine, theirs = _ranks(lengths[of]) / count, _ranks(scores[of]) / count
        together += float(mine @ theirs)
        size += float(mine @ mine)
        spread += float(theirs @ theirs)
        variance += float(mine @ mine) * float(theirs @ theirs) / max(count - 1, 1)
        for number in range(0 if many else draws):
            drawn[number] += generator.permutation(mine) @ theirs
    if size * spread == 0:
        return None, None
    if many and variance > 0:
        return together / math.sqrt(size * spread), math.erfc(abs(together) / math.sqrt(2 * variance))
    reached = int((np.abs(drawn) >= abs(together) - 1e-12).sum())
    return together / math.sqrt(size * spread), (reached + 1) / (draws + 1)


def _ranks(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Ranks around 0, equal values sharing theirs."""
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[place]
    centred: NDArray[np.float64] = ranks - ranks.mean()
    return centred


def _gap(
    long: "NDArray[np.bool_]", passed: "NDArray[np.bool_]", kinds: "NDArray[np.int64]"
) -> tuple[float | None, float | None, float | None]:
    """The risk difference of Mantel and Haenszel over kinds, with the variance of Sato's time (Greenland, Robins 1985).

    For the variance one pass and one failure are added to each half of a kind, as Agresti and Caffo (2000) do for one
    table: without them twenty equal verdicts would have no uncertainty.
    """
    import numpy as np

    weight = difference = variance = 0.0
    for kind in np.unique(kinds):
        one, other = passed[(kinds == kind) & long], passed[(kinds == kind) & ~long]
        if not len(one) or not len(other):
            continue
        share = len(one) * len(other) / (len(one) + len(other))
        weight += share
        difference += share * float(one.mean() - other.mean())
        variance += share**2 * sum(_variance(int(half.sum()), len(half)) for half in (one, other))
    if weight == 0:
        return None, None, None
    gap, half = difference / weight, Z_95 * math.sqrt(variance) / weight
    return gap, max(-1.0, gap - half), min(1.0, gap + half)


def _variance(passes: int, count: int) -> float:
    share = (passes + 1) / (count + 2)
    return share * (1 - share) / (count + 2)


def _rate(part: int, count: int) -> Rate | None:
    if not count:
        return None
    low, high = wilson(part, count)
    return Rate(share=part / count, low=low, high=high, count=count)


def _of(rate: Rate | None) -> str:
    return "none" if rate is None else f"{rate.share:.0%} ({rate.low:.0%} to {rate.high:.0%})"


def _reading(found: LengthBias) -> str:
    if found.gap is None or found.low is None or found.high is None or found.p_value is None:
        return "Nothing can be said: the judge, or the lengths, are the same all over."
    points = f"({100 * found.low:+.0f} to {100 * found.high:+.0f})"
    if found.p_value >= LEVEL:
        return (
            "No sign that length sways the judge: of what people judge the same, its pass rate on the longer half "
            f"differs by {100 * found.gap:+.0f} points {points} from that on the shorter (p = {found.p_value:.2g})."
        )
    size, rest = ("long", "short") if found.gap >= 0 else ("short", "long")
    said = (
        f"The judge favours {size} answers: of what people judge the same it passes the {size} half "
        f"{100 * abs(found.gap):.0f} points more often than the {rest} one ({_turned(found)}, p = {found.p_value:.2g})"
    )
    if found.failed_long is None or found.failed_short is None:
        return f"{said}."
    shares = {"long": found.failed_long.share, "short": found.failed_short.share}
    return (
        f"{said}; of what people fail it passes {shares[size]:.0%} of the {size} and {shares[rest]:.0%} of the {rest}."
    )


def _turned(found: LengthBias) -> str:
    low, high = 100 * (found.low or 0.0), 100 * (found.high or 0.0)
    return f"{low:+.0f} to {high:+.0f}" if (found.gap or 0.0) >= 0 else f"{-high:+.0f} to {-low:+.0f}"
