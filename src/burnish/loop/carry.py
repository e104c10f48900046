"""Evidence on a proposal from earlier nights, for the mode that may add it up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from burnish.domain.datasets import Split
from burnish.domain.gate import Attempt, GateRule
from burnish.domain.gate.comparison import unlike
from burnish.domain.gate.eprocess import fits, log_wealth
from burnish.domain.pairing import pair

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["carried_over"]


def carried_over(
    store: "Store",
    attempt: Attempt,
    metric: str,
    baseline: str,
    groups: Mapping[str, str] | None = None,
    rule: GateRule | None = None,
) -> tuple[tuple[float, ...], frozenset[str]]:
    """Log wealth (by stake) that earlier attempts at this proposal left, and the examples that are no longer fresh.

    `groups` names the group of every held-out example by id (`HeldOut.groups`), also of earlier nights: a group is one
    bet, and all of its examples are spent once it was made. A night whose arms were not measured alike under `rule`
    carries nothing over, and its examples may be measured again. The wealth is read from the runs themselves, so it
    also counts nights that a budget ended. Empty where there was none.

    Where it is not empty and no fresh example is left, the caller should open no new attempt, which would pay a level
    for evidence that was held against one before: `decide` with this wealth as `Tonight.carried`, the level of the
    proposal's last attempt and no runs answers what is known so far.
    """
    names = groups or {}
    wealth: list[float] = []
    spent: set[str] = set()
    ids: set[str] = set()
    earlier = [one for one in store.attempts.list(attempt.agent) if one.number < attempt.number]
    for night in dict.fromkeys(one.night for one in earlier if one.proposal_id == attempt.proposal_id):
        for experiment in store.experiments.list(agent=attempt.agent, night=night):
            if experiment.split is not Split.HELD_OUT or attempt.proposal_id not in experiment.arms:
                continue
            pairs = pair(
                metric,
                store.experiments.runs(experiment.id, baseline),
                store.experiments.runs(experiment.id, attempt.proposal_id),
                names,
            )
            if unlike(pairs, rule or GateRule()):
                continue
            fresh = [i for i in pairs.ids if (names.get(i) or i) not in spent]
            differences = pairs.differences(fresh)
            if fresh and fits(differences):
                won = log_wealth(differences).tolist()
                wealth = [a + b for a, b in zip(wealth, won, strict=True)] if wealth else won
                spent.update(names.get(i) or i for i in fresh)
                ids.update(fresh)
    return tuple(wealth), frozenset(ids | {i for i, group in names.items() if group in spent})
