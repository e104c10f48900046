"""What must not get worse while the metric gains: guard metrics, cost and latency. No gain pays for a loss."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from burnish.domain import sentences
from burnish.domain.experiments import Run, RunStatus
from burnish.domain.gate.comparison import compare_pairs, doubts
from burnish.domain.gate.rule import GUARD_LEVEL, GateRule
from burnish.domain.gate.verdict import Comparison, Outcome
from burnish.domain.pairing import pair

__all__ = ["Guard", "guard", "guards", "limit"]


class Guard(NamedTuple):
    """ACCEPTED: shown to hold. REFUSED: worse, or a loss beyond the margin not excluded. INCONCLUSIVE: unmeasured."""

    outcome: Outcome
    reason: str
    comparison: Comparison


def guards(
    metric: str,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rule: GateRule,
    names: Sequence[str] | None = None,
    groups: Mapping[str, str] | None = None,
) -> list[Guard]:
    """Every guard of the rule (or `names` instead of its metrics), each judged by itself.

    All must hold at once, so testing several does not raise the chance that a harmful one slips through.
    """
    wanted = dict.fromkeys(rule.guards if names is None else names)
    wanted.pop(metric, None)
    found = [guard(name, baseline, candidate, rule, groups) for name in wanted]
    if rule.max_cost_increase is not None:
        found.append(limit("cost_usd", baseline, candidate, rule, rule.max_cost_increase, groups))
    if rule.max_latency_increase is not None:
        found.append(limit("latency_s", baseline, candidate, rule, rule.max_latency_increase, groups))
    return found


def guard(
    name: str,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rule: GateRule,
    groups: Mapping[str, str] | None = None,
) -> Guard:
    """Is the candidate shown to be at most the margin worse? Non-inferiority at GUARD_LEVEL, one-sided.

    The bound counts one further example (or group) that lost all, since ties alone exclude no loss.
    """
    pairs = pair(name, baseline, candidate, groups)
    comparison = compare_pairs(pairs, GUARD_LEVEL, pairs.scale)
    found = doubts(pairs, rule)
    if found:
        return Guard(Outcome.INCONCLUSIVE, " ".join(["The guard could not be judged.", *found]), comparison)
    if comparison.low < -rule.guard_margin:
        return Guard(Outcome.REFUSED, sentences.guard_failed(comparison, rule.guard_margin), comparison)
    return Guard(Outcome.ACCEPTED, sentences.guard_held(comparison, rule.guard_margin), comparison)


def limit(
    quantity: str,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rule: GateRule,
    increase: float,
    groups: Mapping[str, str] | None = None,
) -> Guard:
    """Is the candidate's mean `cost_usd` or `latency_s` shown to be at most (1 + increase) times the baseline's?

    Paired by example: the upper bound of the mean of candidate - (1 + increase) x baseline must not be above 0, at
    GUARD_LEVEL. It counts one further example whose amount rose by the baseline's mean, since equal amounts alone
    exclude no rise. The comparison given back is of the plain amounts, where less is better.
    """
    left, right = _amounts(quantity, baseline), _amounts(quantity, candidate)
    pairs = pair(quantity, left, right, groups)
    comparison = compare_pairs(pairs, GUARD_LEVEL)
    noun = "cost" if quantity == "cost_usd" else "latency"
    found = doubts(pairs, rule)
    if found:
        return Guard(Outcome.INCONCLUSIVE, " ".join([f"The {noun} could not be judged.", *found]), comparison)
    if comparison.baseline_mean <= 0:
        return Guard(
            Outcome.INCONCLUSIVE,
            f"The {noun} could not be judged: the baseline's is {comparison.baseline_mean:g}, of which no relative "
            "increase can be told; set the prices of the model or drop the limit.",
            comparison,
        )
    scaled = pair(quantity, [_scaled(run, 1 + increase) for run in left], right, groups)
    worst = scaled.differences().interval(1 - 2 * GUARD_LEVEL, comparison.baseline_mean).high
    change = comparison.candidate_mean / comparison.baseline_mean - 1
    said = f"The {noun} changed by {change:+.0%} ({comparison.baseline_mean:.4g} to {comparison.candidate_mean:.4g})"
    if worst > 0:
        return Guard(
            Outcome.REFUSED,
            f"{said}, and a rise of more than {increase:.0%} is not excluded at the {1 - GUARD_LEVEL:.0%} bound.",
            comparison,
        )
    return Guard(Outcome.ACCEPTED, f"{said}, and a rise of more than {increase:.0%} is excluded.", comparison)


def _amounts(quantity: str, runs: Sequence[Run]) -> list[Run]:
    """The runs with the amount as their only score; a run without one is unmeasured, also where the agent failed."""
    found = []
    for run in runs:
        amount = run.cost_usd if quantity == "cost_usd" else run.latency_s
        status = RunStatus.UNMEASURED if amount is None else RunStatus.OK
        scores = {} if amount is None else {quantity: amount}
        found.append(run.model_copy(update={"status": status, "scores": scores}))
    return found


def _scaled(run: Run, factor: float) -> Run:
    return run.model_copy(update={"scores": {key: value * factor for key, value in run.scores.items()}})
