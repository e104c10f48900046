"""The verdict on a change: must-pass cases one by one, the rest by paired non-inferiority, every metric for itself.

Non-inferiority turns the burden of proof round: not "no loss was seen" but "a loss beyond the margin is excluded". That
takes cases: where 5 % of answers change, 124 show 5 points and 344 show 3 (one-sided 5 %, 80 % power).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.domain import statistics
from burnish.domain.experiments import Run, RunStatus
from burnish.domain.gate import GateRule, compare
from burnish.domain.pairing import Pairs, pair
from burnish.domain.suite import sentences
from burnish.domain.suite.cases import Case
from burnish.domain.suite.guards import judge_guards
from burnish.domain.suite.standing import Standing, result, standing
from burnish.domain.suite.verdict import (
    CaseResult,
    CaseState,
    SuiteGuard,
    SuiteMetric,
    SuiteOutcome,
    SuiteRule,
    SuiteVerdict,
)

__all__ = ["Measurement", "decide_suite", "must_retry", "standings"]

MISSINGNESS_LEVEL = 0.05  # two-sided, of the test that both arms were measured alike


@dataclass(frozen=True)
class Measurement:
    """What was measured: runs of both arms, and of the second try of must-pass cases.

    `applies` maps each metric to the ids of the cases it can judge. `pass_at` is the score from which a case passes.
    """

    cases: Sequence[Case]
    applies: Mapping[str, frozenset[str]]
    pass_at: float
    baseline: Sequence[Run]
    candidate: Sequence[Run]
    again_baseline: Sequence[Run] = ()
    again_candidate: Sequence[Run] = ()

    def metrics_of(self, case: Case) -> tuple[str, ...]:
        """The metrics that judge a case."""
        return tuple(metric for metric, ids in self.applies.items() if case.id in ids)


def must_retry(measured: Measurement) -> list[Case]:
    """Must-pass cases that did not pass with the change: they are run once more before anything is said of them."""
    runs = _by_case(measured.candidate)
    return [
        case
        for case in measured.cases
        if case.must_pass
        and measured.metrics_of(case)
        and standing(runs.get(case.id, []), measured.metrics_of(case), measured.pass_at).passes is not True
    ]


def standings(measured: Measurement, added: frozenset[str] = frozenset()) -> tuple[CaseResult, ...]:
    """How every case stands. Without baseline runs: passed, flaky, failing or unmeasured alone."""
    arms = [_by_case(runs) for runs in (measured.baseline, measured.again_baseline)]
    after = [_by_case(runs) for runs in (measured.candidate, measured.again_candidate)]
    results = []
    for case in measured.cases:
        metrics = measured.metrics_of(case)

        def look(
            found: Sequence[Mapping[str, list[Run]]], case: Case = case, metrics: tuple[str, ...] = metrics
        ) -> list[Standing]:
            return [standing(runs[case.id], metrics, measured.pass_at) for runs in found if case.id in runs]

        results.append(result(case, look(arms), look(after), metrics, case.id in added, bool(measured.baseline)))
    return tuple(results)


def decide_suite(
    measured: Measurement,
    rule: SuiteRule,
    *,
    added: frozenset[str] = frozenset(),
    doubts: Sequence[str] = (),
) -> SuiteVerdict:
    """May this change pass?

    REGRESSION: a must-pass case broke (it failed twice, and the base passed or does not know it), or a metric is shown
    to be worse and not shown to stay within the margin, or cost or latency is shown to exceed what is allowed.
    INCONCLUSIVE: none of these, but a must-pass case or too much of the rest could not be measured, or too few cases
    exist to show non-inferiority. PASS: the rest. `doubts` are the caller's reasons why nothing counts as shown.

    Cases that the change adds (`added`) do not count among the rest: what they gain must not pay for what others lose.
    """
    cases = standings(measured, added)
    rest = frozenset(case.id for case in measured.cases if not case.must_pass) - added
    metrics = [
        _non_inferior(metric, _of(measured.baseline, wanted), _of(measured.candidate, wanted), rule)
        for metric, ids in measured.applies.items()
        if (wanted := ids & rest)
    ]
    guards = judge_guards(measured.baseline, measured.candidate, rule)
    broken = [case for case in cases if case.must_pass and case.state is CaseState.BROKEN]
    lost = [case for case in cases if case.must_pass and case.state is CaseState.UNMEASURED]
    unjudged = [case for case in measured.cases if not measured.metrics_of(case)]
    unsure = [*doubts, *sentences.unsure(lost, unjudged, len(cases), rule.unmeasured_share)]
    if measured.baseline and all(run.status is RunStatus.AGENT_FAILURE for run in measured.baseline):
        unsure.append(sentences.BASE_DEAD)
    judged: list[SuiteMetric | SuiteGuard] = [*metrics, *guards]
    bad = [item.reason for item in judged if item.outcome is SuiteOutcome.REGRESSION]
    open_ = [item for item in judged if item.outcome is SuiteOutcome.INCONCLUSIVE]
    notes = [item.reason for item in judged if item.outcome is SuiteOutcome.PASS]
    small = False
    if broken or bad:
        outcome = SuiteOutcome.REGRESSION
    elif unsure or open_:
        outcome = SuiteOutcome.INCONCLUSIVE
        small = not unsure and all(item.small for item in open_)
    else:
        outcome = SuiteOutcome.PASS
    reasons = [
        sentences.headline(outcome, len(cases), small),
        *sentences.broke(broken),
        *bad,
        *unsure,
        *(item.reason for item in open_),
        *notes,
        *sentences.asides(cases),
    ]
    return SuiteVerdict(
        outcome=outcome,
        reasons=tuple(reasons),
        cases=cases,
        metrics=tuple(metrics),
        guards=guards,
        small=small,
        repetitions=rule.repetitions,
    )


def _non_inferior(metric: str, baseline: Sequence[Run], candidate: Sequence[Run], rule: SuiteRule) -> SuiteMetric:
    gate = GateRule(level=rule.level)
    pairs = pair(metric, baseline, candidate)
    found = compare(metric, baseline, candidate, gate)
    worse = compare(metric, candidate, baseline, gate).p_value  # arms swapped: the same test, one-sided for a loss
    comparison = found.model_copy(update={"low": _low(pairs, found.low, rule)})
    doubts = _doubts(pairs, rule)
    shared = {"comparison": comparison, "margin": rule.margin, "p_worse": worse}
    if doubts:
        return SuiteMetric(**shared, outcome=SuiteOutcome.INCONCLUSIVE, reason=" ".join(doubts))
    if comparison.pairs and comparison.low >= -rule.margin:
        return SuiteMetric(**shared, outcome=SuiteOutcome.PASS, reason=sentences.held(comparison, rule.margin))
    if worse is not None and worse < rule.level and comparison.effect < 0:
        reason = sentences.worse(comparison, rule.margin, worse)
        return SuiteMetric(**shared, outcome=SuiteOutcome.REGRESSION, reason=reason)
    needed = statistics.pairs_needed(rule.margin, max(rule.discordance, _spread(pairs)), rule.level)
    small = comparison.pairs < needed
    reason = sentences.not_shown(comparison, rule.margin, needed, small)
    return SuiteMetric(**shared, outcome=SuiteOutcome.INCONCLUSIVE, needed=needed, small=small, reason=reason)


def _low(pairs: Pairs, low: float, rule: SuiteRule) -> float:
    """The lower bound, with a width also where nothing changed.

    A t interval of equal differences is a point, and three graded cases would then show anything. As for shares, one
    change of each kind (by a whole point) is added before the interval is taken.
    """
    if pairs.binary:
        return low
    differences = [pairs.candidate[i] - pairs.baseline[i] for i in pairs.ids]
    return min(low, statistics.mean_difference([*differences, 1.0, -1.0], 1 - 2 * rule.level).low)


def _spread(pairs: Pairs) -> float:
    """The mean square of the differences: for right and wrong, the share of cases that changed."""
    ids = pairs.ids
    return math.fsum((pairs.candidate[i] - pairs.baseline[i]) ** 2 for i in ids) / len(ids) if ids else 0.0


def _doubts(pairs: Pairs, rule: SuiteRule) -> list[str]:
    doubts = []
    for arm, share in zip(("base", "change"), pairs.unmeasured_share, strict=True):
        if share > rule.unmeasured_share:
            doubts.append(sentences.unmeasured(pairs.metric, arm, share, rule.unmeasured_share))
    p_value = statistics.differs(pairs.baseline_missing, pairs.candidate_missing)
    if p_value < MISSINGNESS_LEVEL:
        doubts.append(
            sentences.missing_differently(pairs.metric, pairs.baseline_missing, pairs.candidate_missing, p_value)
        )
    return doubts


def _of(runs: Sequence[Run], ids: frozenset[str]) -> list[Run]:
    return [run for run in runs if run.key.example_id in ids]


def _by_case(runs: Sequence[Run]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.key.example_id, []).append(run)
    return found
