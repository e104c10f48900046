"""Pairs of a comparison: what each example scored in both arms, and what could not be measured.

The unit is the example. Its repetitions are averaged first, because repetitions of one example are not independent
examples. Nothing is dropped silently: a missing run, an evaluator that failed and a score that is not a number are all
counted as unmeasured for the arm where they happened. A metric that compares the arms (`Run.compared`) is measured in
both or in neither: what it could not say is unmeasured in both, and missing in one arm alone only where that arm's run
is.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from burnish.domain.experiments import Run, RunStatus

if TYPE_CHECKING:
    from burnish.domain.gate.differences import Differences

__all__ = ["Pairs", "pair"]

Slot = tuple[str, int]


@dataclass(frozen=True)
class Pairs:
    """Two arms side by side on one metric, in the order of example ids.

    `baseline` and `candidate` map example ids to the mean over measured repetitions; `examples` are all ids seen in
    either arm. `groups` names the group of each example (same user, session or look-alike text); an example without one
    is its own. `slots` counts (example, repetition) cells: `*_missing` those that one arm alone did not measure.
    `compared`: the metric puts the candidate beside the baseline, whose own score is one half.
    """

    metric: str
    examples: tuple[str, ...]
    baseline: dict[str, float]
    candidate: dict[str, float]
    repetitions: int
    slots: int
    baseline_unmeasured_slots: int
    candidate_unmeasured_slots: int
    baseline_missing: int
    candidate_missing: int
    only_baseline: tuple[str, ...]
    only_candidate: tuple[str, ...]
    duplicates: int
    groups: Mapping[str, str] = field(default_factory=dict)
    compared: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Examples measured in both arms."""
        return tuple(i for i in self.examples if i in self.baseline and i in self.candidate)

    @property
    def binary(self) -> bool:
        """Whether every pair is one run a side and either right (1) or wrong (0)."""
        return self.repetitions <= 1 and all(
            value in (0.0, 1.0) for i in self.ids for value in (self.baseline[i], self.candidate[i])
        )

    @property
    def scale(self) -> float:
        """The largest change a score could make: 1 for scores from 0 to 1, else the largest amount that was seen."""
        seen = (abs(value) for i in self.ids for value in (self.baseline[i], self.candidate[i]))
        return max(1.0, max(seen, default=0.0))

    def differences(self, among: Sequence[str] | None = None) -> "Differences":
        """What each example measured in both arms gained, in the order of `among` (default: all, by id)."""
        import numpy as np

        from burnish.domain.gate.differences import Differences

        ids = self.ids if among is None else [i for i in among if i in self.baseline and i in self.candidate]
        names = [self.groups.get(i) or i for i in ids]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return Differences(
            values=np.array([self.candidate[i] - self.baseline[i] for i in ids], dtype=float),
            groups=np.array([numbers[name] for name in names]) if len(numbers) < len(names) else None,
            binary=self.binary,
        )

    @property
    def unmeasured_share(self) -> tuple[float, float]:
        """Share left unmeasured in baseline and candidate: of examples or of single runs, whichever is larger."""
        total = len(self.examples)
        left = max(_share(total - len(self.baseline), total), _share(self.baseline_unmeasured_slots, self.slots))
        right = max(_share(total - len(self.candidate), total), _share(self.candidate_unmeasured_slots, self.slots))
        return left, right


def pair(
    metric: str, baseline: Sequence[Run], candidate: Sequence[Run], groups: Mapping[str, str] | None = None
) -> Pairs:
    """Put the runs of two arms side by side; `groups` is the group of each example by id.

    The same (example, repetition) twice in one arm counts once, the last one, as a store would keep it; `duplicates`
    says how often that happened.
    """
    left, left_twice = _slots(metric, baseline)
    right, right_twice = _slots(metric, candidate)
    slots = sorted(left.keys() | right.keys())
    left_ids, right_ids = {slot[0] for slot in left}, {slot[0] for slot in right}
    no_left = {slot for slot in slots if left.get(slot) is None}
    no_right = {slot for slot in slots if right.get(slot) is None}
    left_lost, right_lost = no_left, no_right
    compared = any(metric in run.compared for run in (*baseline, *candidate))
    if compared:
        left_lost, right_lost = set(slots) - _made(baseline), set(slots) - _made(candidate)
        no_left = no_right = no_left | no_right
        left |= dict.fromkeys(no_left & left.keys())
        right |= dict.fromkeys(no_right & right.keys())
    return Pairs(
        metric=metric,
        examples=tuple(sorted(left_ids | right_ids)),
        baseline=_means(left),
        candidate=_means(right),
        repetitions=max(Counter(example_id for example_id, _ in slots).values(), default=0),
        slots=len(slots),
        baseline_unmeasured_slots=len(no_left),
        candidate_unmeasured_slots=len(no_right),
        baseline_missing=len(left_lost - right_lost),
        candidate_missing=len(right_lost - left_lost),
        only_baseline=tuple(sorted(left_ids - right_ids)),
        only_candidate=tuple(sorted(right_ids - left_ids)),
        duplicates=left_twice + right_twice,
        groups=groups or {},
        compared=compared,
    )


def _slots(metric: str, runs: Sequence[Run]) -> tuple[dict[Slot, float | None], int]:
    found: dict[Slot, float | None] = {}
    for run in runs:
        score = run.score(metric)
        found[run.key.example_id, run.key.repetition] = None if score is None or not math.isfinite(score) else score
    return found, len(runs) - len(found)


def _made(runs: Sequence[Run]) -> set[Slot]:
    return {(r.key.example_id, r.key.repetition) for r in runs if r.status is not RunStatus.UNMEASURED}


def _means(slots: dict[Slot, float | None]) -> dict[str, float]:
    by_example: dict[str, list[float]] = {}
    for (example_id, _), score in slots.items():
        if score is not None:
            by_example.setdefault(example_id, []).append(score)
    return {i: math.fsum(scores) / len(scores) for i, scores in by_example.items()}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
