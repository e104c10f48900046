"""Annotation queues in the store, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.reviewing import Bout, crowded, faults, items
from support.store_samples import judged, trace

from burnish.adapters.store import Store
from burnish.domain.annotation.items import Assignment, ItemState, ReviewerLoad
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Ask, Queue
from burnish.domain.feedback import ADJUDICATED, WENT_WRONG, FeedbackSource
from burnish.errors import InputError, NotFoundError

ONE = Queue(name="desk", daily_cap=1000)
TWO = Queue(name="pairs", labels=2, daily_cap=1000)
ANN, BOB, CYD = (Person(name=name) for name in ("ann", "bob", "cyd"))
EVE = Person(name="eve", role=Role.EXPERT)
GOOD, BAD = Label(score=1.0), Label(score=0.0)


def took(store: Store, queue: Queue, person: Person) -> Assignment:
    found = store.queues.take(queue, person)
    assert found is not None
    return found


def test_a_trace_comes_into_a_queue_once_and_no_more_than_the_cap_in_a_day(store: Store) -> None:
    """Filling again adds only what is new; what is over the cap stays out today."""
    queue = ONE.model_copy(update={"daily_cap": 5})
    assert 3 == store.queues.fill(queue, items(queue, 3))
    assert 2 == store.queues.fill(queue, items(queue, 9))
    assert 0 == store.queues.fill(queue, items(queue, 9))
    assert ["t0", "t1", "t2", "t3", "t4"] == [item.trace_id for item in store.queues.list(queue.name)]
    assert 5 == store.queues.progress(queue.name).today


def test_two_reviewers_never_have_the_same_single_label_item(store: Store) -> None:
    """However many ask at once, each gets an item of their own, and keeps it when asking again."""
    store.queues.fill(ONE, items(ONE, 12))
    people = [Person(name=f"p{number}") for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda person: took(store, ONE, person).item.id, people))
        again = list(pool.map(lambda person: took(store, ONE, person).item.id, people))
    assert 12 == len(set(found))
    assert found == again
    assert store.queues.take(ONE, ANN) is None


def test_one_person_never_sits_on_two_seats_of_an_item(store: Store) -> None:
    """Many tabs of one reviewer at once: the same item in all, and the second label is somebody else's."""
    store.queues.fill(TWO, items(TWO, 1))
    with ThreadPoolExecutor(8) as pool:
        assert 1 == len({one.item.id for one in pool.map(lambda _: took(store, TWO, ANN), range(8))})
    assert store.queues.take(TWO, ANN, beside=[took(store, TWO, ANN).item.id]) is None
    store.queues.give(TWO, took(store, TWO, ANN).item.id, ANN, GOOD)
    assert store.queues.take(TWO, ANN) is None
    assert "t0" == took(store, TWO, BOB).item.trace_id


def test_the_next_item_can_be_fetched_ahead(store: Store) -> None:
    """A page holds one item and preloads another; both are the reviewer's."""
    store.queues.fill(ONE, items(ONE, 3))
    first = took(store, ONE, ANN)
    ahead = store.queues.take(ONE, ANN, beside=[first.item.id])
    assert ahead is not None
    assert ("t0", "t1", "t2") == (first.item.trace_id, ahead.item.trace_id, took(store, ONE, BOB).item.trace_id)
    assert 3 == store.queues.progress(ONE.name).in_hand


def test_a_lease_that_ended_gives_the_item_to_the_next(store: Store) -> None:
    """Who was too slow is told so when another has the item; where nobody took it, the label counts."""
    quick = ONE.model_copy(update={"lease_minutes": 1e-7})
    store.queues.fill(ONE, items(ONE, 2))
    slow = took(store, quick, ANN)
    assert slow.item == took(store, ONE, BOB).item
    late = store.queues.give(ONE, slow.item.id, ANN, GOOD)
    assert not late.accepted
    assert "where your lease ended, another person has it now" in late.reason
    assert store.queues.give(ONE, slow.item.id, BOB, BAD).accepted
    alone = took(store, quick, ANN)
    assert store.queues.give(ONE, alone.item.id, ANN, GOOD).accepted


def test_a_label_after_the_lease_takes_a_spare_seat(store: Store) -> None:
    """With another label still wanted, being late costs nothing."""
    store.queues.fill(TWO, items(TWO, 1))
    slow = took(store, TWO.model_copy(update={"lease_minutes": 1e-7}), ANN)
    took(store, TWO, BOB)
    assert store.queues.give(TWO, slow.item.id, ANN, GOOD).accepted
    assert store.queues.give(TWO, slow.item.id, BOB, GOOD).item.state is ItemState.SETTLED


def test_a_skipped_item_goes_to_others_and_does_not_come_back(store: Store) -> None:
    """Skipping is for good for this person and costs the item nothing."""
    store.queues.fill(ONE, items(ONE, 1))
    item = took(store, ONE, ANN).item
    assert store.queues.skip(ONE, item.id, ANN).accepted
    assert store.queues.take(ONE, ANN) is None
    assert item.id == took(store, ONE, BOB).item.id


def test_an_item_is_handed_to_the_experts_with_a_note(store: Store) -> None:
    """Reviewers no longer get it; an expert gets it first and reads why."""
    store.queues.fill(ONE, items(ONE, 2))
    later = took(store, ONE, BOB).item
    assert "t0" == later.trace_id
    hard = took(store, ONE, ANN).item
    answer = store.queues.escalate(ONE, hard.id, ANN, "needs a lawyer")
    assert (True, "expert") == (answer.accepted, answer.item.profile)
    assert store.queues.take(ONE, CYD) is None
    expert = took(store, ONE, EVE)
    assert (hard.id, ("needs a lawyer",)) == (expert.item.id, expert.notes)
    assert not store.queues.escalate(ONE, hard.id, EVE).accepted


def test_people_who_disagree_are_decided_by_an_expert(store: Store) -> None:
    """Blind until then; the decision is feedback of its own and is what counts for the judge."""
    store.traces.add([trace("t0")])
    store.queues.fill(TWO, items(TWO, 1))
    assert () == took(store, TWO, ANN).labels
    store.queues.give(TWO, took(store, TWO, ANN).item.id, ANN, GOOD)
    assert () == took(store, TWO, BOB).labels
    done = store.queues.give(TWO, took(store, TWO, BOB).item.id, BOB, BAD)
    assert (ItemState.DISPUTED, "expert") == (done.item.state, done.item.profile)
    assert store.queues.take(TWO, CYD) is None
    desk = took(store, TWO, EVE)
    assert ("adjudication", ["ann", "bob"]) == (desk.kind, [one.person for one in desk.labels])
    final = store.queues.give(TWO, desk.item.id, EVE, Label(score=0.0, correction="no"))
    assert ItemState.SETTLED is final.item.state
    said = {(one.author, one.version): one for one in store.feedback.for_trace("t0")}
    assert {("ann", ""), ("bob", ""), ("eve", ADJUDICATED)} == set(said)
    assert "no" == store.feedback.corrections("support")[0].correction


def test_an_adjudicated_score_is_the_one_people_gave(store: Store) -> None:
    """The agreement of a judge is held against the decision, not against those who were overruled."""
    store.traces.add([trace("t0"), trace("t1")])
    store.feedback.add([judged("t0", 1.0), judged("t1", 1.0)])
    queue = TWO.model_copy(update={"key": "helpful"})
    store.queues.fill(queue, items(queue, 2))
    for person, label in ((ANN, GOOD), (BOB, BAD)):
        store.queues.give(queue, took(store, queue, person).item.id, person, label)
    store.queues.give(queue, took(store, queue, EVE).item.id, EVE, BAD)
    for person in (ANN, BOB):
        store.queues.give(queue, took(store, queue, person).item.id, person, GOOD)
    ratings = store.feedback.ratings("support", "helpful", "v1")
    assert {"t0": (0.0,), "t1": (1.0, 1.0)} == {trace_id: one.people for trace_id, one in ratings.items()}


def test_an_expert_who_labelled_does_not_decide(store: Store) -> None:
    """A dispute is decided by somebody who had no part in it."""
    store.queues.fill(TWO, items(TWO, 1))
    for person, label in ((ANN, GOOD), (EVE, BAD)):
        store.queues.give(TWO, took(store, TWO, person).item.id, person, label)
    assert store.queues.take(TWO, EVE) is None
    assert "adjudication" == took(store, TWO, Person(name="fay", role=Role.EXPERT)).kind


def test_a_label_becomes_feedback_at_once_with_its_parts(store: Store) -> None:
    """Score, correction and comment on the trace, each criterion, and the span that went wrong."""
    store.queues.fill(ONE, items(ONE, 1))
    label = Label(
        score=0.0, correction="atlas", comment="wrong team", criteria=("names the team", "is short"),
        span_id="call", span_comment="took the wrong tool",
    )  # fmt: skip
    store.queues.give(ONE, took(store, ONE, ANN).item.id, ANN, label)
    said = store.feedback.for_trace("t0")
    assert {FeedbackSource.HUMAN} == {one.source for one in said}
    assert {"review", "criterion", WENT_WRONG} == {one.key for one in said}
    assert ["is short", "names the team"] == sorted(str(one.comment) for one in said if one.key == "criterion")
    (wrong,) = [one for one in said if one.key == WENT_WRONG]
    assert ("call", "took the wrong tool") == (wrong.span_id, wrong.comment)


def test_undo_takes_the_last_label_back_with_its_feedback(store: Store) -> None:
    """The item is in the same hands again with what was said; nothing of it stays once another replaces it."""
    store.queues.fill(ONE, items(ONE, 2))
    store.queues.give(ONE, took(store, ONE, ANN).item.id, ANN, GOOD)
    store.queues.give(ONE, took(store, ONE, ANN).item.id, ANN, Label(score=0.0, criteria=("a", "b")))
    undone = store.queues.undo(ONE, ANN)
    assert undone is not None
    assert (True, "t1", ItemState.OPEN) == (undone.accepted, undone.item.trace_id, undone.item.state)
    assert [] == store.feedback.for_trace("t1")
    again = took(store, ONE, ANN)
    assert again.given is not None
    assert ("t1", ("a", "b")) == (again.item.trace_id, again.given.label.criteria)
    store.queues.give(ONE, again.item.id, ANN, GOOD)
    assert [1.0] == [one.score for one in store.feedback.for_trace("t1")]
    assert store.queues.undo(ONE, BOB) is None


def test_what_an_expert_decided_is_not_undone_beneath_them(store: Store) -> None:
    """Before the expert looks, undo ends the dispute; while they look and afterwards it is refused."""
    store.queues.fill(TWO, items(TWO, 1))
    for person, label in ((ANN, GOOD), (BOB, BAD)):
        store.queues.give(TWO, took(store, TWO, person).item.id, person, label)
    undone = store.queues.undo(TWO, BOB)
    assert undone is not None
    assert (ItemState.OPEN, "reviewer", 1) == (undone.item.state, undone.item.profile, undone.item.given)
    assert store.queues.take(TWO, EVE) is None
    store.queues.give(TWO, undone.item.id, BOB, BAD)
    desk = took(store, TWO, EVE)
    busy = store.queues.undo(TWO, BOB)
    assert busy is not None
    assert "eve is deciding on this item" == busy.reason
    store.queues.give(TWO, desk.item.id, EVE, GOOD)
    late = store.queues.undo(TWO, ANN)
    assert late is not None
    assert (False, "eve has decided on this item since") == (late.accepted, late.reason)
    back = store.queues.undo(TWO, EVE)
    assert back is not None
    assert ItemState.DISPUTED is back.item.state


def test_the_same_label_sent_twice_counts_once(store: Store) -> None:
    """A browser that repeats a request, and a reviewer who thinks again."""
    store.queues.fill(ONE, items(ONE, 1))
    item = took(store, ONE, ANN).item
    for label in (GOOD, GOOD, BAD):
        assert store.queues.give(ONE, item.id, ANN, label).accepted
    assert [0.0] == [one.score for one in store.feedback.for_trace("t0")]
    assert 1 == store.queues.progress(ONE.name).labels


def test_a_label_must_answer_what_is_asked(store: Store) -> None:
    """Scores off the scale, unknown words and what is required are named; nothing is stored."""
    queue = ONE.model_copy(update={"ask": Ask(scale=5, labels=("billing", "other"), required=("score",), span=False)})
    store.queues.fill(queue, items(queue, 1))
    item = took(store, queue, ANN).item
    for label, message in (
        (Label(comment="hm"), "asks for score"),
        (Label(score=0.4), r"score 0.4 is not on this queue's scale: 0 \(1\), 0.25 \(2\)"),
        (Label(score=0.5, value="bill"), "no label 'bill'"),
        (Label(score=0.5, span_id="call"), "does not ask for a span"),
    ):
        with pytest.raises(InputError, match=message):
            store.queues.give(queue, item.id, ANN, label)
    assert [] == store.feedback.for_trace("t0")
    with pytest.raises(NotFoundError, match="no item 'nothing' in the queue 'desk'"):
        store.queues.give(queue, "nothing", ANN, Label(score=0.5))


def test_a_queue_is_closed_to_people_without_access(store: Store) -> None:
    """Access is by queue; an admin sees all."""
    store.queues.fill(ONE, items(ONE, 1))
    with pytest.raises(InputError, match="zoe may not see the queue 'desk'"):
        store.queues.take(ONE, Person(name="zoe", queues=("other",)))
    held = store.queues.take(ONE, Person(name="zoe", role=Role.ADMIN, queues=()))
    assert held is not None
    outside = Person(name="zoe", queues=("other",))
    for act in (store.queues.skip, store.queues.escalate):
        with pytest.raises(InputError, match="may not see the queue"):
            act(ONE, held.item.id, outside)
    with pytest.raises(InputError, match="may not see the queue"):
        store.queues.undo(ONE, outside)


def test_progress_tells_counts_and_load(store: Store) -> None:
    """What a team lead reads: what is left, who did what, how long a label takes."""
    store.queues.fill(TWO, items(TWO, 3))
    for person, label in ((ANN, GOOD), (BOB, BAD)):
        store.queues.give(TWO, took(store, TWO, person).item.id, person, label)
    store.queues.skip(TWO, took(store, TWO, ANN).item.id, ANN)
    took(store, TWO, ANN)
    told = store.queues.progress(TWO.name)
    for person in (ANN, BOB, CYD):
        stands = store.queues.standings(person)[TWO.name]
        mine = next((one for one in told.reviewers if one.person == person.name), ReviewerLoad(person=person.name))
        assert (mine, told.items, told.open) == (stands.mine, stands.items, stands.open)
        assert (told.disputed, told.settled, told.experts) == (stands.disputed, stands.settled, stands.experts)
    assert (3, 2, 1, 0, 1, 1, 2) == (
        told.items, told.open, told.disputed, told.settled, told.experts, told.in_hand, told.labels,
    )  # fmt: skip
    assert {"ann": (1, 1, 1), "bob": (1, 0, 0)} == {
        one.person: (one.labels, one.in_hand, one.skips) for one in told.reviewers
    }
    assert told.median_s is not None
    assert told.median_s >= 0


def test_what_is_left_for_somebody_is_what_they_may_still_label(store: Store) -> None:
    """Neither what they labelled, though it waits for others, nor what they skipped, nor what waits for experts."""
    store.queues.fill(TWO, items(TWO, 5))
    store.queues.give(TWO, took(store, TWO, ANN).item.id, ANN, GOOD)
    store.queues.skip(TWO, took(store, TWO, ANN).item.id, ANN)
    store.queues.escalate(TWO, took(store, TWO, ANN).item.id, ANN, "hard")
    left = {person.name: store.queues.standings(person)[TWO.name].left for person in (ANN, BOB, EVE)}
    assert {"ann": 2, "bob": 4, "eve": 5} == left


@pytest.mark.parametrize("wanted", [1, 3])
def test_fifty_reviewers_at_once_lose_nothing(store: Store, wanted: int) -> None:
    """No item in two hands, no label lost, none too many; with skips, undos and disputes among them."""
    queue = Queue(name=f"many{wanted}", labels=wanted, daily_cap=100_000)
    everything = items(queue, 400)
    store.queues.fill(queue, everything)
    bout = Bout(store, queue, people=50, seconds=2.5).run()
    assert [] == faults(store, queue, bout.labels, everything)
    assert (0, []) == (bout.refused, crowded(bout.holds, wanted))
    assert sum(bout.labels.values()) > 20
