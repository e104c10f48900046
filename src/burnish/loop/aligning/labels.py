"""The labels of a judge: what people said of traces that it scored, on which side each stands, and what is missing.

The only part of improving a judge that reads sealed traces. What it hands on of them is a verdict: their record is left
empty, so that nothing of a held-out example can get into a judge's prompt.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from burnish.domain.agreement import JudgeRule, majority
from burnish.domain.alignment.compared import blind, ceiling, counting
from burnish.domain.alignment.dividing import divide
from burnish.domain.alignment.labelled import Labelled
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.evaluators.judge import Judge
from burnish.domain.feedback import PEOPLE, Feedback, FeedbackSource
from burnish.domain.raters import RaterAgreement
from burnish.domain.similarity import text_of_input
from burnish.domain.traces import Trace
from burnish.domain.trajectories import render
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import OpenStore, Store

__all__ = ["ceiling_of", "labels_of", "sealed_among", "unjudged"]

_LAST = "~"  # sorts behind every night


def unjudged(store: "Store", config: AgentConfig, judge: Judge) -> list[str]:
    """The agent's production traces that people scored for this judge and that its present version has not judged.

    Only as many as make up, with those it has judged, what an attempt takes of both sides: more would be paid for and
    not used.
    """
    keys = (judge.name, *config.gate.judges.label_keys)
    said = store.feedback.for_traces(sorted(store.feedback.heard(config.name)))
    labelled = [trace_id for trace_id, items in said.items() if any(_is_label(item, keys) for item in items)]
    done = store.feedback.done(judge.name, judge.version, labelled)
    rule = config.align
    enough = math.ceil(max(rule.train_limit / (1 - rule.held_out), rule.held_out_limit / rule.held_out))
    return sorted(set(labelled) - done)[: max(0, enough - len(done))]


def labels_of(
    store: "Store",
    opened: "OpenStore",
    config: AgentConfig,
    judge: Judge,
    fixed: Mapping[str, Split] | None = None,
) -> tuple[Labelled, ...]:
    """The labels of this version of the judge, oldest first, by the rules of `FeedbackStore.ratings`; ties left out.

    `fixed` are sides that labels took in earlier attempts.
    """
    rule, agent, pass_at = config.gate.judges, config.name, config.improve.fail_below
    ratings = store.feedback.ratings(agent, judge.name, judge.version, rule.label_keys, uncorrected=judge.uses_expected)
    passed = {one: most for one, rating in ratings.items() if (most := rating.passed(pass_at)) is not None}
    said = store.feedback.for_traces(list(passed))
    given = {one: counting(_labels(items, judge.name, rule), judge.name) for one, items in said.items()}
    order = sorted(given, key=lambda one: (min(item.created_at for item in given[one]), one))
    traces = {trace.trace_id: trace for trace in store.traces.load(order)}
    order = [one for one in order if one in traces]
    sealed = _sealed(opened, config, [traces[one] for one in order])
    examples = [Example.of_trace(traces[one]) for one in order]
    sides = divide(examples, config.splits, config.align.held_out, fixed=fixed, sealed=sealed)
    clusters = {
        one: cluster.id for cluster in opened.clusters.previous(agent, f"{agent}/{_LAST}") for one in cluster.trace_ids
    }
    found = []
    for one in order:
        verdict = _verdict_of(said[one], judge, judge.name)
        people = ratings[one].people
        by_criterion = {} if one in sealed else _criteria(said[one], judge, pass_at)
        found.append(
            Labelled(
                trace_id=one,
                passes=passed[one],
                people=people,
                judge=_graded(judge, verdict, ratings[one].judge),
                said=ratings[one].judge >= pass_at,
                group=sides[one].group,
                split=sides[one].split,
                sealed=one in sealed,
                record="" if one in sealed else render(traces[one], judge.limit),
                text="" if one in sealed else text_of_input(traces[one].input),
                criteria=by_criterion,
                differs=_differing(by_criterion, said[one], judge, pass_at),
                comment="" if one in sealed else _comment(given[one], passed[one], pass_at),
                reason="" if one in sealed or verdict is None else verdict.comment or "",
                cluster=clusters.get(one, ""),
                labelled_at=min(item.created_at for item in given[one]),
            )
        )
    return tuple(found)


def ceiling_of(
    store: "Store", trace_ids: Sequence[str], judge: str, rule: JudgeRule, pass_at: float
) -> RaterAgreement | None:
    """How far people agree with each other on these traces, before anybody decided between them; pass or fail.

    None where no two people labelled one.
    """
    said = store.feedback.for_traces(list(trace_ids)).values()
    spoken = (blind(_labels(items, judge, rule), judge) for items in said)
    found = ceiling(([one.score for one in items if one.score is not None] for items in spoken), pass_at)
    return found if found.items else None


def sealed_among(store: "Store", opened: "OpenStore", config: AgentConfig, trace_ids: Sequence[str]) -> frozenset[str]:
    """Those of the traces that are, or would give away, held-out examples of the agent; and those that are gone."""
    traces = list(store.traces.load(list(trace_ids)))
    gone = set(trace_ids) - {trace.trace_id for trace in traces}
    return frozenset(_sealed(opened, config, traces) | gone)


def _sealed(opened: "OpenStore", config: AgentConfig, traces: Sequence[Trace]) -> set[str]:
    """Traces behind a held-out example of the agent's dataset, with the input of one, or that would give one away."""
    visible = opened.traces.visible([trace.trace_id for trace in traces])
    hidden = opened.datasets.hidden(config.name, DATASET, traces, config.splits)
    return {trace.trace_id for trace in traces if trace.trace_id not in visible} | hidden


def _is_label(item: Feedback, keys: Sequence[str]) -> bool:
    return item.source in PEOPLE and item.score is not None and item.span_id is None and item.key in keys


def _labels(items: Sequence[Feedback], judge: str, rule: JudgeRule) -> list[Feedback]:
    return [item for item in items if _is_label(item, (judge, *rule.label_keys))]


def _comment(labels: Sequence[Feedback], passes: bool, pass_at: float) -> str:
    """What somebody said who voted as the majority did; the longest says most."""
    said = [item.comment for item in labels if item.comment and ((item.score or 0.0) >= pass_at) is passes]
    return max(said, key=len, default="")


def _criteria(items: Sequence[Feedback], judge: Judge, pass_at: float) -> dict[str, bool]:
    """What the majority of people say of each criterion that they labelled by itself; a tie says nothing."""
    found = {}
    for name in judge.criteria:
        key = f"{judge.name}.{name}"
        labels = counting([item for item in items if _is_label(item, (key,))], key)
        passed = majority([item.score for item in labels if item.score is not None], pass_at)
        if passed is not None:
            found[name] = passed
    return found


def _differing(people: Mapping[str, bool], items: Sequence[Feedback], judge: Judge, pass_at: float) -> tuple[str, ...]:
    """The criteria on which the judge said otherwise than people."""
    said = {name: _verdict_of(items, judge, f"{judge.name}.{name}") for name in people}
    scores = {name: one.score for name, one in said.items() if one is not None and one.score is not None}
    return tuple(name for name, score in scores.items() if (score >= pass_at) is not people[name])


def _verdict_of(items: Sequence[Feedback], judge: Judge, key: str) -> Feedback | None:
    mine = [
        item for item in items if (item.source, item.key, item.version) == (FeedbackSource.JUDGE, key, judge.version)
    ]
    return mine[-1] if mine else None


def _graded(judge: Judge, verdict: Feedback | None, score: float) -> float:
    """The judge's grade on 0 to 1, also where `pass_at` has made a pass or failure of it."""
    if judge.pass_at is None or judge.scale is None or verdict is None or not str(verdict.value).isdigit():
        return score
    return (int(str(verdict.value)) - 1) / (judge.scale - 1)
