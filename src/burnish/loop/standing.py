"""Hold the agent's judges to account: their scores beside people's on the same traces.

Labels that a judge was fitted to say nothing of it: those that the store knows of, and what belongs with them, are
left out of its standing (`loop.alignment`). What leaves this module are counts and coefficients: labels of sealed
traces may be used, because no item can be read from them.
"""

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from burnish.domain.agreement import STANDARD, Agreement, JudgeRule, JudgeStanding, Rating, stand
from burnish.domain.datasets import SplitRule
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.experiments import Run, RunStatus
from burnish.domain.feedback import FeedbackSource
from burnish.domain.gate import JudgeEvidence
from burnish.domain.ppi import PpiEstimate, corrected_mean
from burnish.loop.alignment import held_against_people, judge_of
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["arm_agreements", "corrected_effect", "judge_evidence", "judge_standings", "labels_wanted"]


def judge_standings(
    store: "Store",
    agent: str,
    evaluators: Sequence[Evaluator],
    metrics: Sequence[str],
    pass_at: float,
    rule: JudgeRule = STANDARD,
    splits: SplitRule | None = None,
) -> tuple[JudgeStanding, ...]:
    """The standing of each of `metrics` that a judge gives, on the agent's production traces, as of now.

    Metrics from code have none and are left out. A score of at least `pass_at` is a pass; `splits` says what belongs
    with what a judge was fitted to.
    """
    found = []
    for metric in dict.fromkeys(metrics):
        judge = judge_of(evaluators, metric)
        if judge is None:
            continue
        if judge.compares_arms:
            found.append(_beside_baseline(metric, judge.version, pass_at, rule))
            continue
        beside = held_against_people(store, agent, judge, metric, pass_at, rule, splits or SplitRule())
        found.append(beside.standing)
    return tuple(found)


def _beside_baseline(metric: str, version: str, pass_at: float, rule: JudgeRule) -> JudgeStanding:
    said = (
        f"{metric} compares with the baseline and scores no trace alone, so labels on production traces say nothing of "
        "it: people's labels on both arms of an experiment decide whether its gain holds."
    )
    return stand(metric, version, [], pass_at, rule).model_copy(update={"reason": said})


def judge_evidence(
    store: "Store",
    config: AgentConfig,
    evaluators: Sequence[Evaluator],
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    groups: Mapping[str, str],
) -> JudgeEvidence | None:
    """What the gate must know of the judge behind the agent's metric; None where the metric comes from code."""
    metric, pass_at, rule = config.improve.metric, config.improve.fail_below, config.gate.judges
    judge = next((e for e in evaluators if e.name == metric and e.source is FeedbackSource.JUDGE), None)
    if judge is None:
        return None
    (found,) = judge_standings(store, config.name, evaluators, [metric], pass_at, rule, config.splits)
    none = Agreement(items=0)
    before, after = (none, none)
    if not judge.compares_arms:
        before, after = arm_agreements(store, config.name, judge, baseline, candidate, pass_at, rule)
    confidence = 1 - 2 * config.gate.level
    return JudgeEvidence(
        standing=found,
        compares_arms=judge.compares_arms,
        before=before if before.items else None,
        after=after if after.items else None,
        corrected=corrected_effect(store, config.name, judge, baseline, candidate, confidence, rule, groups),
    )


def arm_agreements(
    store: "Store",
    agent: str,
    judge: Evaluator,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    pass_at: float,
    rule: JudgeRule = STANDARD,
) -> tuple[Agreement, Agreement]:
    """The judge's agreement with people in each arm of an experiment: a judge may be fair to one arm alone."""
    ratings = _experiment_ratings(store, agent, judge, rule, (*baseline, *candidate))
    arms = ([ratings[run.trace_id] for run in arm if run.trace_id in ratings] for arm in (baseline, candidate))
    before, after = (stand(judge.name, judge.version, found, pass_at, rule).agreement for found in arms)
    return before, after


def corrected_effect(
    store: "Store",
    agent: str,
    judge: Evaluator,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    confidence: float = 0.95,
    rule: JudgeRule = STANDARD,
    groups: Mapping[str, str] = MappingProxyType({}),
) -> PpiEstimate | None:
    """The gain as people would score it, from labels on runs of both arms; None where no pair has labels on both sides.

    A pair is an example with the same repetition in both arms; the mean over its repetitions and over the examples of
    its group (by example id) counts, because copies of a question teach nothing new. A unit is labelled where a pair of
    it is, and its people's and judge's differences then come from labelled pairs alone. Which pairs people label must
    be chosen at random, as `labels_wanted` does. Where the agent itself failed, people's score is 0 as the run's is,
    and nobody need say so.
    """
    ratings = _experiment_ratings(store, agent, judge, rule, (*baseline, *candidate))
    before = {(run.key.example_id, run.key.repetition): run for run in baseline}
    labelled: dict[str, list[tuple[float, float]]] = {}
    unlabelled: dict[str, list[float]] = {}
    for after in candidate:
        earlier = before.get((after.key.example_id, after.key.repetition))
        if earlier is None:
            continue
        old, new = earlier.score(judge.name), after.score(judge.name)
        if old is None or new is None:
            continue
        left, right = _said(ratings, earlier), _said(ratings, after)
        unit = groups.get(after.key.example_id) or after.key.example_id
        seen = any(run.trace_id in ratings for run in (earlier, after))
        if seen and left is not None and right is not None:
            labelled.setdefault(unit, []).append((right - left, new - old))
        else:
            unlabelled.setdefault(unit, []).append(new - old)
    ids = sorted(labelled)
    return corrected_mean(
        [_mean([people for people, _ in labelled[i]]) for i in ids],
        [_mean([judged for _, judged in labelled[i]]) for i in ids],
        [_mean(unlabelled[i]) for i in sorted(unlabelled.keys() - labelled.keys())],
        confidence,
    )


def labels_wanted(baseline: Sequence[Run], candidate: Sequence[Run], pairs: int, seed: str) -> list[str]:
    """Trace ids of `pairs` random examples in both arms, for people to label.

    Shuffled, so that nobody sees which arm a trace is from. The same seed gives the same examples, and more pairs only
    add to them. An example without a trace in both arms cannot be looked at and is not drawn.
    """
    before = {run.key.example_id: run.trace_id for run in baseline if run.key.repetition == 0}
    after = {run.key.example_id: run.trace_id for run in candidate if run.key.repetition == 0}
    both = sorted(i for i in before.keys() & after.keys() if before[i] and after[i])
    drawn = random.Random(seed)  # noqa: S311 - a sample, not a secret
    drawn.shuffle(both)
    found = [trace_id for i in both[:pairs] for trace_id in (before[i], after[i]) if trace_id is not None]
    drawn.shuffle(found)
    return found


def _experiment_ratings(
    store: "Store", agent: str, judge: Evaluator, rule: JudgeRule, runs: Sequence[Run]
) -> dict[str, Rating]:
    scores = None
    if judge.compares_arms:  # it has said nothing of the baseline's traces, and nothing of ties that were plain
        told = ((run.trace_id, run.score(judge.name)) for run in runs)
        scores = {trace_id: score for trace_id, score in told if trace_id is not None and score is not None}
    return store.feedback.ratings(agent, judge.name, judge.version, rule.label_keys, origin="experiment", scores=scores)


def _said(ratings: Mapping[str, Rating], run: Run) -> float | None:
    if run.status is RunStatus.AGENT_FAILURE:
        return 0.0
    rating = ratings.get(run.trace_id or "")
    return None if rating is None else _mean(rating.people)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
