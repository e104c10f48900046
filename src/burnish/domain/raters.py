"""How far people agree with each other: what a judge's agreement with them can reach at best.

Kappa (`agreement`) is for two who labelled the same items. Where many label some items each, Krippendorff's alpha
counts disagreement against what chance would give from all labels (Krippendorff 2011, "Computing Krippendorff's
Alpha-Reliability"), and Gwet's AC1 does not collapse where nearly everything gets the same label (Gwet 2008).
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from burnish.domain.base import Value

__all__ = ["Distance", "RaterAgreement", "ac1", "alpha", "raters_agree"]

Distance = Literal["nominal", "ordinal", "interval"]
Rating = float | str
Units = Sequence[Sequence[Rating]]
Kinds = Mapping[tuple[Rating, ...], int]
DRAWS = 400


class RaterAgreement(Value):
    """Agreement over the items that at least two people labelled.

    `observed` is the share of pairs of labels on an item that are equal. Intervals (95 %) are of the items drawn again
    with replacement; None where a coefficient is undefined, because everybody gave every item the same label.
    """

    items: int
    ratings: int
    distance: Distance
    observed: float | None = None
    alpha: float | None = None
    alpha_low: float | None = None
    alpha_high: float | None = None
    ac1: float | None = None
    ac1_low: float | None = None
    ac1_high: float | None = None


def alpha(units: Units, distance: Distance = "nominal") -> float | None:
    """Krippendorff's alpha of items by people's labels; missing labels are simply not there.

    None where fewer than two labels can be paired or all are equal. Ordinal and interval distances need numbers.
    """
    return _alpha(_kinds(units), distance)


def _alpha(kinds: Kinds, distance: Distance) -> float | None:
    paired = {unit: times for unit, times in kinds.items() if len(unit) > 1}
    totals: Counter[Rating] = Counter()
    for unit, times in paired.items():
        for label in unit:
            totals[label] += times
    number = sum(totals.values())
    if len(totals) < 2:
        return None
    apart = _apart(totals, distance)
    observed = math.fsum(
        times * count * other * apart(one, two) / (len(unit) - 1)
        for unit, times in paired.items()
        for counts in (Counter(unit),)
        for one, count in counts.items()
        for two, other in counts.items()
        if one != two
    )
    expected = math.fsum(
        count * other * apart(one, two) for one, count in totals.items() for two, other in totals.items() if one != two
    )
    return 1 - (number - 1) * observed / expected


def ac1(units: Units, categories: int | None = None) -> float | None:
    """Gwet's AC1; `categories` is how many labels could be given, those seen where it is not said.

    None where no item has two labels, or one category alone could be given.
    """
    return _ac1(_kinds(units), categories)


def _ac1(kinds: Kinds, categories: int | None) -> float | None:
    shown = {label for unit in kinds for label in unit}
    choices = max(categories or 0, len(shown))
    agreeing = _agreeing(kinds)
    rated = {unit: times for unit, times in kinds.items() if unit}
    if agreeing is None or choices < 2:
        return None
    shares = [
        math.fsum(times * unit.count(label) / len(unit) for unit, times in rated.items()) / sum(rated.values())
        for label in sorted(shown, key=str)
    ]
    chance = math.fsum(share * (1 - share) for share in shares) / (choices - 1)
    return (agreeing - chance) / (1 - chance)


def raters_agree(units: Units, distance: Distance = "nominal", categories: int | None = None) -> RaterAgreement:
    """Both coefficients over the items with two labels or more, with their intervals."""
    paired = [tuple(unit) for unit in units if len(unit) > 1]
    found = RaterAgreement(items=len(paired), ratings=sum(map(len, paired)), distance=distance)
    if not paired:
        return found
    alphas, ac1s = _intervals(paired, lambda some: _alpha(some, distance), lambda some: _ac1(some, categories))
    return found.model_copy(
        update={
            "observed": _agreeing(_kinds(paired)),
            "alpha": alpha(paired, distance),
            "alpha_low": alphas[0],
            "alpha_high": alphas[1],
            "ac1": ac1(paired, categories),
            "ac1_low": ac1s[0],
            "ac1_high": ac1s[1],
        }
    )


def _kinds(units: Units) -> Kinds:
    # Items labelled alike are worked out once: five hundred items drawn again and again are a handful of kinds.
    return Counter(tuple(unit) for unit in units)


def _agreeing(kinds: Kinds) -> float | None:
    """The mean over items of the share of equal pairs."""
    paired = {unit: times for unit, times in kinds.items() if len(unit) > 1}
    equal = math.fsum(
        times * sum(count * (count - 1) for count in Counter(unit).values()) / (len(unit) * (len(unit) - 1))
        for unit, times in paired.items()
    )
    return equal / sum(paired.values()) if paired else None


def _apart(totals: Counter[Rating], distance: Distance) -> Callable[[Rating, Rating], float]:
    """The squared distance of two different labels."""
    if distance == "nominal":
        return lambda one, two: 1.0
    if distance == "interval":
        return lambda one, two: (float(one) - float(two)) ** 2
    order = sorted(totals, key=float)
    before: dict[Rating, float] = {}
    so_far = 0
    for label in order:
        before[label] = so_far + totals[label] / 2  # half of its own count, so that a difference counts both by half
        so_far += totals[label]
    return lambda one, two: (before[one] - before[two]) ** 2


def _intervals(units: Units, *figures: Callable[[Kinds], float | None]) -> "list[tuple[float | None, float | None]]":
    """Of each figure, over the same draws of the items."""
    drawn = random.Random(0)  # noqa: S311 - the same figure each time it is shown
    samples = [_kinds(drawn.choices(units, k=len(units))) for _ in range(DRAWS)]
    return [_middle(sorted(value for one in samples if (value := figure(one)) is not None)) for figure in figures]


def _middle(found: Sequence[float]) -> tuple[float | None, float | None]:
    if len(found) < DRAWS / 2:
        return None, None
    return found[int(0.025 * len(found))], found[min(len(found) - 1, int(0.975 * len(found)))]
