"""Queues as values: what rules bring in, in which order, what is asked, and files that say so."""

import math
import random
import statistics
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.store_samples import START, judged
from yaml import safe_load

from burnish.domain.annotation.labels import GivenLabel, Label, visible_feedback
from burnish.domain.annotation.order import Drawn, estimate, ranked
from burnish.domain.annotation.queues import Ask, Queue
from burnish.domain.annotation.rules import (
    Candidate,
    Conflict,
    Feature,
    InCluster,
    LowScore,
    Panel,
    Rule,
    Share,
    ThumbsDown,
    UncertainJudge,
)
from burnish.domain.annotation.specs import json_schema, load_queue, load_queues
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceSummary
from burnish.domain.traces import SpanStatus
from burnish.errors import ConfigError, NotFoundError


def candidate(
    *feedback: Feedback,
    trace_id: str = "t1",
    clusters: dict[str, str] | None = None,
    metadata: dict[str, Any] | None = None,
    **fields: Any,
) -> Candidate:
    defaults: dict[str, Any] = {
        "agent": "support", "source": "otlp", "name": "chat", "latency_s": 2.0, "status": SpanStatus.OK,
        "status_message": None, "session_id": None, "user_id": None, "environment": "prod", "prompt_version": None,
        "spans": 3, "tokens": 10, "cost_usd": None, "input_preview": "Refund please", "output_preview": "no",
    }  # fmt: skip
    summary = TraceSummary(trace_id=trace_id, started_at=START, **(defaults | fields))
    return Candidate(summary, feedback, clusters or {}, metadata or {})


def user(score: float | None = None, value: str | bool | None = None) -> Feedback:
    return Feedback(trace_id="t1", key="thumb", source=FeedbackSource.USER, score=score, value=value)


def panel(name: str, *scores: float) -> list[Feedback]:
    """What a panel of so many judges leaves on a trace."""
    apart = max(scores) - min(scores)
    sure = judged("t1", apart, f"{name}.disagreement").model_copy(update={"value": "disagree" if apart else "agree"})
    members = [judged("t1", score, f"{name}.judge{number}") for number, score in enumerate(scores)]
    return [judged("t1", sum(scores) / len(scores), name), sure, *members]


HELPFUL = judged("t1", 1.0)
BAD = judged("t1", 0.0)


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        (LowScore(key="helpful"), candidate(judged("t1", 0.4)), candidate(HELPFUL)),
        (
            LowScore(key="helpful"),
            candidate(HELPFUL, judged("t1", 0.0, after=9)),
            candidate(BAD, judged("t1", 1.0, after=9)),
        ),
        (LowScore(key="helpful"), candidate(BAD), candidate(BAD.model_copy(update={"span_id": "call"}))),
        (Conflict(), candidate(HELPFUL, judged("t1", 0.0, "safe")), candidate(HELPFUL, judged("t1", 1.0, "safe"))),
        (Conflict(), candidate(HELPFUL, user(0.0)), candidate(HELPFUL, user(1.0))),
        (
            Conflict(keys=("helpful", "s*")),
            candidate(HELPFUL, judged("t1", 0.0, "safe")),
            candidate(HELPFUL, user(0.0)),
        ),
        (ThumbsDown(), candidate(user(0.0)), candidate(user(1.0), BAD)),
        (ThumbsDown(), candidate(user(value=False)), candidate(user(value=True))),
        (ThumbsDown(), candidate(user(value=" Down ")), candidate(user(value="up"))),
        (InCluster(), candidate(clusters={"abcdefgh": "wrong queue"}), candidate()),
        (
            InCluster(names=("wrong*",)),
            candidate(clusters={"abcdefgh": "wrong queue"}),
            candidate(clusters={"b": "other"}),
        ),
        (
            InCluster(names=("abcdef",)),
            candidate(clusters={"abcdefgh": "wrong queue"}),
            candidate(clusters={"b": "other"}),
        ),
        (Feature(environment="prod", min_latency_s=1), candidate(), candidate(environment="test")),
        (Feature(text="refund"), candidate(), candidate(input_preview="hello")),
        (Feature(metadata={"vip": True}), candidate(metadata={"vip": True}), candidate(metadata={"vip": False})),
        (Feature(min_latency_s=1), candidate(), candidate(latency_s=None)),
        (UncertainJudge(key="helpful"), candidate(judged("t1", 0.7)), candidate(judged("t1", 0.75))),
        (UncertainJudge(key="helpful"), candidate(HELPFUL, judged("t1", 0.0, version="v2")), candidate(HELPFUL)),
        (UncertainJudge(key="helpful"), candidate(judged("t1", 0.5)), candidate(user(0.5))),
        (
            Panel(keys=("a", "b")),
            candidate(judged("t1", 1.0, "a"), judged("t1", 0.5, "b")),
            candidate(judged("t1", 1.0, "a")),
        ),
        (Panel(keys=("p/*",)), candidate(judged("t1", 1.0, "p/x"), judged("t1", 0.0, "p/y")), candidate(HELPFUL, BAD)),
        (Panel(keys=("p.*",)), candidate(*panel("p", 1.0, 0.0)), candidate(*panel("p", 1.0, 1.0))),
        (Panel(keys=("p",)), candidate(*panel("p", 1.0, 0.0)), candidate(*panel("p", 1.0, 1.0))),
        (Conflict(), candidate(*panel("p", 1.0, 0.0)), candidate(*panel("p", 1.0, 1.0))),
        (Share(share=1.0, key="helpful"), candidate(HELPFUL), candidate(BAD)),
    ],
)
def test_a_rule_brings_in_what_it_says(rule: Rule, inside: Candidate, outside: Candidate) -> None:
    """One trace that it takes, and one that only looks like it."""
    assert rule.matches(inside)
    assert not rule.matches(outside)
    assert rule.reason


def test_a_share_is_a_share_and_always_the_same_one() -> None:
    """Drawn by a hash: near enough to what was asked, and the same traces the next night."""
    everything = [candidate(trace_id=f"trace {number}") for number in range(4000)]
    drawn = [one for one in everything if Share(share=0.1).matches(one)]
    assert 320 < len(drawn) < 480
    assert drawn == [one for one in everything if Share(share=0.1).matches(one)]


def test_what_teaches_more_comes_earlier_and_nothing_is_shut_out() -> None:
    """Four times the weight: about four times as many of the first ones, and some of the light ones among them."""
    doubt, rest = {"min_spans": 9}, {"min_tokens": 1}
    rules = (Feature(weight=1.0, **doubt), Feature(weight=0.25, **rest))
    everything = [candidate(trace_id=f"t{n}", spans=9 if n % 2 else 1) for n in range(2000)]
    first = ranked("q", everything, rules, {})[:200]
    heavy = sum(one.weight == 1.0 for one in first)
    assert 140 < heavy < 180
    assert [one.candidate for one in ranked("q", everything[::-1], rules, {})[:200]] == [one.candidate for one in first]
    plain = ranked("q", everything, rules, {}, teach=False)[:200]
    assert 80 < sum(one.candidate.summary.spans == 9 for one in plain) < 120


def test_one_big_cluster_does_not_fill_the_queue() -> None:
    """What is covered weighs less, also by items that stand in the queue already; never less than half."""
    rules = (InCluster(),)
    big = [candidate(trace_id=f"b{n}", clusters={"big": "big"}) for n in range(5)]
    small = candidate(trace_id="s", clusters={"small": "small"})
    weights = {one.candidate.summary.trace_id: one.weight for one in ranked("q", [*big, small], rules, {})}
    assert (0.5, [0.25] * 4 + [0.5]) == (weights.pop("s"), sorted(weights.values()))
    assert {0.25} == {one.weight for one in ranked("q", big, rules, {"big": 3})}


def test_a_leaning_order_still_tells_the_truth_about_all() -> None:
    """Weighted by its chance, what was labelled first estimates the whole; counted plainly it is far off."""
    rng = random.Random(3)
    truth, off, plain, inside = 0.7, [], [], 0
    for _ in range(300):
        items = []
        for number in range(400):
            heavy = number % 3 == 0
            right = rng.random() < (0.3 if heavy else 0.9)
            weight = 1.0 if heavy else 0.25
            items.append(
                Drawn(weight, rng.expovariate(1.0) / weight, float(right), "today" if number % 2 else "before")
            )
        items.sort(key=lambda one: one.rank)
        cut = [one if number < 100 else one._replace(value=None) for number, one in enumerate(items)]
        found = estimate(cut)
        assert found is not None
        off.append(found.mean - truth)
        plain.append(statistics.mean(one.value for one in cut[:100] if one.value is not None) - truth)
        inside += found.low <= statistics.mean(one.value for one in items if one.value is not None) <= found.high
    assert abs(statistics.mean(off)) < 0.01
    assert statistics.mean(plain) < -0.15
    assert inside / 300 > 0.9


def test_an_estimate_stops_at_the_first_item_without_a_label() -> None:
    """Labels picked out of their turn say nothing of the others; with one label there is nothing to say."""
    ranks = [Drawn(1.0, float(n), 1.0 if n != 2 else None) for n in range(6)]
    found = estimate(ranks)
    assert found is not None
    assert 2 == found.labelled
    assert estimate(ranks[:2]) is None
    assert estimate([]) is None


def test_an_item_that_waits_for_a_decision_stops_no_estimate() -> None:
    """What was met and is open widens the interval to what it may turn out to be; the mean is of what is decided."""
    decided = [Drawn(1.0, float(n), n % 2, met=True) for n in range(9)]
    without = estimate([one for number, one in enumerate(decided) if number != 2])
    waiting = estimate([one if number != 2 else one._replace(value=None) for number, one in enumerate(decided)])
    assert without is not None
    assert waiting is not None
    assert (7, 0, 7, 1) == (without.labelled, without.waiting, waiting.labelled, waiting.waiting)
    assert without.mean == pytest.approx(waiting.mean)
    ends = [estimate([one if number != 2 else one._replace(value=end) for number, one in enumerate(decided)])
            for end in (0.0, 1.0)]  # fmt: skip
    assert [waiting.low, waiting.high] == [ends[0] and ends[0].low, ends[1] and ends[1].high]
    assert estimate([one._replace(value=None) for one in decided]) is None


def test_other_people_are_hidden_until_the_item_is_decided() -> None:
    """A reviewer sees the agent's user and themself; an expert who decides sees everybody."""
    ann, bob = (
        Feedback(trace_id="t1", key="review", source=FeedbackSource.HUMAN, author=n, score=1.0) for n in ("ann", "bob")
    )
    said = [HELPFUL, user(0.0), ann, bob]
    assert [user(0.0).key, "review"] == [
        one.key for one in visible_feedback(said, "ann", settled=False, show_scores=False)
    ]
    assert 3 == len(visible_feedback(said, "ann", settled=False))
    assert 3 == len(visible_feedback(said, "eve", settled=False, show_scores=False, adjudicates=True))
    assert said == visible_feedback(said, "eve", settled=True, show_scores=False)


@pytest.mark.parametrize(
    ("ask", "labels", "disputed"),
    [
        (Ask(), [Label(score=1.0), Label(score=1.0)], False),
        (Ask(), [Label(score=1.0), Label(score=0.0)], True),
        (Ask(scale=5), [Label(score=0.75), Label(score=1.0)], False),
        (Ask(scale=5), [Label(score=0.25), Label(score=0.5)], True),
        (Ask(scale=5), [Label(score=0.5), Label(score=1.0)], True),
        (Ask(scale=0, labels=("a", "b")), [Label(value="a"), Label(value="b")], True),
        (Ask(), [Label(score=1.0, correction="x"), Label(score=1.0, correction="y")], False),
    ],
)
def test_what_is_a_dispute(ask: Ask, labels: list[Label], disputed: bool) -> None:
    """Pass against fail, grades more than a step apart, different words; not two wordings of a correction."""
    given = [
        GivenLabel(person=str(n), kind="label", label=one, started_at=START, given_at=START)
        for n, one in enumerate(labels)
    ]
    assert disputed is Queue(name="q", labels=2, ask=ask).disputed(given)
    assert not Queue(name="q", labels=2, ask=ask, adjudicate=False).disputed(given)


GOOD = """
- name: desk
  agents: [support]
  rubric: tone
  labels: 2
  ask: {scale: 5, labels: [billing, other], correction: edit}
  fill:
    - {kind: low_score, key: helpful, below: 0.3}
    - {kind: share, share: 0.05}
- name: all
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("agents", "rubrics"):
        (tmp_path / "config" / folder).mkdir(parents=True)
    (tmp_path / "config/agents/support.toml").write_text("")
    (tmp_path / "config/rubrics/tone.yaml").write_text("rubric: Be kind.")
    (tmp_path / "config/queues.yaml").write_text(GOOD)
    return tmp_path


def test_queues_are_read_with_their_rubric(project: Path) -> None:
    """Those of one agent are its own and those for all."""
    desk, everybody = load_queues(project, "support")
    assert desk.instructions is not None
    assert ("Be kind.", 5, LowScore(key="helpful", below=0.3)) == (
        desk.instructions.rubric,
        desk.ask.scale,
        desk.fill[0],
    )
    assert [everybody] == load_queues(project, "router")
    with pytest.raises(NotFoundError, match=r"no queue 'dsk' in config/queues.yaml; did you mean 'desk'"):
        load_queue(project, "dsk")
    (project / "config/queues.yaml").unlink()
    assert [] == load_queues(project)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- name: desk\n  labls: 2", r"queue 1 \('desk'\): unknown key 'labls'; did you mean 'labels'"),
        ("- name: desk\n  ask: {scal: 2}", "unknown key 'ask.scal'; did you mean 'scale'"),
        ("- name: desk\n  fill: [{kind: low_scor, key: x}]", "no rule of kind 'low_scor'; did you mean 'low_score'"),
        ("- name: desk\n  fill: [{key: x}]", "no rule of kind 'None'; there are: low_score, conflict"),
        ("- name: desk\n  fill: [{kind: low_score, ky: x}]", "unknown key 'fill.0.low_score.ky'; did you mean 'key'"),
        ("- name: desk\n  agents: [suport]", "no agent 'suport' in config/agents; did you mean 'support'"),
        ("- name: desk\n  rubric: tones", "no rubric 'tones': .*; did you mean 'tone'"),
        ("- name: desk\n- name: desk", "the name 'desk' is taken"),
        ("- name: desk\n  ask: {scale: 1}", "scale 1 leaves nothing to choose"),
        ("- name: desk\n  ask: {scale: 0, required: [score]}", "required names score, which is not asked for"),
        ("- name: desk\n  instructions: x", "unknown key 'instructions'; did you mean 'rubric'"),
        ("name: desk", "this is a list of queues"),
        ("- [", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_explained(project: Path, text: str, message: str) -> None:
    """Where it is, what is wrong, and the nearest right word."""
    (project / "config/queues.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_queues(project)


def test_the_schema_for_editors_takes_what_burnish_takes() -> None:
    """A good file is valid under it, a wrong key is not."""
    schema = Draft202012Validator(json_schema())
    assert schema.is_valid(safe_load(GOOD))
    assert not schema.is_valid([{"name": "desk", "labls": 2}])
    assert not schema.is_valid([{"name": "desk", "fill": [{"key": "helpful"}]}])
    assert math.isclose(1.0, sum(1 for _ in schema.iter_errors([{"title": "no name"}])))
