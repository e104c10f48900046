"""Cost and latency beside the scores: may the change be this much dearer or slower?"""

import math
from collections.abc import Callable, Sequence

from burnish.domain import statistics
from burnish.domain.experiments import Run
from burnish.domain.suite.verdict import SuiteGuard, SuiteOutcome, SuiteRule

__all__ = ["judge_guards"]

ENOUGH = 30  # cases under which a guard that shows nothing is put down to a small suite


def judge_guards(baseline: Sequence[Run], candidate: Sequence[Run], rule: SuiteRule) -> tuple[SuiteGuard, ...]:
    """The guards that the rule sets, over the cases measured on both sides."""
    wanted: list[tuple[str, str, float | None, Callable[[Run], float | None]]] = [
        ("cost", "US dollars", rule.cost_increase, lambda run: run.cost_usd),
        ("latency", "seconds", rule.latency_increase, lambda run: run.latency_s),
    ]
    return tuple(
        _guard(name, unit, allowed, _means(baseline, of), _means(candidate, of), rule)
        for name, unit, allowed, of in wanted
        if allowed is not None
    )


def _guard(
    name: str, unit: str, allowed: float, before: dict[str, float], after: dict[str, float], rule: SuiteRule
) -> SuiteGuard:
    import numpy as np

    ids = sorted(before.keys() & after.keys())
    # "The mean grows by at most a share" is the same as "the mean of after - (1 + share) x before is at most 0".
    excess = [after[i] - (1 + allowed) * before[i] for i in ids]
    left, right = _mean([before[i] for i in ids]), _mean([after[i] for i in ids])
    small = False
    if len(ids) < 2:
        why = "no prices are known" if name == "cost" and not ids else "fewer than two cases have it on both sides"
        outcome, reason = SuiteOutcome.INCONCLUSIVE, f"The {name} could not be compared: {why}."
    else:
        bounds = statistics.cautious_difference(np.asarray(excess), 1 - 2 * rule.level, left)
        change = f"{right / left - 1:+.0%}" if left > 0 else f"{right - left:+.4g} {unit}"
        facts = (
            f"{left:.4g} {unit} a case before, {right:.4g} after ({change}; {allowed:.0%} more is allowed; "
            f"{len(ids)} cases)"
        )
        if bounds.low > 0:
            outcome, reason = SuiteOutcome.REGRESSION, f"The {name} grew too much: {facts}."
        elif bounds.high <= 0:
            outcome, reason = SuiteOutcome.PASS, f"The {name} held: {facts}."
        else:
            outcome, reason = SuiteOutcome.INCONCLUSIVE, f"The {name} varies too much to say: {facts}."
            small = len(ids) < ENOUGH
    return SuiteGuard(
        name=name,
        outcome=outcome,
        pairs=len(ids),
        baseline_mean=left,
        candidate_mean=right,
        allowed_increase=allowed,
        small=small,
        reason=reason,
    )


def _means(runs: Sequence[Run], of: Callable[[Run], float | None]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for run in runs:
        value = of(run)
        if value is not None and math.isfinite(value):
            found.setdefault(run.key.example_id, []).append(value)
    return {i: _mean(values) for i, values in found.items()}


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
