"""Candidate against baseline on one metric, and why a measurement may be unfit to carry a verdict."""

import math
from collections.abc import Mapping, Sequence

from burnish.domain import sentences, statistics
from burnish.domain.experiments import Run
from burnish.domain.gate.differences import DUST
from burnish.domain.gate.rule import MISSINGNESS_LEVEL, GateRule
from burnish.domain.gate.verdict import Comparison
from burnish.domain.pairing import Pairs, pair

__all__ = ["compare", "compare_pairs", "doubts", "unlike"]


def compare(
    metric: str,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rule: GateRule,
    groups: Mapping[str, str] | None = None,
) -> Comparison:
    """Candidate against baseline on one metric, higher being better, paired by example.

    One run a side and right or wrong: exact McNemar. Otherwise, on example means: sign-flip permutation below
    30 pairs, paired t from there on. Where some of `groups` (by example id) have several members, groups are counted
    instead of examples. The p-value is one-sided for improvement; the interval is two-sided at 1 - 2 x level, so its
    lower end is the one-sided bound at `rule.level`, with a width also where nothing changed. `p_value` is None without
    pairs.
    """
    pairs = pair(metric, baseline, candidate, groups)
    return compare_pairs(pairs, rule.level, pairs.scale)


def compare_pairs(pairs: Pairs, level: float, step: float | None = None) -> Comparison:
    """The same, of runs that are paired already; `step` is that of `Differences.interval`."""
    ids = pairs.ids
    count = len(ids)
    differences = pairs.differences()
    moved = list(zip(ids, differences.values.tolist(), strict=True))
    fixed = tuple(i for i, difference in moved if difference > DUST)
    broken = tuple(i for i, difference in moved if difference < -DUST)
    confidence = 1 - 2 * level
    p_value, test = differences.tested()
    bounds = differences.interval(confidence, step)
    return Comparison(
        metric=pairs.metric,
        pairs=count,
        baseline_mean=_mean([pairs.baseline[i] for i in ids]),
        candidate_mean=_mean([pairs.candidate[i] for i in ids]),
        effect=_mean([difference for _, difference in moved]),
        low=bounds.low,
        high=bounds.high,
        confidence=confidence,
        p_value=p_value,
        test=test,
        wins=len(fixed),
        losses=len(broken),
        ties=count - len(fixed) - len(broken),
        fixed=fixed,
        broken=broken,
        unmeasured_baseline=len(pairs.examples) - len(pairs.baseline),
        unmeasured_candidate=len(pairs.examples) - len(pairs.candidate),
        groups=None if differences.groups is None else len(differences.units),
    )


def doubts(pairs: Pairs, rule: GateRule) -> list[str]:
    """Why the measurement itself cannot carry a verdict, a sentence each; empty where it can."""
    return [*_too_few(pairs, rule), *unlike(pairs, rule)]


def _too_few(pairs: Pairs, rule: GateRule) -> list[str]:
    found: list[str] = []
    count = len(pairs.ids)
    if not pairs.baseline or not pairs.candidate:
        empty = [name for name, arm in (("baseline", pairs.baseline), ("candidate", pairs.candidate)) if not arm]
        found.append(f"Nothing was measured on {pairs.metric} for the {' and the '.join(empty)}.")
    elif count < rule.minimum_pairs:
        found.append(
            f"Only {sentences.plural(count, 'example')} could be paired on {pairs.metric}; "
            f"at least {rule.minimum_pairs} are needed."
        )
    return found


def unlike(pairs: Pairs, rule: GateRule) -> list[str]:
    """Why the arms cannot be compared, however many pairs there are: what is missing, and what is there twice."""
    found: list[str] = []
    if pairs.duplicates:
        found.append(
            f"{sentences.plural(pairs.duplicates, 'run')} occurred twice for the same arm, example and repetition, "
            "so the runs of this experiment cannot be trusted."
        )
    for name, share in zip(("baseline", "candidate"), pairs.unmeasured_share, strict=True):
        if share > rule.unmeasured_share:
            found.append(
                f"{share:.0%} of the {name}'s runs on {pairs.metric} are unmeasured, over the allowed "
                f"{rule.unmeasured_share:.0%}; find out why they fail and measure again."
            )
    p_value = statistics.differs(pairs.baseline_missing, pairs.candidate_missing)
    if p_value < MISSINGNESS_LEVEL:
        found.append(
            f"The arms were not measured alike on {pairs.metric}: {pairs.baseline_missing} runs are unmeasured in the "
            f"baseline alone and {pairs.candidate_missing} in the candidate alone (exact McNemar, two-sided "
            f"p = {sentences.p(p_value)}), so leaving them out would favour one side."
        )
    return found


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
