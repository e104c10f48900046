"""Evidence on a proposal from earlier nights, for the mode that may add it up."""

from typing import TYPE_CHECKING

from burnish.domain.datasets import Split
from burnish.domain.gate import Attempt
from burnish.domain.gate.eprocess import fits, log_wealth
from burnish.domain.pairing import pair

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["carried_over"]


def carried_over(
    store: "Store", attempt: Attempt, metric: str, baseline: str
) -> tuple[tuple[float, ...], frozenset[str]]:
    """Log wealth (by stake) that earlier attempts at this proposal left, and the examples it was won on.

    Only fresh examples may add to it, so what counts once is not asked again. It is read from the runs themselves, so
    it also counts nights that a budget ended. Empty where there was none.
    """
    wealth: list[float] = []
    seen: set[str] = set()
    earlier = [one for one in store.attempts.list(attempt.agent) if one.number < attempt.number]
    for night in dict.fromkeys(one.night for one in earlier if one.proposal_id == attempt.proposal_id):
        for experiment in store.experiments.list(agent=attempt.agent, night=night):
            if experiment.split is not Split.HELD_OUT or attempt.proposal_id not in experiment.arms:
                continue
            pairs = pair(
                metric,
                store.experiments.runs(experiment.id, baseline),
                store.experiments.runs(experiment.id, attempt.proposal_id),
            )
            fresh = [i for i in pairs.ids if i not in seen]
            differences = pairs.differences(fresh)
            if fresh and fits(differences):
                won = log_wealth(differences).tolist()
                wealth = [a + b for a, b in zip(wealth, won, strict=True)] if wealth else won
                seen.update(fresh)
    return tuple(wealth), frozenset(seen)
