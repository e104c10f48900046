"""Filling queues from the store, and what a reviewer then has before them."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from support.store_samples import judged, trace

from burnish.adapters.store import Store
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Ask, Queue
from burnish.domain.annotation.rules import Feature, InCluster, LowScore, Share, UncertainJudge
from burnish.domain.base import utc_now
from burnish.domain.clustering import summarise
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.proposals import Cluster
from burnish.domain.traces import Span, Trace
from burnish.errors import InputError, NotFoundError
from burnish.loop.context import Workshop
from burnish.loop.night import route_stage
from burnish.loop.report import night_markdown
from burnish.loop.reviewing import desk, judge_share, person_called, queue_agreement
from burnish.loop.route import route
from burnish.project import AgentConfig, ImproveConfig, RepositoryConfig, TargetConfig
from burnish.settings import Settings

ANN, BOB = Person(name="ann"), Person(name="bob")


def young(trace_id: str, days: float = 0.0, **fields: object) -> Trace:
    begun = utc_now() - timedelta(days=days, minutes=1)
    spans = (Span(trace_id=trace_id, span_id="root", name="chat", started_at=begun, ended_at=begun),)
    return Trace(
        trace_id=trace_id, agent="support", source="otlp", name="chat", started_at=begun, input=trace_id, spans=spans,
    ).model_copy(update=fields)  # fmt: skip


def labelled(store: Store, queue: Queue, person: Person, scores: Sequence[float]) -> None:
    for score in scores:
        found = store.queues.take(queue, person)
        assert found is not None
        assert store.queues.give(queue, found.item.id, person, Label(score=score)).accepted


def test_rules_fill_a_queue_once_with_reasons(store: Store) -> None:
    """Low scores and cluster members come in, others and old ones do not; the second time adds nothing."""
    store.traces.add([young("low"), young("fine"), young("member"), young("old", days=9), young("both")])
    store.feedback.add([judged(i, 0.1) for i in ("low", "old", "both")] + [judged("fine", 0.9)])
    store.clusters.save(
        "support", "support/2026-01-31",
        [Cluster(id="c1", agent="support", name="wrong queue", trace_ids=("member", "both"), size=2, night="n")],
    )  # fmt: skip
    queue = Queue(name="desk", labels=2, fill=(LowScore(key="helpful"), InCluster()))
    first = route(store, [queue], "support").queues["desk"]
    assert (4, 3, 3, 0) == (first.looked_at, first.matched, first.added, first.left)
    assert {"helpful under 0.5": 2, "in a failure cluster": 2} == first.reasons
    by_trace = {item.trace_id: item for item in store.queues.list("desk")}
    assert {"low", "member", "both"} == set(by_trace)
    assert (2, ("helpful under 0.5", "in a failure cluster")) == (by_trace["both"].wanted, by_trace["both"].reasons)
    again = route(store, [queue], "support").queues["desk"]
    assert (1, 0, 0) == (again.looked_at, again.matched, again.added)


def test_the_cap_keeps_what_teaches_least_out(store: Store) -> None:
    """What did not come in today is looked at again; agents share a queue fairly."""
    store.traces.add([young(f"t{n}") for n in range(20)])
    store.feedback.add([judged(f"t{n}", 0.5 if n < 10 else 1.0) for n in range(20)])
    rules = (UncertainJudge(key="helpful"), Share(share=1.0, weight=0.001))
    queue = Queue(name="desk", daily_cap=10, fill=rules)
    told = route(store, [queue], "support").queues["desk"]
    assert (20, 10, 10) == (told.matched, told.added, told.left)
    assert 9 <= sum("unsure" in " ".join(item.reasons) for item in store.queues.list("desk"))
    assert 0 == route(store, [queue], "support").queues["desk"].added
    shared = Queue(name="shared", daily_cap=10, fill=rules)
    assert 3 == route(store, [shared], "support", agents=4).queues["shared"].added


def test_metadata_is_read_where_a_rule_asks_for_it(store: Store) -> None:
    """It lies with the whole trace, not in the list."""
    store.traces.add([young("vip", metadata={"plan": "gold"}), young("other", metadata={"plan": "free"})])
    queue = Queue(name="desk", fill=(Feature(metadata={"plan": "gold"}),))
    route(store, [queue, Queue(name="elsewhere", agents=("router",), fill=(Share(share=1),))], "support")
    assert ["vip"] == [item.trace_id for item in store.queues.list("desk")]
    assert [] == store.queues.list("elsewhere")


def test_a_desk_shows_the_trace_and_hides_the_others(store: Store) -> None:
    """The first reviewer's words and the judge's score are not on the second one's desk."""
    store.traces.add([young("t1")])
    store.feedback.add([judged("t1", 0.1)])
    queue = Queue(name="desk", labels=2, fill=(LowScore(key="helpful"),))
    route(store, [queue], "support")
    labelled(store, queue, ANN, [1.0])
    held = store.queues.take(queue, BOB)
    assert held is not None
    found = desk(store, queue, held)
    assert found.trace is not None
    assert ("t1", ()) == (found.trace.trace_id, found.feedback)
    open_queue = queue.model_copy(update={"show_scores": True})
    assert ["helpful"] == [one.key for one in desk(store, open_queue, held).feedback]


def test_agreement_is_of_the_blind_labels(store: Store) -> None:
    """Alpha and AC1 for all, kappa where exactly two people labelled."""
    store.traces.add([young(f"t{n}") for n in range(4)])
    queue = Queue(name="desk", labels=2, ask=Ask(), fill=(Share(share=1),))
    route(store, [queue], "support")
    labelled(store, queue, ANN, [1.0, 1.0, 0.0, 0.0])
    labelled(store, queue, BOB, [1.0, 1.0, 0.0, 1.0])
    found = queue_agreement(store, queue)
    assert found.scores is not None
    assert found.kappa is not None
    assert (("ann", "bob"), 4, 0.75, 0.5) == (
        found.people,
        found.scores.items,
        found.scores.observed,
        found.kappa.kappa,
    )
    labelled(store, queue, Person(name="eve", role=Role.EXPERT), [0.0])
    assert found == queue_agreement(store, queue)


def test_how_often_the_judge_is_right_is_estimated_from_the_labels(store: Store) -> None:
    """Over what the rules bring in, with an interval; the last item of a day only says where the others end."""
    store.traces.add([young(f"t{n}") for n in range(30)])
    judge = [judged(f"t{n}", 1.0) for n in range(30)]
    store.feedback.add(judge)
    queue = Queue(name="desk", fill=(Share(share=1),))
    route(store, [queue], "support")
    assert judge_share(store, queue, "helpful") is None
    labelled(store, queue, ANN, [1.0, 0.0] * 10)
    found = judge_share(store, queue, "helpful")
    assert found is not None
    assert (0.5, 20) == (pytest.approx(found.mean, abs=1e-9), found.labelled)
    assert 0.2 < found.low < found.mean < found.high < 0.8


def test_what_nobody_decides_does_not_end_what_is_known_of_the_judge(store: Store) -> None:
    """A skipped item and one handed on wait and widen the interval; a label without a score says nothing."""
    store.traces.add([young(f"t{n}") for n in range(20)])
    store.feedback.add([judged(f"t{n}", 1.0) for n in range(20)])
    queue = Queue(name="desk", ask=Ask(labels=("unclear",)), fill=(Share(share=1),))
    route(store, [queue], "support")
    for act in (store.queues.skip, store.queues.escalate):
        held = store.queues.take(queue, ANN)
        assert held is not None
        act(queue, held.item.id, ANN, "no idea")
    held = store.queues.take(queue, ANN)
    assert held is not None
    store.queues.give(queue, held.item.id, ANN, Label(value="unclear"))
    labelled(store, queue, ANN, [1.0, 0.0] * 5)
    found = judge_share(store, queue, "helpful")
    assert found is not None
    assert (10, 2) == (found.labelled, found.waiting)
    assert found.low < 0.5 < found.high


def test_a_span_that_a_person_marked_is_part_of_the_failure_summary(store: Store) -> None:
    """What reviewers write goes into what traces are grouped by, with the name of the step."""
    store.traces.add([trace("t1")])
    queue = Queue(name="desk", look_back_days=9999, fill=(Share(share=1),))
    route(store, [queue], "support")
    held = store.queues.take(queue, ANN)
    assert held is not None
    label = Label(score=0.0, comment="asked twice", span_id="call", span_comment="wrong order number")
    store.queues.give(queue, held.item.id, ANN, label)
    text = summarise.text(store.traces.get("t1"), store.feedback.for_trace("t1"))
    assert "review: asked twice" in text
    assert "went wrong at call: wrong order number" in text


def test_names_are_accounts_once_there_are_any(store: Store) -> None:
    """Without accounts everybody is who they say; with them a slip of the pen is not a new reviewer."""
    assert Person(name="ann", role=Role.EXPERT) == person_called(store, "ann", expert=True)
    store.users.add("ann", Role.REVIEWER, None, ("desk",))
    assert Person(name="ann", queues=("desk",)) == person_called(store, "ann")
    with pytest.raises(InputError, match="ann has the role reviewer"):
        person_called(store, "ann", expert=True)
    with pytest.raises(NotFoundError, match="no user 'an'; there are: ann"):
        person_called(store, "an")


def test_feedback_of_the_agents_user_stays_visible(store: Store) -> None:
    """It is part of the case, not somebody else's verdict."""
    store.traces.add([young("t1")])
    store.feedback.add([Feedback(trace_id="t1", key="thumb", source=FeedbackSource.USER, score=0.0)])
    queue = Queue(name="desk", fill=(Share(share=1),))
    route(store, [queue], "support")
    held = store.queues.take(queue, ANN)
    assert held is not None
    assert ["thumb"] == [one.key for one in desk(store, queue, held).feedback]


async def test_a_night_fills_the_queues_of_its_agent_and_reports_it(store: Store, tmp_path: Path) -> None:
    """Booked in the night; started again it adds nothing and still tells what the night added."""
    store.traces.add([young("t1"), young("t2")])
    for name, text in (("agents/support.toml", ""), ("queues.yaml", "- {name: desk, fill: [{kind: share, share: 1}]}")):
        path = tmp_path / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    night = store.nights.begin("support", date(2026, 1, 31))
    config = AgentConfig(
        name="support",
        repository=RepositoryConfig(url="/nowhere"),
        target=TargetConfig(),
        improve=ImproveConfig(metric="helpful"),
    )
    for added in (2, 0):
        workshop = Workshop(Settings(_env_file=None, project=tmp_path), config, store, night.id)
        told = (await route_stage(workshop))["queues"]["desk"]
        await workshop.aclose()
        assert (added, 2) == (told["added"], told["tonight"])
    text = night_markdown(store.nights.get(night.id), None, [], (0, 0.0))
    assert "| desk | 2 | 0 |" in text
