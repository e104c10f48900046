"""What could not be measured in an arm, and why. Nothing of it is a score, and nothing of it is dropped unsaid."""

from collections.abc import Iterable

from burnish.domain.base import Value
from burnish.domain.experiments import Run, RunStatus

__all__ = ["Missing", "missing"]


class Missing(Value):
    """Runs of one arm on one metric, in counts.

    `agent_failures`: the agent raised or answered nothing, a wrong answer with score 0. `infrastructure`: a rate limit,
    a time-out, a crash of the harness, tried again and left unmeasured. `evaluator_failures`: the agent answered and
    the evaluator could not say. `unscored`: the evaluator gave this run no score and no reason.
    """

    runs: int
    agent_failures: int = 0
    infrastructure: int = 0
    evaluator_failures: int = 0
    unscored: int = 0

    @property
    def unmeasured(self) -> int:
        """Runs without a score."""
        return self.infrastructure + self.evaluator_failures + self.unscored


def missing(runs: Iterable[Run], metric: str) -> Missing:
    """Count the runs of one arm by what became of them."""
    counts = dict.fromkeys(Missing.model_fields, 0)
    for run in runs:
        counts["runs"] += 1
        if run.status is RunStatus.AGENT_FAILURE:
            counts["agent_failures"] += 1
        elif run.status is RunStatus.UNMEASURED:
            counts["infrastructure"] += 1
        elif metric not in run.scores:
            # An evaluator's failures are booked under its own name, which is nearly always the metric's.
            counts["evaluator_failures" if run.evaluator_failures else "unscored"] += 1
    return Missing(**counts)
