"""Feedback: what somebody or something says of a trace or a span. And the record of an evaluator that could not say."""

from enum import StrEnum

from pydantic import Field

from burnish.domain.base import Json, UtcDatetime, Value, content_hash, utc_now

__all__ = [
    "ADJUDICATED",
    "CRITERION",
    "MACHINES",
    "PEOPLE",
    "WENT_WRONG",
    "EvaluatorFailure",
    "Feedback",
    "FeedbackSource",
]

CRITERION = "criterion"  # a person's feedback under this key states what a good output must meet
WENT_WRONG = "went_wrong"  # a person's feedback on the span where it went wrong
ADJUDICATED = "adjudicated"  # the version of an expert's label that decides between people who disagreed


class FeedbackSource(StrEnum):
    """Who speaks."""

    CODE = "code"
    JUDGE = "judge"
    HUMAN = "human"
    USER = "user"  # the agent's own user: thumbs, ratings
    EXTERNAL = "external"  # an evaluator of the store the trace came from: nothing of ours, checked against nobody


PEOPLE = (FeedbackSource.HUMAN, FeedbackSource.USER)
MACHINES = (FeedbackSource.CODE, FeedbackSource.JUDGE)  # our own evaluators


class Feedback(Value):
    """One score, label, comment or correction on a trace (or on one of its spans).

    `score` is graded, 0 is bad and 1 is good unless the evaluator says otherwise; `value` is a label; `correction` is
    what the output should have been. `version` is the evaluator's, or empty for people. One row a
    (trace, span, key, source, author, version): writing it again replaces it.
    """

    trace_id: str
    key: str
    source: FeedbackSource
    score: float | None = Field(default=None, allow_inf_nan=False)
    value: str | bool | None = None
    comment: str | None = None
    correction: Json = None
    author: str = ""
    version: str = ""
    span_id: str | None = None
    created_at: UtcDatetime = Field(default_factory=utc_now)

    @property
    def id(self) -> str:
        """Stable id of the row this feedback is."""
        return content_hash(
            self.trace_id, self.span_id, self.key, self.source.value, self.author, self.version, length=32
        )


class EvaluatorFailure(Value):
    """An evaluator crashed, timed out or answered nonsense on a trace: unmeasured, never a score."""

    trace_id: str
    evaluator: str
    version: str
    error: str
    message: str
    created_at: UtcDatetime = Field(default_factory=utc_now)
