"""The gate: values of the rule and the verdict, and `decide`, the only way to a pull request.

What it promises: where a proposal changes nothing, it is accepted in at most `level` of the cases. The baseline is run
again the same night over the same held-out examples, so both arms meet the same provider on the same day.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from burnish.domain import sentences, statistics
from burnish.domain.base import Value
from burnish.domain.experiments import Run
from burnish.domain.pairing import Pairs, pair

__all__ = ["GUARD_LEVEL", "MISSINGNESS_LEVEL", "Comparison", "GateRule", "Outcome", "Verdict", "compare", "decide"]

GUARD_LEVEL = 0.05  # one-sided, of each guard's non-inferiority test
MISSINGNESS_LEVEL = 0.05  # two-sided, of the test that both arms were measured alike
T_FROM = 30  # pairs from which the mean is near enough to normal for t
_DUST = 1e-12  # what averaging leaves in the last digits is not a change


class Outcome(StrEnum):
    """ACCEPTED alone may open a pull request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


class GateRule(Value):
    """When a pull request may open: a paired test at a fixed level."""

    level: float = Field(default=0.01, gt=0, lt=0.5)
    minimum_pairs: int = Field(default=20, ge=2)
    unmeasured_share: float = Field(default=0.1, ge=0, le=1)
    guards: tuple[str, ...] = ()
    guard_margin: float = Field(default=0.05, ge=0)


class Comparison(Value):
    """Candidate against baseline on one metric over paired examples.

    Means, `effect` and the interval are on the metric's own scale, per example (repetitions averaged first).
    `fixed` and `broken` are example ids whose score rose or fell. `unmeasured_*` counts examples left out, by arm.
    """

    metric: str
    pairs: int
    baseline_mean: float
    candidate_mean: float
    effect: float
    low: float
    high: float
    confidence: float
    p_value: float | None
    test: str
    wins: int
    losses: int
    ties: int
    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unmeasured_baseline: int = 0
    unmeasured_candidate: int = 0


class Verdict(Value):
    """The gate's decision on one proposal, with reasons in plain words, each a full sentence."""

    proposal_id: str
    experiment_id: str
    outcome: Outcome
    reasons: tuple[str, ...]
    level: float
    comparison: Comparison | None = None
    guards: tuple[Comparison, ...] = ()


def compare(metric: str, baseline: Sequence[Run], candidate: Sequence[Run], rule: GateRule) -> Comparison:
    """Candidate against baseline on one metric, higher being better, paired by example.

    One run a side and right or wrong: exact McNemar. Otherwise, on example means: sign-flip permutation below
    30 pairs, paired t from there on. The p-value is one-sided for improvement; the interval is two-sided at
    1 - 2 x level, so its lower end is the one-sided bound at `rule.level`. `p_value` is None without pairs.
    """
    return _compare(pair(metric, baseline, candidate), rule.level)


def decide(
    proposal_id: str,
    experiment_id: str,
    metric: str,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    rule: GateRule,
    guards: Sequence[str] | None = None,
) -> Verdict:
    """May this proposal open a pull request? `guards` replaces the rule's guard metrics.

    ACCEPTED asks for a gain at p < level, enough measured pairs, equal measurement of both arms, and every guard shown
    not to be worse by the margin. INCONCLUSIVE means that the measurement says nothing (too few pairs, too much
    unmeasured, unmeasured differently, duplicated runs); it outranks the rest, because the other figures then mean
    little. The first reason is the verdict in one sentence.
    """
    pairs = pair(metric, baseline, candidate)
    main = _compare(pairs, rule.level)
    doubts = _doubts(pairs, rule)
    names = dict.fromkeys(rule.guards if guards is None else guards)
    names.pop(metric, None)
    checked = [_guard(pair(name, baseline, candidate), rule) for name in names]
    failed = [guard.reason for guard in checked if guard.outcome is Outcome.REFUSED]
    unclear = [guard.reason for guard in checked if guard.outcome is Outcome.INCONCLUSIVE]
    held = [guard.reason for guard in checked if guard.outcome is Outcome.ACCEPTED]
    gain = main.p_value is not None and main.p_value < rule.level and main.effect > 0
    finding = [sentences.finding(main, pairs.binary), sentences.tested(main, rule.level)] if main.pairs else []
    if doubts:
        outcome, reasons = Outcome.INCONCLUSIVE, [*doubts, *finding, *failed, *unclear]
    elif not gain:
        outcome, reasons = Outcome.REFUSED, [sentences.no_gain(main, rule.level), *finding, *failed, *unclear]
    elif failed:
        outcome, reasons = Outcome.REFUSED, [*failed, *finding, *unclear]
    elif unclear:
        outcome, reasons = Outcome.INCONCLUSIVE, [*unclear, *finding]
    else:
        outcome, reasons = Outcome.ACCEPTED, [*finding, *held]
    return Verdict(
        proposal_id=proposal_id,
        experiment_id=experiment_id,
        outcome=outcome,
        reasons=(*reasons, *sentences.left_out(pairs)),
        level=rule.level,
        comparison=main,
        guards=tuple(guard.comparison for guard in checked),
    )


class _Guard(NamedTuple):
    outcome: Outcome
    reason: str
    comparison: Comparison


def _compare(pairs: Pairs, level: float) -> Comparison:
    ids = pairs.ids
    count = len(ids)
    differences = [pairs.candidate[i] - pairs.baseline[i] for i in ids]
    fixed = tuple(i for i, difference in zip(ids, differences, strict=True) if difference > _DUST)
    broken = tuple(i for i, difference in zip(ids, differences, strict=True) if difference < -_DUST)
    confidence = 1 - 2 * level
    p_value, test = _test(pairs, differences, len(fixed), len(broken))
    if pairs.binary:
        bounds = statistics.difference_of_pairs(len(fixed), len(broken), count, confidence)
    else:
        bounds = statistics.mean_difference(differences, confidence)
    return Comparison(
        metric=pairs.metric,
        pairs=count,
        baseline_mean=_mean([pairs.baseline[i] for i in ids]),
        candidate_mean=_mean([pairs.candidate[i] for i in ids]),
        effect=_mean(differences),
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
    )


def _test(pairs: Pairs, differences: list[float], fixed: int, broken: int) -> tuple[float | None, str]:
    if not differences:
        return None, "no test"
    if pairs.binary:
        return statistics.mcnemar(fixed, broken), "exact McNemar test"
    if len(differences) >= T_FROM:
        p_value = statistics.paired_t(differences)
        if p_value is not None:
            return p_value, "paired t test"
    # Also where all differences are equal: t is undefined there, while flipping signs stays valid.
    return statistics.sign_flip(differences), "sign-flip permutation test"


def _doubts(pairs: Pairs, rule: GateRule) -> list[str]:
    """Why the measurement itself cannot carry a verdict; empty where it can."""
    doubts: list[str] = []
    count = len(pairs.ids)
    if not pairs.baseline or not pairs.candidate:
        empty = [name for name, arm in (("baseline", pairs.baseline), ("candidate", pairs.candidate)) if not arm]
        doubts.append(f"Nothing was measured on {pairs.metric} for the {' and the '.join(empty)}.")
    elif count < rule.minimum_pairs:
        doubts.append(
            f"Only {sentences.plural(count, 'example')} could be paired on {pairs.metric}; "
            f"at least {rule.minimum_pairs} are needed."
        )
    if pairs.duplicates:
        doubts.append(
            f"{sentences.plural(pairs.duplicates, 'run')} occurred twice for the same arm, example and repetition, "
            "so the runs of this experiment cannot be trusted."
        )
    for name, share in zip(("baseline", "candidate"), pairs.unmeasured_share, strict=True):
        if share > rule.unmeasured_share:
            doubts.append(
                f"{share:.0%} of the {name}'s runs on {pairs.metric} are unmeasured, over the allowed "
                f"{rule.unmeasured_share:.0%}; find out why they fail and measure again."
            )
    p_value = statistics.differs(pairs.baseline_missing, pairs.candidate_missing)
    if p_value < MISSINGNESS_LEVEL:
        doubts.append(
            f"The arms were not measured alike on {pairs.metric}: {pairs.baseline_missing} runs are unmeasured in the "
            f"baseline alone and {pairs.candidate_missing} in the candidate alone (exact McNemar, two-sided "
            f"p = {sentences.p(p_value)}), so leaving them out would favour one side."
        )
    return doubts


def _guard(pairs: Pairs, rule: GateRule) -> _Guard:
    """Is the candidate shown to be at most the margin worse? Non-inferiority at GUARD_LEVEL, one-sided.

    All guards must hold at once, so testing several does not raise the chance that a harmful one slips through.
    """
    comparison = _compare(pairs, GUARD_LEVEL)
    doubts = _doubts(pairs, rule)
    if doubts:
        return _Guard(Outcome.INCONCLUSIVE, " ".join(["The guard could not be judged.", *doubts]), comparison)
    if comparison.low < -rule.guard_margin:
        return _Guard(Outcome.REFUSED, sentences.guard_failed(comparison, rule.guard_margin), comparison)
    return _Guard(Outcome.ACCEPTED, sentences.guard_held(comparison, rule.guard_margin), comparison)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
