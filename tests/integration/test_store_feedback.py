from datetime import timedelta

from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.domain.feedback import EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.listing import MetricSummary


def failure(trace_id: str, message: str = "time-out", version: str = "v1") -> EvaluatorFailure:
    return EvaluatorFailure(
        trace_id=trace_id, evaluator="helpful", version=version, error="TimeoutError", message=message, created_at=START
    )


def corrected(trace_id: str, text: str, after: float, source: FeedbackSource = FeedbackSource.HUMAN) -> Feedback:
    moment = START + timedelta(seconds=after)
    return Feedback(
        trace_id=trace_id, key="fix", source=source, correction=text, author=f"ann{after}", created_at=moment
    )


def test_feedback_comes_back_and_is_replaced_by_its_id(store: Store) -> None:
    """Writing the same judgement again replaces it; each version and author keeps its own row."""
    full = Feedback(
        trace_id="t1",
        span_id="s",
        key="k",
        source=FeedbackSource.HUMAN,
        score=0.25,
        value=True,
        comment="why\x00",
        correction={"a": [1]},
        author="ann",
        created_at=START,
    )
    assert store.feedback.add([full, judged("t1", 0.1, after=1)]) == 2
    assert store.feedback.add([judged("t1", 0.2, after=2)]) == 1
    assert store.feedback.add([judged("t1", 0.3, after=3, version="v2")]) == 1
    assert [
        full.model_copy(update={"comment": "why\ufffd"}),
        judged("t1", 0.2, after=2),
        judged("t1", 0.3, after=3, version="v2"),
    ] == store.feedback.for_trace("t1")
    assert {key: len(rows) for key, rows in store.feedback.for_traces(["t1", "t2"]).items()} == {"t1": 3, "t2": 0}
    assert store.feedback.add([]) == 0


def test_a_value_keeps_its_type(store: Store) -> None:
    """A label "true" is text and a pass is a boolean, after the database as before."""
    given = [judged("t1", None, "a", value="true"), judged("t1", 1.0, "b", value=False), judged("t1", 0.0, "c")]
    store.feedback.add(given)
    assert given == sorted(store.feedback.for_trace("t1"), key=lambda one: one.key)


def test_a_later_success_takes_the_failure_away(store: Store) -> None:
    """A failure says that a trace is unmeasured, so it goes once the same version measured it."""
    assert store.feedback.add_failures([failure("t1"), failure("t2"), failure("t1", version="v2")]) == 3
    assert store.feedback.add_failures([failure("t2", "again")]) == 1
    store.feedback.add([judged("t1", 1.0)])
    assert {"t1": [failure("t1", version="v2")], "t2": [failure("t2", "again")], "t3": []} == store.feedback.failures(
        ["t1", "t2", "t3"]
    )


def test_done_names_what_this_version_judged(store: Store) -> None:
    """A new version of an evaluator starts afresh, and a person of the same name does not count."""
    store.feedback.add(
        [
            judged("t1", 1.0),
            judged("t2", 1.0, version="v0"),
            judged("t3", 1.0, source=FeedbackSource.HUMAN),
            judged("t4", None, "part", author="helpful", value="x", source=FeedbackSource.CODE),
        ]
    )
    many = [f"t{number}" for number in range(2000)]
    assert {"t1", "t4"} == store.feedback.done("helpful", "v1", many)
    assert set() == store.feedback.done("helpful", "v1", [])


def test_corrections_are_the_newest_of_each_trace(store: Store) -> None:
    """Who corrects last decides; machines and other agents do not count."""
    store.traces.add([trace("t1"), trace("t2"), trace("t3"), trace("x", agent="other")])
    store.feedback.add(
        [
            corrected("t1", "old", 1),
            corrected("t2", "only", 2, FeedbackSource.USER),
            corrected("t1", "new", 3),
            corrected("t3", "by a judge", 4, FeedbackSource.JUDGE),
            corrected("x", "another agent's", 5),
            judged("t2", 0.0, after=6),
        ]
    )
    assert [one.correction for one in store.feedback.corrections("support")] == ["only", "new"]
    assert [one.correction for one in store.feedback.corrections("other")] == ["another agent's"]


def test_summary_counts_results_and_failures(store: Store) -> None:
    """Means over production traces, failures beside them, labels without a mean."""
    store.traces.add(
        [trace("t1"), trace("t2", after=100), trace("run", source="experiment"), trace("x", agent="other")]
    )
    store.feedback.add(
        [
            judged("t1", 0.25),
            judged("t2", 0.75),
            judged("run", 0.0),
            judged("x", 0.0),
            judged("t1", None, "topic", value="parcel"),
            judged("t1", 1.0, "stars", source=FeedbackSource.HUMAN, author="ann", version=""),
            judged("t2", 0.0, "stars", source=FeedbackSource.HUMAN, author="bob", version=""),
        ]
    )
    silent = EvaluatorFailure(trace_id="t2", evaluator="never", version="v1", error="E", message="m")
    store.feedback.add_failures([failure("t1").model_copy(update={"trace_id": "t3"}), silent])
    store.traces.add([trace("t3")])
    assert [
        MetricSummary(key="helpful", source="judge", version="v1", count=2, scored=2, mean=0.5, failures=1),
        MetricSummary(key="never", source="unknown", version="v1", count=0, mean=None, failures=1),
        MetricSummary(key="stars", source="human", version="", count=2, scored=2, mean=0.5),
        MetricSummary(key="topic", source="judge", version="v1", count=1, mean=None),
    ] == store.feedback.summary("support")
    assert [
        (one.key, one.count, one.mean) for one in store.feedback.summary("support", START + timedelta(seconds=50))
    ] == [("helpful", 1, 0.75), ("never", 0, None), ("stars", 1, 0.0)]
