"""The evidence as arrays: one difference an example, and the test that fits it.

The gate, its looks and the simulator all decide on this, so a simulated night runs the code of a real one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from burnish.domain import statistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DUST", "LARGEST_SHARE", "MOVED_FROM", "T_FROM", "Differences", "Tested"]

T_FROM = 30  # units (examples, or groups by their effective number) from which the mean is near enough to normal for t
MOVED_FROM = 20  # units that changed, counted alike, below which t errs too often
LARGEST_SHARE = 0.1  # of all examples in one group, above which t on groups errs too often
DUST = 1e-12  # what averaging leaves in the last digits is not a change


class Tested(NamedTuple):
    """A one-sided p-value for improvement (None where nothing could be tested) and the test that gave it."""

    p_value: float | None
    test: str


@dataclass(frozen=True)
class Differences:
    """Candidate minus baseline, one value an example, on the metric's own scale.

    `groups` numbers each example's group where some group has several members, else None: members of a group are not
    independent, so the tests then count groups. `binary`: one run a side, right or wrong.
    """

    values: "NDArray[np.float64]"
    groups: "NDArray[np.int64] | None" = None
    binary: bool = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        """The mean difference; 0 without examples."""
        return float(self.values.mean()) if len(self.values) else 0.0

    @property
    def wins(self) -> int:
        """Examples whose score rose."""
        return int((self.values > DUST).sum())

    @property
    def losses(self) -> int:
        """Examples whose score fell."""
        return int((self.values < -DUST).sum())

    @property
    def units(self) -> "NDArray[np.float64]":
        """What is independent: the examples' differences, or their sums by group."""
        import numpy as np

        if self.groups is None:
            return self.values
        return np.bincount(self.groups, weights=self.values).astype(float)

    @property
    def effective(self) -> float:
        """How many equal units these are worth; below the number of groups where some are larger than others."""
        return statistics.effective_number(self._sizes())

    def _sizes(self) -> "NDArray[np.float64]":
        import numpy as np

        return np.ones(len(self)) if self.groups is None else np.bincount(self.groups).astype(float)

    def _near_normal(self) -> bool:
        """Whether the mean of these is near enough to normal: enough units, none outweighing, and enough that moved.

        It asks for sizes alone and never for signs, so choosing the test by it favours neither answer.
        """
        import numpy as np

        sizes = self._sizes()
        number = statistics.effective_number
        if number(sizes) < T_FROM - 1e-9 or number(sizes[np.abs(self.units) > DUST]) < MOVED_FROM - 1e-9:
            return False
        return self.groups is None or float(sizes.max()) <= LARGEST_SHARE * len(self) + 1e-9

    def tested(self) -> Tested:
        """Exact McNemar for single right-or-wrong runs; else paired t where the mean is near normal, or sign flips.

        Near normal: 30 units that can be compared, of which 20 changed. Both are counted by their effective number, so
        a large group counts for little, and one with over a tenth of the examples asks for sign flips at once: they
        hold whatever the sizes are, while a t statistic grows without reason where one group outweighs the others.
        """
        if not len(self.values):
            return Tested(None, "no test")
        if self.binary and self.groups is None:
            return Tested(statistics.mcnemar(self.wins, self.losses), "exact McNemar test")
        where = "" if self.groups is None else " on groups"
        units = self.units
        if self._near_normal():
            p_value = statistics.paired_t(self.values, self.groups)
            if p_value is not None:
                return Tested(p_value, f"paired t test{where}")
        # Also where all differences are equal: t is undefined there, while flipping signs stays valid.
        return Tested(statistics.sign_flip(units), f"sign-flip permutation test{where}")

    def interval(self, confidence: float, step: float | None = None) -> statistics.Bounds:
        """The two-sided interval of the mean difference that belongs to the test.

        With `step` (the largest change there can be) it is one that may show that nothing got worse, as ties alone do
        not.
        """
        if self.binary and self.groups is None:
            bounds = statistics.difference_of_pairs(self.wins, self.losses, len(self.values), confidence)
        else:
            bounds = statistics.mean_difference(self.values, confidence, self.groups)
        if step is None:
            return bounds
        cautious = statistics.cautious_difference(self.values, confidence, step, self.groups)
        return statistics.Bounds(min(bounds.low, cautious.low), max(bounds.high, cautious.high))

    def trend(self) -> float:
        """The deviate of a sign-flip test without its corrections for small counts: where the evidence is heading."""
        units = self.units
        size = float((units * units).sum()) ** 0.5
        return float(units.sum()) / size if size > 0 else 0.0
