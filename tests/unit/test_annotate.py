"""Reviews from a file become human feedback on the right traces."""

from pathlib import Path

import pytest

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.feedback import FeedbackSource
from burnish.domain.traces import Span, Trace
from burnish.errors import InputError
from burnish.loop.annotate import Review, import_reviews, read_reviews


@pytest.fixture
def db(store: Store) -> Store:
    """A store with two traces."""
    now = utc_now()
    store.traces.add(
        Trace(
            trace_id=f"t{i}", agent="desk", source="otlp", name="desk", session_id=f"u{i}", started_at=now,
            input="hello", output="atlas",
            spans=(Span(trace_id=f"t{i}", span_id="s", name="desk", started_at=now, ended_at=now),),
        )
        for i in range(2)
    )  # fmt: skip
    return store


def test_a_review_finds_its_trace_by_session(db: Store) -> None:
    """A correction lands on the trace of its session; one without a trace is named, not lost in silence."""
    reviews = [
        Review(session_id="u1", reviewer="ada", expected="bravo", comment="a refund"),
        Review(session_id="u9", reviewer="ada", expected="cedar"),
    ]
    summary = import_reviews(db, "desk", reviews)
    assert (summary.written, summary.unmatched) == (1, ("u9",))
    (found,) = db.feedback.for_trace("t1")
    assert (found.correction, found.author, found.source) == ("bravo", "ada", FeedbackSource.HUMAN)


def test_reading_reviews_twice_changes_nothing(db: Store) -> None:
    """The same word again stays as it was, its time too, which says what is judged anew; another word replaces it."""
    review = Review(trace_id="t0", reviewer="ada", score=0.0)
    assert 1 == import_reviews(db, "desk", [review]).written
    first = db.feedback.for_trace("t0")
    again = import_reviews(db, "desk", [review])
    assert (0, 1) == (again.written, again.known)
    assert first == db.feedback.for_trace("t0")
    assert 1 == import_reviews(db, "desk", [review.model_copy(update={"score": 1.0})]).written
    assert [1.0] == [item.score for item in db.feedback.for_trace("t0")]


def test_a_bad_line_is_named_and_nothing_is_written(db: Store, tmp_path: Path) -> None:
    """The error names file and line."""
    path = tmp_path / "reviews.jsonl"
    path.write_text('{"trace_id": "t0", "reviewer": "ada", "score": 1}\n{"reviewer": "ada"}\n')
    with pytest.raises(InputError, match=r"reviews\.jsonl, line 2: .*needs trace_id or session_id"):
        import_reviews(db, "desk", read_reviews(path))
    assert db.feedback.for_trace("t0") == []
