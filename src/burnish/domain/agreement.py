"""How far a judge agrees with people on the same items, and whether its metric may carry a pull request.

A judge is an instrument that nobody has calibrated until its verdicts are laid beside those of people. The figures
here are counts and coefficients only, so they may be shown even where the items themselves are sealed.
"""

import math
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import Field

from burnish.domain.base import Value
from burnish.domain.feedback import Feedback
from burnish.domain.statistics import wilson

__all__ = [
    "STANDARD",
    "Agreement",
    "AlignmentState",
    "Beside",
    "JudgeRule",
    "JudgeStanding",
    "Rate",
    "Rating",
    "Weights",
    "agree",
    "majority",
    "stand",
    "standing_of",
]

Weights = Literal["none", "linear", "quadratic"]
Label = float | str


class AlignmentState(StrEnum):
    """How a judge stands with people; only an aligned one carries a pull request alone.

    UNALIGNED: it disagrees with people, or nobody knows. STALE: it was aligned, and what said so no longer holds.
    """

    UNALIGNED = "unaligned"
    ALIGNED = "aligned"
    STALE = "stale"


class JudgeRule(Value):
    """What agreement with people a judge's metric needs to carry a pull request by itself.

    `kappa_floor` is held against the estimated kappa, `minimum_labels` against the items that people labelled.
    `label_keys` are keys of people's feedback that count for every judge where nobody used the judge's own key.
    Agreement is taken to last `stale_after_days` from the newest label on. `drift_level` is the chance, over the whole
    life of a judge's version, that its agreement is said to have fallen where it has not.
    """

    kappa_floor: float = Field(default=0.6, ge=0, le=1)
    minimum_labels: int = Field(default=30, ge=2)
    label_keys: tuple[str, ...] = ("review",)
    stale_after_days: float = Field(default=90.0, gt=0)
    drift_level: float = Field(default=0.05, gt=0, lt=0.5)


STANDARD = JudgeRule()  # for callers without an agent's file


class Rating(NamedTuple):
    """One item scored by the judge and by at least one person; scores are 0 (bad) to 1 (good)."""

    judge: float
    people: tuple[float, ...]

    def passed(self, pass_at: float) -> bool | None:
        """What most people say; None at a tie."""
        return majority(self.people, pass_at)


class Beside(NamedTuple):
    """One item in full: what people said of it whose word counts, and what each version of the judge said.

    `blind` is what people said before an expert decided between them.
    """

    people: tuple[Feedback, ...]
    judges: tuple[Feedback, ...]
    blind: tuple[Feedback, ...] = ()

    def rating(self, version: str) -> Rating | None:
        """The scores of one version of the judge and of people; None where that version gave none."""
        said = next((one.score for one in self.judges if one.version == version), None)
        labels = tuple(one.score for one in self.people if one.score is not None)
        return None if said is None else Rating(said, labels)


class Rate(Value):
    """A share of `count` items with its Wilson interval."""

    share: float
    low: float
    high: float
    count: int


class Agreement(Value):
    """A judge's labels beside people's on the same items.

    `kappa` is Cohen's, 1 for full agreement and 0 for what chance would give; it is None where it is undefined, and
    `undefined` then says why. `low` and `high` are the outer ends of two intervals: the asymptotic one (Fleiss, Cohen
    and Everitt 1969) and Wilson's interval of the observed agreement carried through kappa at the observed chance
    agreement. The first shrinks to a point where a handful of items agree fully; the second does not.
    `tpr` is the share of what people pass that the judge passes, `tnr` of what people fail that it fails; None where
    people gave no such label. `weights` says how partial agreement of graded labels counts.
    """

    items: int
    kappa: float | None = None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    weights: Weights = "none"
    observed: float | None = None
    tpr: Rate | None = None
    tnr: Rate | None = None
    undefined: str = ""


class JudgeStanding(Value):
    """Whether the metric of one version of a judge may carry a pull request alone; `reason` is a full sentence.

    `split` counts items left out because as many people passed them as failed them. `state` is None in what was stored
    before there were states.
    """

    metric: str
    version: str
    agreement: Agreement
    floor: float
    minimum_labels: int
    split: int = 0
    can_carry: bool
    reason: str
    state: AlignmentState | None = None

    @property
    def unknown(self) -> bool:
        """Whether labels are too few, or too much alike, to say how far the judge agrees with people."""
        return self.agreement.items < self.minimum_labels or self.agreement.kappa is None


def agree(
    judge: Sequence[Label],
    people: Sequence[Label],
    *,
    weights: Weights = "none",
    pass_at: float | None = None,
    confidence: float = 0.95,
) -> Agreement:
    """Compare a judge's labels with people's, item by item in the same order.

    With `pass_at`, numbers from there on are passes, and the two rates are given. Weights other than "none" take
    numbers and count a disagreement by its distance, or its square, as a part of the whole range of labels.
    Raises ValueError where the two differ in length.
    """
    pairs = list(zip(judge, people, strict=True))
    rates = (None, None) if pass_at is None else _rates(pairs, pass_at)
    found = Agreement(items=len(pairs), weights=weights, confidence=confidence, tpr=rates[0], tnr=rates[1])
    if not pairs:
        return found.model_copy(update={"undefined": "nobody has labelled anything that the judge scored"})
    table = _Table(pairs, weights)
    if len({label for _, label in pairs}) == 1:
        # The formula gives 0 here whatever the judge does (or 0/0), which says nothing about the judge.
        why = "people gave every item the same label"
        return found.model_copy(update={"observed": table.observed, "undefined": why})
    kappa, error = table.kappa, table.standard_error
    spread = _z(confidence) * error
    carried = [table.at(end) for end in wilson(table.observed * len(pairs), len(pairs), confidence)]
    return found.model_copy(
        update={
            "kappa": kappa,
            "standard_error": error,
            "low": max(-1.0, min(kappa - spread, carried[0])),
            "high": min(1.0, max(kappa + spread, carried[1])),
            "observed": table.observed,
        }
    )


def majority(scores: Sequence[float], pass_at: float) -> bool | None:
    """Whether most scores are passes, which those from `pass_at` up are; None at a tie and without any score."""
    passes = sum(score >= pass_at for score in scores)
    return None if 2 * passes == len(scores) else 2 * passes > len(scores)


def stand(metric: str, version: str, ratings: Sequence[Rating], pass_at: float, rule: JudgeRule) -> JudgeStanding:
    """Hold a judge to the rule.

    Scores of at least `pass_at` are passes and the majority of people decides; a tie is left out. Where both the judge
    and the people use more than two grades, kappa is weighted by the squared distance of the grades instead, since
    next door is not as wrong as the other end; the people's grade is then their mean.
    """
    graded = all(len(levels) > 2 for levels in _levels(ratings))
    labelled = [r for r in ratings if r.people]
    decided = [(r.judge >= pass_at, passed) for r in labelled if (passed := r.passed(pass_at)) is not None]
    found = agree([float(a) for a, _ in decided], [float(b) for _, b in decided], pass_at=0.5)
    split = len(labelled) - len(decided)
    if graded:
        means = [(r.judge, math.fsum(r.people) / len(r.people)) for r in labelled]
        weighted = agree([a for a, _ in means], [b for _, b in means], weights="quadratic")
        found, split = weighted.model_copy(update={"tpr": found.tpr, "tnr": found.tnr}), 0
    return standing_of(metric, version, found, rule, split)


def standing_of(metric: str, version: str, found: Agreement, rule: JudgeRule, split: int = 0) -> JudgeStanding:
    """What the rule makes of an agreement that is known."""
    can_carry, reason = _verdict(metric, found, rule)
    return JudgeStanding(
        metric=metric,
        version=version,
        agreement=found,
        floor=rule.kappa_floor,
        minimum_labels=rule.minimum_labels,
        split=split,
        can_carry=can_carry,
        reason=reason,
        state=AlignmentState.ALIGNED if can_carry else AlignmentState.UNALIGNED,
    )


class _Table:
    """The square table of labels as shares, with the weight of each cell."""

    def __init__(self, pairs: Sequence[tuple[Label, Label]], weights: Weights) -> None:
        self._items = len(pairs)
        self._cells = {cell: count / self._items for cell, count in Counter(pairs).items()}
        self._judge = {label: n / self._items for label, n in Counter(label for label, _ in pairs).items()}
        self._people = {label: n / self._items for label, n in Counter(label for _, label in pairs).items()}
        self._weights = weights
        numbers = [float(label) for pair in pairs for label in pair] if weights != "none" else [0.0]
        self._range = max(numbers) - min(numbers)
        self.observed = math.fsum(p * self._weight(a, b) for (a, b), p in self._cells.items())
        self._chance = math.fsum(
            p * q * self._weight(a, b) for a, p in self._judge.items() for b, q in self._people.items()
        )

    @property
    def kappa(self) -> float:
        """Of the table as it is; undefined (a division by zero) where judge and people gave one and the same label."""
        return self.at(self.observed)

    def at(self, observed: float) -> float:
        """Kappa for an observed agreement, at this table's chance agreement."""
        return (observed - self._chance) / (1 - self._chance)

    @property
    def standard_error(self) -> float:
        """Of kappa, for any true value of it: Fleiss, Cohen and Everitt (1969)."""
        row = {a: math.fsum(q * self._weight(a, b) for b, q in self._people.items()) for a in self._judge}
        column = {b: math.fsum(p * self._weight(a, b) for a, p in self._judge.items()) for b in self._people}
        miss = 1 - self.kappa
        squares = math.fsum(
            p * (self._weight(a, b) - (row[a] + column[b]) * miss) ** 2 for (a, b), p in self._cells.items()
        )
        rest = squares - (self.kappa - self._chance * miss) ** 2
        return math.sqrt(max(0.0, rest) / self._items) / (1 - self._chance)

    def _weight(self, a: Label, b: Label) -> float:
        if self._weights == "none":
            return float(a == b)
        if self._range == 0:
            return 1.0
        distance = abs(float(a) - float(b)) / self._range
        return 1 - (distance if self._weights == "linear" else distance * distance)


def _rates(pairs: Sequence[tuple[Label, Label]], pass_at: float) -> tuple[Rate | None, Rate | None]:
    passed = [float(a) >= pass_at for a, b in pairs if float(b) >= pass_at]
    failed = [float(a) < pass_at for a, b in pairs if float(b) < pass_at]
    return _rate(passed), _rate(failed)


def _rate(right: Sequence[bool]) -> Rate | None:
    if not right:
        return None
    low, high = wilson(sum(right), len(right))
    return Rate(share=sum(right) / len(right), low=low, high=high, count=len(right))


def _levels(ratings: Sequence[Rating]) -> tuple[set[float], set[float]]:
    return {r.judge for r in ratings}, {score for r in ratings for score in r.people}


def _verdict(metric: str, found: Agreement, rule: JudgeRule) -> tuple[bool, str]:
    alone = "so it cannot carry a pull request alone"
    if found.items < rule.minimum_labels:
        return False, (
            f"People have labelled {found.items} of the items that the judge {metric} scored, and "
            f"{rule.minimum_labels} are needed to know how far it agrees with them, {alone}."
        )
    if found.kappa is None or found.low is None or found.high is None:
        return False, (
            f"The agreement of the judge {metric} with people is unknown, because {found.undefined}, {alone}; "
            "label items of the other kind too."
        )
    measured = f"kappa {found.kappa:.2f} ({found.low:.2f} to {found.high:.2f}) on {found.items} items"
    if found.kappa < rule.kappa_floor:
        return False, (
            f"The judge {metric} agrees with people too little: {measured}, below the floor of {rule.kappa_floor:g}, "
            f"{alone}."
        )
    return True, f"The judge {metric} agrees with people: {measured}, at or above the floor of {rule.kappa_floor:g}."


def _z(confidence: float) -> float:
    from statistics import NormalDist  # the standard library's takes 10 ms that `--help` should not pay

    return NormalDist().inv_cdf((1 + confidence) / 2)
