"""Attempts to see more with fewer runs, tried against the gate as it is. docs/gate.md tells what came of each."""

from typing import TYPE_CHECKING

from burnish.domain.gate import GateRule
from burnish.domain.gate.differences import Differences
from burnish.domain.simulation.policies import Answer, GatePolicy, differences
from burnish.domain.simulation.world import Night

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DevCounts", "PastBaseline", "SecondOpinion"]


class SecondOpinion(GatePolicy):
    """Repeats only the examples on which the first run of both arms differs.

    Under no change the two arms are exchangeable example by example, whichever are repeated, so the test stays valid.
    A gain is understated: an example that happens to agree counts as unchanged.
    """

    def measured(self, night: Night, chosen: int, size: int) -> tuple[Differences, int]:
        """First runs everywhere, the others where these differ."""
        import numpy as np

        left, right = night.baseline[:, :size], night.held_out[chosen][:, :size]
        differ = left[0] != right[0]
        values = np.where(differ, right.mean(axis=0) - left.mean(axis=0), 0.0)
        return Differences(values), 2 * size + 2 * (len(left) - 1) * int(differ.sum())


class PastBaseline(GatePolicy):
    """Averages tonight's baseline runs with those of up to `nights` nights before.

    Less noise in one arm, as long as nothing drifts between the nights; a drift shows as a gain or a loss.
    """

    def __init__(self, rule: GateRule, nights: int = 5) -> None:
        super().__init__(rule)
        self._nights = nights
        self._past: list[NDArray[np.float64]] = []

    def __call__(self, night: Night) -> Answer:
        """Decide, then remember tonight's baseline."""
        answer = super().__call__(night)
        if answer.runs:
            size = answer.runs // (2 * len(night.baseline))
            seen = night.baseline.copy()
            seen[:, size:] = float("nan")  # examples that tonight's looks never reached
            self._past = [*self._past, seen][-self._nights :]
        return answer

    def measured(self, night: Night, chosen: int, size: int) -> tuple[Differences, int]:
        """Tonight's candidate against all baseline runs at hand."""
        import numpy as np

        left, right = night.baseline[:, :size], night.held_out[chosen][:, :size]
        known = np.concatenate([left, *(past[:, :size] for past in self._past)])
        return Differences(right.mean(axis=0) - np.nanmean(known, axis=0)), left.size + right.size


class DevCounts(GatePolicy):
    """Counts the chosen candidate's differences on dev as evidence too, less what choosing the best of several adds.

    Valid only as long as no proposer has seen dev, in any form and in any night before.
    """

    def measured(self, night: Night, chosen: int, size: int) -> tuple[Differences, int]:
        """Dev differences, shifted down by the expected luck of the best candidate, before the held-out ones."""
        import numpy as np

        left, right = night.baseline[:, :size], night.held_out[chosen][:, :size]
        on_dev = differences(night.dev[0], night.dev[chosen + 1]).values
        share = size / night.baseline.shape[1]
        part = on_dev[: round(share * len(on_dev))]
        count = len(night.dev) - 1
        # Expected maximum of `count` normal deviates, about; the best of one needs no correction.
        luck = {1: 0.0, 2: 0.56, 3: 0.85, 4: 1.03, 5: 1.16}.get(count, 1.27)
        shifted = part - luck * on_dev.std() / max(1, len(on_dev)) ** 0.5
        held_out = right.mean(axis=0) - left.mean(axis=0)
        return Differences(np.concatenate([shifted, held_out])), left.size + right.size
