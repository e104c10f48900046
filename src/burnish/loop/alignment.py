"""Measure an agent's judges: beside people on what they were not fitted to, over time, and for what sways them.

No model is asked; a night can afford it. Everything that leaves this module are figures and ids: labels of sealed
traces may be used, because no item can be read from them.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from burnish.domain.agreement import AlignmentState, JudgeRule, JudgeStanding, stand
from burnish.domain.alignment.bias import LengthBias, PositionBias, Sized, length_bias, position_bias
from burnish.domain.alignment.compared import Compared, beside_majority, ceiling
from burnish.domain.alignment.drift import Drift, Match, drift_of
from burnish.domain.alignment.measurement import Alignment
from burnish.domain.alignment.state import with_history
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example, SplitRule
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.evaluators.pairwise import Pairwise
from burnish.domain.feedback import FeedbackSource
from burnish.domain.raters import RaterAgreement
from burnish.domain.similarity import text_of_input
from burnish.domain.splitting import group_keys, resembling
from burnish.domain.trajectories import text_of
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = [
    "HeldAgainst",
    "fitted_and_mates",
    "held_against_people",
    "judge_of",
    "keys_measured",
    "measure_judge",
    "measure_judges",
    "place_bias",
]


class HeldAgainst(NamedTuple):
    """A judge's scores beside people's: where it was not fitted, where it was, and what follows for the gate."""

    held_out: tuple[Compared, ...]
    train: tuple[Compared, ...]
    standing: JudgeStanding
    drift: Drift


def judge_of(evaluators: Sequence[Evaluator], metric: str) -> Evaluator | None:
    """The judge that gives a metric, its own name or one of its criteria; None where a check gives it."""
    by_name = {evaluator.name: evaluator for evaluator in evaluators}
    found = by_name.get(metric) or by_name.get(metric.partition(".")[0])
    return found if found is not None and found.source is FeedbackSource.JUDGE else None


def keys_measured(config: AgentConfig, evaluators: Sequence[Evaluator]) -> list[tuple[Evaluator, str]]:
    """The keys that are held against people: each judge's own, and those of its criteria that the gate reads.

    A judge that compares arms scores no production trace and is left out.
    """
    metrics = (config.improve.metric, *config.gate.guards)
    alone = [one for one in evaluators if not one.compares_arms]
    judges = [(one, one.name) for one in alone if one.source is FeedbackSource.JUDGE]
    criteria = [(one, metric) for metric in metrics if (one := judge_of(alone, metric)) is not None]
    return list({key: (one, key) for one, key in (*judges, *criteria)}.values())


def held_against_people(
    store: "Store",
    agent: str,
    judge: Evaluator,
    metric: str,
    pass_at: float,
    rule: JudgeRule,
    splits: SplitRule,
    now: datetime | None = None,
) -> HeldAgainst:
    """Lay a judge's scores on production traces beside people's.

    What its version, or one before it, was fitted to is kept apart, and what belongs with that (by `splits`: the same
    session or user, nearly the same text) counts on neither side. A judge that is shown corrections is compared only on
    traces without one.
    """
    found = store.feedback.compared(agent, metric, judge.version, rule.label_keys, uncorrected=judge.uses_expected)
    fitted, mates = fitted_and_mates(store, agent, metric, judge.version, found.keys(), splits)
    held_out = tuple(one for trace_id, one in found.items() if trace_id not in fitted | mates)
    standing = stand(metric, judge.version, [one.rating for one in held_out], pass_at, rule)
    graded = standing.agreement.weights == "quadratic"
    drift = drift_of(_matches(held_out, pass_at, graded=graded), rule.drift_level)
    last = store.alignments.latest(agent, metric, state=AlignmentState.ALIGNED)
    whole = with_history(
        standing,
        rule,
        now=now or utc_now(),
        newest_label_at=_newest(held_out),
        drift=drift,
        earlier=None if last is None else last.as_earlier,
        model=_model(judge),
    )
    return HeldAgainst(held_out, tuple(one for trace_id, one in found.items() if trace_id in fitted), whole, drift)


def measure_judges(
    store: "Store",
    config: AgentConfig,
    evaluators: Sequence[Evaluator],
    judges: Collection[str] | None = None,
    now: datetime | None = None,
) -> tuple[Alignment, ...]:
    """Measure the agent's judges, or those named, and keep what was found."""
    measured = []
    for judge, metric in keys_measured(config, evaluators):
        if judges is None or metric in judges:
            measured.append(measure_judge(store, config, judge, metric, now))
            store.alignments.add(measured[-1])
    return tuple(measured)


def measure_judge(
    store: "Store", config: AgentConfig, judge: Evaluator, metric: str | None = None, now: datetime | None = None
) -> Alignment:
    """Measure the present version of one judge beside people. Nothing is kept."""
    key, now = metric or judge.name, now or utc_now()
    pass_at, rule = config.improve.fail_below, config.gate.judges
    beside = held_against_people(store, config.name, judge, key, pass_at, rule, config.splits, now)
    train = stand(key, judge.version, [one.rating for one in beside.train], pass_at, rule).agreement
    return Alignment(
        agent=config.name,
        judge=key,
        version=judge.version,
        model=_model(judge),
        measured_at=now,
        held_out=beside.standing.agreement,
        raters=_where_any(beside_majority((one.rating for one in beside.held_out), pass_at)),
        train=train if train.items else None,
        ceiling=_where_any(ceiling((one.blind for one in beside.held_out), pass_at)),
        pass_at=pass_at,
        split=beside.standing.split,
        newest_label_at=_newest(beside.held_out),
        drift=beside.drift,
        length=_length(store, beside.held_out, pass_at),
        position=place_bias(store, config.name, judge, key),
        state=beside.standing.state or AlignmentState.UNALIGNED,
        reason=beside.standing.reason,
    )


def fitted_and_mates(
    store: "Store", agent: str, metric: str, version: str, trace_ids: Collection[str], splits: SplitRule
) -> tuple[frozenset[str], frozenset[str]]:
    """Those of the traces whose labels say nothing of a judge's version: what it was fitted to, and what is like that.

    A criterion was fitted to what its judge was fitted to.
    """
    names = {metric, metric.partition(".")[0]}
    fitted = frozenset[str]().union(*(store.alignments.fitted_on(agent, name, version) for name in names))
    others = set(trace_ids) - fitted
    return fitted.intersection(trace_ids), frozenset(_mates(store, others, fitted, splits))


def _mates(store: "Store", others: Collection[str], fitted: Collection[str], rule: SplitRule) -> set[str]:
    """Those of the others that say nearly what a trace the judge was fitted to says, or are of its session or user."""
    if not fitted or not others:
        return set()
    known = [Example.of_trace(trace) for trace in store.traces.heads(sorted(fitted))]
    asked = [Example.of_trace(trace) for trace in store.traces.heads(sorted(others))]
    keys = {key for one in known for key in group_keys(one, rule)}
    found = {one.trace_id for one in asked if not keys.isdisjoint(group_keys(one, rule))}
    if "text" in rule.group_by:
        texts = [text_of_input(one.input) for one in asked]
        alike = resembling(texts, [text_of_input(one.input) for one in known], rule.near_duplicate)
        found |= {asked[number].trace_id for number in alike}
    return {trace_id for trace_id in found if trace_id is not None}


def _decided(compared: Iterable[Compared], pass_at: float) -> list[tuple[Compared, bool]]:
    """What the majority of people say of each; a tie says nothing."""
    said = ((one, one.rating.passed(pass_at)) for one in compared)
    return [(one, passed) for one, passed in said if passed is not None]


def _matches(compared: Sequence[Compared], pass_at: float, *, graded: bool) -> list[Match]:
    if graded:
        # Scores of other systems may lie on another scale, and wrong is no more than wrong.
        right = [(one, max(0.0, 1 - (one.rating.judge - _mean(one.rating.people)) ** 2)) for one in compared]
    else:
        right = [(one, float((one.rating.judge >= pass_at) == passes)) for one, passes in _decided(compared, pass_at)]
    return [Match(one.started_at, one.labelled_at, share, one.session or one.trace_id) for one, share in right]


def _where_any(found: RaterAgreement) -> RaterAgreement | None:
    return found if found.items else None


def _length(store: "Store", compared: Sequence[Compared], pass_at: float) -> LengthBias | None:
    if not compared:
        return None
    ids = [one.trace_id for one in compared]
    lengths = {trace.trace_id: len(text_of(trace.output)) for trace in store.traces.heads(ids)}
    graded = any(score not in (0.0, 1.0) for one in compared for score in one.rating.people)
    items = [
        Sized(one.rating.judge, _mean(one.rating.people) if graded else float(passes), lengths[one.trace_id])
        for one, passes in _decided(compared, pass_at)
        if one.trace_id in lengths
    ]
    return length_bias(items, pass_at)


def place_bias(store: "Store", agent: str, judge: Evaluator, key: str) -> PositionBias | None:
    """What the place of an answer does to a judge of pairs, over all it was asked; None of others, or of too few."""
    return position_bias(store.feedback.orders(agent, key, judge.version)) if isinstance(judge, Pairwise) else None


def _newest(compared: Sequence[Compared]) -> datetime | None:
    return max((one.labelled_at for one in compared), default=None)


def _model(judge: Evaluator) -> str | None:
    found = getattr(judge, "model", None)  # a field of the kinds that ask one model
    return found if isinstance(found, str) else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
