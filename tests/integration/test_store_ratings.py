from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.domain.agreement import Rating
from burnish.domain.feedback import Feedback, FeedbackSource


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
