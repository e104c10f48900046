"""What is too old goes with all that hangs on it; examples, seals and open proposals do not suffer."""

import datetime as dt
from typing import Any

import pytest
from support.reviewing import items
from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.adapters.store.sealed import HeldOut
from burnish.domain.annotation.items import QueueItem
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import Json, content_hash
from burnish.domain.chat import ChatReply, PaidReply
from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.feedback import EvaluatorFailure
from burnish.domain.listing import TraceQuery
from burnish.domain.proposals import Cluster, Edit, Proposal, ProposalStatus
from burnish.domain.retention import Pruned, PruneRule
from burnish.domain.traces import Usage

CUT = START + dt.timedelta(days=1)
LATER = 2 * 86_400.0


def _rule(**fields: object) -> PruneRule:
    return PruneRule(before=CUT, **fields)  # type: ignore[arg-type]


def _traces(store: Store) -> list[str]:
    return sorted(store.traces.ids(TraceQuery(origin="any")))


def test_old_traces_go_with_what_was_said_of_them(store: Store) -> None:
    """Spans, payloads, scores and failures go too; what is newer, or another agent's, stays. Twice changes nothing."""
    store.traces.add([trace("old"), trace("new", after=LATER), trace("other", agent="desk")])
    store.feedback.add([judged("old", 0.1), judged("new", 0.2)])
    store.feedback.add_failures(
        [EvaluatorFailure(trace_id="old", evaluator="e", version="1", error="E", message="m", created_at=START)]
    )
    rule = _rule(agent="support")
    would = store.retention.count(rule)
    told: list[Pruned] = []
    gone = store.retention.prune(rule, told.append)
    assert ["new", "other"] == _traces(store)
    assert (1, 2, 1, 1, 0) == (gone.traces, gone.spans, gone.feedback, gone.failures, gone.kept)
    assert (would.traces, would.spans, would.feedback) == (gone.traces, gone.spans, gone.feedback)
    assert told[-1].traces == 1
    assert ([], []) == (store.feedback.for_trace("old"), store.feedback.failures(["old"])["old"])
    assert [0.2] == [item.score for item in store.feedback.for_trace("new")]
    assert Pruned() == store.retention.prune(rule)


@pytest.mark.parametrize(
    ("named", "gone"),
    [
        ({"user_id": "ana"}, {"a1", "a2"}),
        ({"user_id": "ana", "session_id": "s1"}, {"a1"}),
        ({"trace_ids": ("b1", "nowhere")}, {"b1"}),
        ({"user_id": "ana", "before": CUT}, {"a1"}),
    ],
)
def test_a_users_traces_go_whatever_their_age(store: Store, named: dict[str, Any], gone: set[str]) -> None:
    """A user who asks to be forgotten, a session or a trace: it goes with what was said of it, and nothing else."""
    whose = {"a1": ("ana", "s1", 0.0), "a2": ("ana", "s2", LATER), "b1": ("bob", "s1", 0.0)}
    store.traces.add(
        trace(one, after=after).model_copy(update={"user_id": user, "session_id": session})
        for one, (user, session, after) in whose.items()
    )
    store.feedback.add([judged(one, 0.5) for one in (*whose, "unread")])
    store.clusters.save(
        "support", "support/2020-01-01", [Cluster(id="c", agent="support", name="n", trace_ids=tuple(whose), size=3)]
    )
    rule = PruneRule(**named)
    would, did = store.retention.count(rule), store.retention.prune(rule)
    assert (len(gone), len(gone)) == (would.traces, would.feedback) == (did.traces, did.feedback)
    assert sorted(whose.keys() - gone) == _traces(store)
    left = store.feedback.for_traces([*whose, "unread"])
    assert gone == {one for one, items in left.items() if not items}
    (cluster,) = store.clusters.list(agent="support")
    assert whose.keys() - gone == set(cluster.trace_ids)


def test_a_rule_that_names_nothing_is_refused() -> None:
    """No slip of the hand deletes everything."""
    with pytest.raises(ValueError, match="say what goes"):
        PruneRule(agent="support")


def test_what_reviewers_said_of_old_traces_goes_too(store: Store) -> None:
    """An item whose trace is gone is offered to nobody, and no label of it is left; newer items keep theirs."""
    queue = Queue(name="desk", key="review", labels=2)
    store.traces.add([trace("t0"), trace("t1", after=LATER)])
    store.queues.fill(queue, items(queue, 2))
    ann = Person(name="ann")
    for one in store.queues.list("desk"):
        assert store.queues.give(queue, one.id, ann, Label(score=0.0, comment=f"what {one.trace_id} says")).accepted
    store.retention.prune(_rule())
    assert ["t1"] == [one.trace_id for one in store.queues.list("desk")]
    assert [["what t1 says"]] == [
        [given.label.comment for given in labels]
        for labels in store.queues.labels([QueueItem.id_for("desk", one) for one in ("t0", "t1")]).values()
        if labels
    ]
    held = store.queues.take(queue, Person(name="bob"))
    assert held is not None
    assert held.item.trace_id == "t1"


def test_everything_old_goes_in_batches(store: Store) -> None:
    """More traces than one batch holds, among them cited ones, go in several, each of them told."""
    store.traces.add([trace(f"t{number:04d}", after=number / 10) for number in range(1_100)])
    _example(store, "t0003")
    told: list[int] = []
    gone = store.retention.prune(_rule(), lambda so_far: told.append(so_far.traces))
    assert (1_099, 1) == (gone.traces, gone.kept)
    assert [499, 999, 1_099] == told
    assert ["t0003"] == _traces(store)


def _example(store: Store, trace_id: str, text: Json = "question") -> Example:
    found = Example(id=f"example of {trace_id}", input=text, expected="e", trace_id=trace_id)
    store.datasets.place("support", "main", [found], SplitRule())
    return found


def _proposal(store: Store, name: str, cites: str, status: ProposalStatus) -> None:
    made = Proposal(
        id=name,
        agent="support",
        night="support/2026-02-01",
        base_commit="a",
        title="t",
        rationale="r",
        edits=(Edit(path="p", search="s", replace=name),),
        evidence_trace_ids=(cites,),
        created_at=START,
    )
    store.proposals.add([made])
    store.proposals.set_status(name, status, "")


def test_what_is_cited_stays_until_all_is_asked_for(store: Store) -> None:
    """Examples and open proposals keep their traces; a refused proposal does not; the example outlives its trace."""
    store.traces.add([trace(name) for name in ("behind", "open", "refused", "plain")])
    example = _example(store, "behind")
    _proposal(store, "p1", "open", ProposalStatus.INCONCLUSIVE)
    _proposal(store, "p2", "refused", ProposalStatus.REFUSED)
    would = store.retention.count(_rule())
    assert (2, 4, 2) == (would.traces, would.spans, would.kept)
    assert 2 == store.retention.prune(_rule()).kept
    assert ["behind", "open"] == _traces(store)
    store.retention.prune(_rule(cited=True))
    assert [] == _traces(store)
    splits = [one for split in (Split.TRAIN, Split.DEV) for one in store.datasets.examples("support", "main", split)]
    assert [example.id] == [one.id for one in [*splits, *HeldOut(store, "support", "main").examples()]]


def test_a_sealed_input_stays_sealed(store: Store) -> None:
    """When the trace behind a held-out example is gone, a new trace with its input is still not visible."""
    texts = [content_hash("question", number, length=64) for number in range(40)]  # no two are near-duplicates
    traces = [trace(f"t{number}", input=text) for number, text in enumerate(texts)]
    store.traces.add(traces)
    store.datasets.place("support", "main", [Example.of_trace(one, "x", "e") for one in traces], SplitRule())
    sealed = HeldOut(store, "support", "main").examples()[0]
    before = store.datasets.groups("support", "main")
    store.retention.prune(_rule(cited=True))
    store.traces.add([trace("again", input=sealed.input, after=LATER)])
    assert [] == store.traces.ids(TraceQuery(agent="support", visible=True))
    assert before == store.datasets.groups("support", "main")
    assert sealed in HeldOut(store, "support", "main").examples()


def test_clusters_of_old_nights_go_and_the_newest_stays(store: Store) -> None:
    """A later night takes identities from the newest; of it, members that are gone are forgotten."""
    store.traces.add([trace("old"), trace("new", after=LATER)])
    for night in ("support/2026-01-20", "support/2026-01-21", "support/2026-01-30"):
        store.clusters.save(
            "support", night, [Cluster(id="c", agent="support", name="n", trace_ids=("old", "new"), size=2)]
        )
    gone = store.retention.prune(_rule())
    assert 2 == gone.clusters
    kept = store.clusters.list("support")
    assert [("support/2026-01-30", ("new",))] == [(one.night, one.trace_ids) for one in kept]
    assert [] == store.clusters.list("support", "support/2026-01-20")


def _experiment(store: Store, name: str, created: dt.datetime) -> None:
    experiment = Experiment(
        id=name,
        agent="support",
        night="support/2026-01-31",
        split=Split.DEV,
        arms=("baseline",),
        versions={"baseline": "v"},
        dataset_fingerprint="f",
        metric="m",
        created_at=created,
    )
    store.experiments.start(experiment)
    key = RunKey(experiment_id=name, arm="baseline", example_id="e", repetition=0)
    run = Run(key=key, version_id="v", status=RunStatus.OK, output="said", trace_id=f"run-{name}", scores={"m": 0.5})
    after = (created - START).total_seconds()
    store.experiments.add_runs([run], [trace(f"run-{name}", after=after, source="experiment")])


def test_offline_runs_lose_their_words_and_keep_their_scores(store: Store) -> None:
    """Only where it is asked for, and only of that age."""
    _experiment(store, "old", START)
    _experiment(store, "new", CUT + dt.timedelta(days=1))
    assert Pruned() == store.retention.prune(_rule())
    gone = store.retention.prune(_rule(experiments=True))
    assert (1, 1) == (gone.traces, gone.outputs)
    assert ["run-new"] == _traces(store)
    runs = {name: store.experiments.runs(name)[0] for name in ("old", "new")}
    assert {"old": (None, 0.5), "new": ("said", 0.5)} == {k: (r.output, r.scores["m"]) for k, r in runs.items()}


def test_old_answers_of_models_go_and_their_cost_stays(store: Store) -> None:
    """An answer paid for again since stays; whose it was is known from the night."""
    for key, night in (("k1", "support/2026-01-31"), ("k2", "desk/2026-01-31")):
        reply = ChatReply(text="said", model="m", usage=Usage(input_tokens=1, output_tokens=1))
        store.calls.put_many([PaidReply(key=key, reply=reply, purpose="judge", model="m", night=night)])
    rule = PruneRule(before=dt.datetime.now(dt.UTC) + dt.timedelta(days=1), agent="support")
    assert 1 == store.retention.count(rule).replies
    assert 0 == store.retention.prune(_rule()).replies
    assert 1 == store.retention.prune(rule).replies
    assert ["k2"] == list(store.calls.get_many(["k1", "k2"]))
    assert 1 == store.calls.spent("support/2026-01-31")[0]


def test_the_file_gets_smaller(store: Store) -> None:
    """SQLite gives the room back step by step; PostgreSQL keeps it for new rows."""
    store.traces.add([trace(f"t{number}", input="x" * 9_000 + str(number)) for number in range(300)])
    before, _ = store.retention.size()
    store.retention.prune(_rule())
    store.retention.shrink()
    after, free = store.retention.size()
    if store.url.startswith("sqlite"):
        assert after < before / 2
        assert free == 0
        store.retention.shrink(whole=True)
    assert [] == _traces(store)


@pytest.mark.parametrize("again", [False, True])
def test_redactions_are_counted_once(store: Store, again: bool) -> None:
    """What is written is counted with it, by agent, day and detector; the same trace again adds nothing."""
    from collections import Counter

    taken = {("t1", ""): Counter({"email": 1}), ("t1", "call"): Counter({"email": 2, "card": 1})}
    summary = store.traces.add([trace("t1")], taken)
    if again:
        assert {} == store.traces.add([trace("t1")], taken).redacted
    assert {"email": 3, "card": 1} == summary.redacted
    store.redactions.add("support", {"email": 4})
    rows = store.redactions.list("support")
    assert [("card", 1), ("email", 7)] == [(row.detector, row.count) for row in rows]
    assert [] == store.redactions.list("desk")
