"""What people said of traces, brought in from a file: one JSON line a review."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError, model_validator

from burnish.domain.base import Json, UtcDatetime, Value, utc_now
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.errors import InputError
from burnish.loop.screen import Screens, default_screens, prepare_feedback

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["Review", "ReviewSummary", "import_reviews", "read_reviews"]


class Review(Value):
    """One person's word on one trace, found by its id or by the session it belongs to."""

    trace_id: str | None = None
    session_id: str | None = None
    reviewer: str
    expected: Json = None
    score: float | None = None
    comment: str | None = None
    key: str = "review"
    at: UtcDatetime | None = None

    @model_validator(mode="after")
    def _names_a_trace(self) -> "Review":
        if self.trace_id is None and self.session_id is None:
            raise ValueError("needs trace_id or session_id")
        if self.expected is None and self.score is None and self.comment is None:
            raise ValueError("says nothing: give expected, score or comment")
        return self


class ReviewSummary(Value):
    """Reviews written, those stored already and those whose trace is not in the store."""

    written: int
    known: int = 0
    unmatched: tuple[str, ...] = ()


def read_reviews(path: Path) -> Iterator[Review]:
    """Reviews of a JSON lines file.

    Raises InputError naming the line that cannot be read; nothing has been written by then.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield Review.model_validate(json.loads(line))
            except ValidationError as error:
                reasons = "; ".join(
                    ": ".join([*map(str, item["loc"]), item["msg"].removeprefix("Value error, ")])
                    for item in error.errors(include_url=False)
                )
                raise InputError(f"{path}, line {number}: {reasons}") from error
            except ValueError as error:
                raise InputError(f"{path}, line {number}: not JSON: {error}") from error


def import_reviews(
    store: "Store", agent: str, reviews: Iterable[Review], screens: Screens | None = None
) -> ReviewSummary:
    """Write reviews as human feedback, each through `screens` first. A reviewer's later word on a trace replaces the
    earlier one; the same word again stays as it is, so that nothing is judged anew because a file was read twice.

    Traces of experiments are found by their id, so that people can label both arms and a judge be held to account.
    """
    by_session: dict[str, str] = {}
    for row in store.traces.list(TraceQuery(agent=agent)):
        if row.session_id is not None:
            by_session.setdefault(row.session_id, row.trace_id)
    known = set(store.traces.ids(TraceQuery(agent=agent, origin="any")))
    found: list[Feedback] = []
    unmatched: list[str] = []
    for review in reviews:
        trace_id = review.trace_id if review.trace_id is not None else by_session.get(review.session_id or "")
        if trace_id is None or trace_id not in known:
            unmatched.append(review.trace_id or review.session_id or "")
            continue
        found.append(
            Feedback(
                trace_id=trace_id,
                key=review.key,
                source=FeedbackSource.HUMAN,
                score=review.score,
                comment=review.comment,
                correction=review.expected,
                author=review.reviewer,
                created_at=review.at or utc_now(),
            )
        )
    kept, counts = prepare_feedback(screens or default_screens(), agent, found)
    news = store.feedback.add_pulled(kept)
    store.redactions.add(agent, counts)
    return ReviewSummary(written=news, known=len(found) - news, unmatched=tuple(unmatched))
