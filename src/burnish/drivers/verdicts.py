"""Which verdict an experiment fed, and both without the ids of held-out examples.

Such an id is a hash of agent and input, so whoever guesses an input could confirm it, and know it again elsewhere.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from burnish.domain.datasets import Split
from burnish.domain.experiments import Experiment, Run
from burnish.domain.gate import Comparison, Verdict

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["comparison_json", "comparison_of", "numbered", "verdict_json", "verdict_of"]

IDS = {"fixed", "broken"}


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


def numbered(experiment: Experiment, runs: Sequence[Run]) -> list[Run]:
    """The runs as people may see them: those on held-out examples name them by a number within the experiment."""
    if experiment.split is not Split.HELD_OUT:
        return list(runs)
    ids = sorted({run.key.example_id for run in runs})
    width = len(str(len(ids)))
    names = {example_id: f"#{number:0{width}}" for number, example_id in enumerate(ids, start=1)}
    return [
        run.model_copy(update={"key": run.key.model_copy(update={"example_id": names[run.key.example_id]})})
        for run in runs
    ]


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison on held-out examples for `--json`: `wins` and `losses` count what was fixed and broken."""
    return comparison.model_dump(mode="json", exclude=IDS)


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict for `--json`, its comparisons in counts."""
    return {
        **verdict.model_dump(mode="json"),
        "comparison": None if verdict.comparison is None else comparison_json(verdict.comparison),
        "guards": [comparison_json(guard) for guard in verdict.guards],
    }
