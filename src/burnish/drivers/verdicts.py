"""Which verdict an experiment fed."""

from typing import TYPE_CHECKING

from burnish.domain.datasets import Split
from burnish.domain.experiments import Experiment
from burnish.domain.gate import Comparison, Verdict

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["comparison_of", "verdict_of"]


def verdict_of(store: "Store", experiment: Experiment) -> Verdict | None:
    """The gate's verdict on this experiment, or None: only held-out experiments have one."""
    if experiment.split is not Split.HELD_OUT:
        return None
    for arm in experiment.arms:  # one of them is named after the proposal, whichever night drafted it
        verdict = store.proposals.verdict(arm, experiment.id)
        if verdict is not None:
            return verdict
    return None


def comparison_of(store: "Store", experiment: Experiment) -> Comparison | None:
    """The gate's comparison on this experiment, or None."""
    verdict = verdict_of(store, experiment)
    return None if verdict is None else verdict.comparison
