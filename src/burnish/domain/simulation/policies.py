"""Rules by which a night's best candidate becomes a pull request: burnish's own gate and what others do.

Each is a function of a night, with its own memory over a stream of them, and says whether it opens one and how many
held-out runs it cost. The gate's policy calls the functions that a real night calls, on the same arrays.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from burnish.domain import statistics
from burnish.domain.gate import GateRule, Outcome, begin, follow, look_sizes
from burnish.domain.gate.across_nights import counted
from burnish.domain.gate.comparison import doubts
from burnish.domain.gate.differences import Differences
from burnish.domain.gate.lift import lift
from burnish.domain.gate.selection import convincing
from burnish.domain.pairing import Pairs
from burnish.domain.simulation.world import Night

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Answer", "GatePolicy", "Policy", "best_on_dev", "differences", "peers"]


class Answer(NamedTuple):
    """Whether a pull request opens, for which candidate (-1: none was chosen), after how many held-out runs."""

    opened: bool
    candidate: int
    runs: int = 0
    looks: int = 0
    raw: float = 0.0
    shrunk: float = 0.0


Policy = Callable[[Night], Answer]


def best_on_dev(night: Night) -> int:
    """The candidate with the highest mean on dev, or -1 where none beats the baseline; lost runs drop out."""
    import numpy as np

    means = np.nanmean(night.dev, axis=(1, 2))
    best = int(means[1:].argmax())
    return best if means[best + 1] > means[0] else -1


class GatePolicy:
    """burnish's gate under `rule`, with its own memory across nights."""

    def __init__(self, rule: GateRule) -> None:
        self.rule = rule
        self.state = begin(rule)

    def __call__(self, night: Night) -> Answer:
        """Choose on dev, follow the looks, decide at tonight's level."""
        rule = self.rule
        chosen = best_on_dev(night)
        if chosen < 0:
            return Answer(False, chosen)
        level = self.state.tonight()
        on_dev = differences(night.dev[0], night.dev[chosen + 1])
        if not convincing(on_dev, night.baseline.shape[1], level, rule):
            return Answer(False, chosen)
        sizes = look_sizes(night.baseline.shape[1], rule)
        evidence: list[Differences] = []
        runs = 0
        crossed, doubtful, p_value = False, False, None
        for size in sizes:
            found, runs = self.measured(night, chosen, size)
            evidence.append(found)
            course = follow(evidence, sizes, level, rule)
            doubtful, p_value = self._doubtful(night, chosen, size), course.p_value
            crossed = course.crossed and not doubtful
            if course.ended or course.futile or crossed:
                break
        refused = Outcome.INCONCLUSIVE if doubtful else Outcome.REFUSED
        self.state = self.state.after(counted(Outcome.ACCEPTED if crossed else refused, p_value, level))
        quoted = lift(evidence[-1]) if crossed else None
        return Answer(
            opened=crossed,
            candidate=chosen,
            runs=runs,
            looks=len(evidence),
            raw=quoted.raw if quoted is not None else 0.0,
            shrunk=quoted.shrunk if quoted is not None else 0.0,
        )

    def measured(self, night: Night, chosen: int, size: int) -> tuple[Differences, int]:
        """The evidence in the first `size` held-out examples, and the runs it took."""
        left, right = night.baseline[:, :size], night.held_out[chosen][:, :size]
        return differences(left, right), left.size + right.size

    def _doubtful(self, night: Night, chosen: int, size: int) -> bool:
        import numpy as np

        left, right = night.baseline[:, :size], night.held_out[chosen][:, :size]
        if not np.isnan(right).any() and not np.isnan(left).any():
            return size < self.rule.minimum_pairs
        return bool(doubts(_pairs(left, right), self.rule))


def differences(left: "NDArray[np.float64]", right: "NDArray[np.float64]") -> Differences:
    """Example by example, over the runs that arrived in each arm (rows are repetitions)."""
    import numpy as np

    binary = len(left) == 1
    if np.isnan(right).any():
        measured = ~(np.isnan(left).all(axis=0) | np.isnan(right).all(axis=0))
        left, right = left[:, measured], right[:, measured]
        return Differences(np.nanmean(right, axis=0) - np.nanmean(left, axis=0), None, binary)
    return Differences(right.mean(axis=0) - left.mean(axis=0), None, binary)


def _pairs(left: "NDArray[np.float64]", right: "NDArray[np.float64]") -> Pairs:
    """The same night as the gate sees one from the store, for its checks of what is missing."""
    import numpy as np

    no_left, no_right = np.isnan(left), np.isnan(right)
    ids = tuple(str(i) for i in range(left.shape[1]))

    def means(runs: "NDArray[np.float64]") -> dict[str, float]:
        return {i: float(np.nanmean(runs[:, k])) for k, i in enumerate(ids) if not np.isnan(runs[:, k]).all()}

    return Pairs(
        metric="right",
        examples=ids,
        baseline=means(left),
        candidate=means(right),
        repetitions=len(left),
        slots=left.size,
        baseline_unmeasured_slots=int(no_left.sum()),
        candidate_unmeasured_slots=int(no_right.sum()),
        baseline_missing=int((no_left & ~no_right).sum()),
        candidate_missing=int((no_right & ~no_left).sum()),
        only_baseline=(),
        only_candidate=(),
        duplicates=0,
    )


def _mean_on_dev(night: Night) -> Answer:
    chosen = best_on_dev(night)
    return Answer(chosen >= 0, chosen)


def _mean_by(margin: float) -> Callable[[Night], Answer]:
    def policy(night: Night) -> Answer:
        import numpy as np

        chosen = best_on_dev(night)
        if chosen < 0:
            return Answer(False, chosen)
        # One run a side, and what did not arrive drops out of the mean, as their tools do it.
        gain = float(np.nanmean(night.held_out[chosen][0]) - np.nanmean(night.baseline[0]))
        return Answer(gain > margin, chosen, runs=2 * night.baseline.shape[1])

    return policy


def _mcnemar(night: Night) -> Answer:
    chosen = best_on_dev(night)
    if chosen < 0:
        return Answer(False, chosen)
    change = night.held_out[chosen][0] - night.baseline[0]
    p_value = statistics.mcnemar(int((change > 0).sum()), int((change < 0).sum()))
    return Answer(p_value < 0.05, chosen, runs=2 * night.baseline.shape[1])


def _paired_t(night: Night) -> Answer:
    chosen = best_on_dev(night)
    if chosen < 0:
        return Answer(False, chosen)
    p_value = statistics.paired_t(differences(night.baseline, night.held_out[chosen]).values)
    return Answer(p_value is not None and p_value < 0.05, chosen, runs=2 * night.baseline.size)


class _ELond:
    """Bets within a night, e-LOND across nights: valid at any stop and under any dependence, and slow to convince."""

    def __init__(self) -> None:
        from online_fdr.e_values import ELond

        self._procedure = ELond(alpha=0.05)

    def __call__(self, night: Night) -> Answer:
        import math

        from burnish.domain.gate.eprocess import evidence

        chosen = best_on_dev(night)
        if chosen < 0:
            return Answer(False, chosen)
        e_value = math.exp(evidence(differences(night.baseline, night.held_out[chosen])))
        return Answer(bool(self._procedure.test_one(e_value)), chosen, runs=2 * night.baseline.size)


def peers() -> dict[str, Callable[[], Policy]]:
    """What others do, by name, each begun anew for every stream."""
    return {
        "mean improves, same split as the search": lambda: _mean_on_dev,
        "mean improves, held-out split": lambda: _mean_by(0.0),
        "mean improves by 5 points, held-out": lambda: _mean_by(0.05),
        "exact McNemar, 5 %, 1 run": lambda: _mcnemar,
        "paired t, 5 %, all runs averaged": lambda: _paired_t,
        "bets and e-LOND, 5 %": _ELond,
    }
