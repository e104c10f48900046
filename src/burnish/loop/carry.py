"""Evidence on a proposal from earlier nights, for the mode that may add it up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from burnish.domain.datasets import Split
from burnish.domain.gate import GateRule
from burnish.domain.gate.comparison import unlike
from burnish.domain.gate.eprocess import fits, log_wealth
from burnish.domain.pairing import pair

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["carried_over"]


def carried_over(
    store: "Store",
    agent: str,
    night: str,
    proposal_id: str,
    metric: str,
    baseline: str,
    groups: Mapping[str, str],
    rule: GateRule,
) -> tuple[tuple[float, ...], frozenset[str]]:
    """Log wealth (by stake) that attempts of earlier nights left a proposal, and the examples no longer fresh for it.

    `groups` names the group of every held-out example by id (`HeldOut.groups`), also of earlier nights: a group is one
    bet, and all of its examples are spent once it was made. A night whose arms were not measured alike under `rule`
    carries nothing over, and its examples may be measured again. The wealth is read from the runs themselves, so it
    also counts nights that a budget ended. Empty where there was none.

    Where no fresh example is left, nothing new can be asked: the caller opens no attempt, which would pay a level for
    evidence that was held against one before.
    """
    wealth: list[float] = []
    spent: set[str] = set()
    ids: set[str] = set()
    mine = [one.night for one in store.attempts.list(agent) if one.proposal_id == proposal_id and one.night < night]
    for earlier in dict.fromkeys(mine):
        for experiment in store.experiments.list(agent=agent, night=earlier):
            if experiment.split is not Split.HELD_OUT or proposal_id not in experiment.arms:
                continue
            pairs = pair(
                metric,
                store.experiments.runs(experiment.id, baseline),
                store.experiments.runs(experiment.id, proposal_id),
                groups,
            )
            if unlike(pairs, rule):
                continue
            fresh = [i for i in pairs.ids if (groups.get(i) or i) not in spent]
            differences = pairs.differences(fresh)
            if fresh and fits(differences):
                won = log_wealth(differences).tolist()
                wealth = [a + b for a, b in zip(wealth, won, strict=True)] if wealth else won
                spent.update(groups.get(i) or i for i in fresh)
                ids.update(fresh)
    return tuple(wealth), frozenset(ids | {i for i, group in groups.items() if group in spent})
