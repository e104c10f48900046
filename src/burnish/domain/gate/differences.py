"""The evidence as arrays: one difference an example, and the test that fits it.

The gate, its looks and the simulator all decide on this, so a simulated night runs the code of a real one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from burnish.domain import statistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DUST", "T_FROM", "Differences", "Tested"]

T_FROM = 30  # units (examples, or groups of them) from which the mean is near enough to normal for t
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

    def tested(self) -> Tested:
        """Exact McNemar for single right-or-wrong runs; else sign flips below 30 units, paired t from there on."""
        if not len(self.values):
            return Tested(None, "no test")
        if self.binary and self.groups is None:
            return Tested(statistics.mcnemar(self.wins, self.losses), "exact McNemar test")
        where = "" if self.groups is None else " on groups"
        units = self.units
        if len(units) >= T_FROM:
            p_value = statistics.paired_t(self.values, self.groups)
            if p_value is not None:
                return Tested(p_value, f"paired t test{where}")
        # Also where all differences are equal: t is undefined there, while flipping signs stays valid.
        return Tested(statistics.sign_flip(units), f"sign-flip permutation test{where}")

    def interval(self, confidence: float) -> statistics.Bounds:
        """The two-sided interval of the mean difference that belongs to the test."""
        if self.binary and self.groups is None:
            return statistics.difference_of_pairs(self.wins, self.losses, len(self.values), confidence)
        return statistics.mean_difference(self.values, confidence, self.groups)

    def trend(self) -> float:
        """The deviate of a sign-flip test without its corrections for small counts: where the evidence is heading."""
        units = self.units
        size = float((units * units).sum()) ** 0.5
        return float(units.sum()) / size if size > 0 else 0.0
