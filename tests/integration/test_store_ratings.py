from datetime import timedelta

import pytest
from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.domain.agreement import Rating
from burnish.domain.feedback import ADJUDICATED, Feedback, FeedbackSource
from burnish.errors import NotFoundError


def said(trace_id: str, score: float | None, author: str = "ann", key: str = "helpful", **fields: object) -> Feedback:
    given = {"source": FeedbackSource.HUMAN, "created_at": START} | fields
    return Feedback.model_validate({"trace_id": trace_id, "key": key, "score": score, "author": author} | given)


def test_a_judge_is_paired_with_people_on_the_same_traces(store: Store) -> None:
    """People and users under the judge's key count, one score a person; a comment without a score does not."""
    store.traces.add([trace(name) for name in ("t1", "t2", "t3")])
    store.feedback.add(
        [
            *(judged(name, score) for name, score in (("t1", 1.0), ("t2", 0.0), ("t3", 1.0))),
            judged("t1", 0.0, version="v0"),
            said("t1", 1.0),
            said("t1", 0.0, "bob", source=FeedbackSource.USER),
            said("t2", 0.0),
            said("t3", None, comment="long"),
        ]
    )
    found = store.feedback.ratings("support", "helpful", "v1")
    assert {"t1": (1.0, [0.0, 1.0]), "t2": (0.0, [0.0])} == {i: (r.judge, sorted(r.people)) for i, r in found.items()}
    assert ["t1"] == list(store.feedback.ratings("support", "helpful", "v0"))
    assert {} == store.feedback.ratings("other", "helpful", "v1")


def test_a_general_review_counts_where_nobody_spoke_of_the_metric(store: Store) -> None:
    """A score under another key stands in, but never against one under the judge's own."""
    store.traces.add([trace("t1"), trace("t2")])
    store.feedback.add([judged("t1", 1.0), judged("t2", 1.0), said("t1", 1.0), said("t1", 0.0, key="review")])
    store.feedback.add([said("t2", 0.25, key="review")])
    assert {"t1": Rating(1.0, (1.0,)), "t2": Rating(1.0, (0.25,))} == store.feedback.ratings(
        "support", "helpful", "v1", ("review",)
    )
    assert ["t1"] == list(store.feedback.ratings("support", "helpful", "v1"))


def test_a_decision_counts_for_what_was_asked(store: Store) -> None:
    """An expert who decided on the general review does not overrule what people said of the metric itself."""
    store.traces.add([trace("t1"), trace("t2")])
    store.feedback.add([judged("t1", 1.0), judged("t2", 1.0), said("t1", 1.0)])
    for name in ("t1", "t2"):
        both = [said(name, 1.0, key="review"), said(name, 0.0, "bob", key="review")]
        store.feedback.add([*both, said(name, 0.0, "eve", key="review", version=ADJUDICATED)])
    found = store.feedback.compared("support", "helpful", "v1", ("review",))
    assert (Rating(1.0, (1.0,)), (1.0,)) == (found["t1"].rating, found["t1"].blind)
    assert (Rating(1.0, (0.0,)), [0.0, 1.0]) == (found["t2"].rating, sorted(found["t2"].blind))


def test_experiments_spans_and_corrections_are_kept_apart(store: Store) -> None:
    """Runs of an experiment are asked for by name; a word on one span is none on the trace."""
    store.traces.add([trace("t1"), trace("t2"), trace("run", source="experiment")])
    store.feedback.add(
        [
            *(judged(name, 1.0) for name in ("t1", "t2", "run")),
            said("t1", 1.0),
            said("t1", None, key="review", correction="better so"),
            said("t2", 0.0, span_id="call"),
            said("run", 0.0),
        ]
    )
    assert ["t1"] == list(store.feedback.ratings("support", "helpful", "v1"))
    assert {} == store.feedback.ratings("support", "helpful", "v1", uncorrected=True)
    assert ["run"] == list(store.feedback.ratings("support", "helpful", "v1", origin="experiment"))


def test_what_is_compared_tells_when_it_was_labelled_and_what_was_said_before_a_decision(store: Store) -> None:
    """The newest label that counts, the trace's start and session, and people's words before the expert's."""
    store.traces.add([trace("t1", after=60, session_id="s")])
    store.feedback.add(
        [
            judged("t1", 1.0),
            said("t1", 1.0, created_at=START),
            said("t1", 0.0, "bob", created_at=START + timedelta(days=1)),
            said("t1", 1.0, "eve", version=ADJUDICATED, created_at=START + timedelta(days=2)),
        ]
    )
    (found,) = store.feedback.compared("support", "helpful", "v1").values()
    assert (Rating(1.0, (1.0,)), [0.0, 1.0], "s") == (found.rating, sorted(found.blind), found.session)
    assert (START + timedelta(seconds=60), START + timedelta(days=2)) == (found.started_at, found.labelled_at)


def test_orders_of_a_pairwise_judge_are_counted_by_version(store: Store) -> None:
    """What the judge recorded beside its comparisons, of this version alone."""
    store.traces.add([trace(f"t{number}") for number in range(3)])
    store.feedback.add(
        [
            *(judged(f"t{n}", float(n > 0), "better.order", value="agree" if n else "first") for n in range(3)),
            judged("t0", 1.0, "better.order", version="v0", value="agree"),
        ]
    )
    assert {"agree": 2, "first": 1} == store.feedback.orders("support", "better", "v1")


def test_heads_are_traces_without_their_spans(store: Store) -> None:
    """In the order asked; what is not there is left out."""
    store.traces.add([trace("t1"), trace("t2", output=None)])
    heads = list(store.traces.heads(["t2", "gone", "t1"]))
    assert [
        trace("t2", output=None).model_copy(update={"spans": ()}),
        trace("t1").model_copy(update={"spans": ()}),
    ] == heads
    store.traces.add([trace("whole-id")])
    assert (trace("whole-id").model_copy(update={"spans": ()}), len(trace("whole-id").spans)) == store.traces.head(
        "whole-"
    )
    with pytest.raises(NotFoundError):
        store.traces.head("missing")
