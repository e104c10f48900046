"""What a reviewer says of an item, and the feedback it becomes."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from burnish.domain.base import Json, UtcDatetime, Value
from burnish.domain.feedback import ADJUDICATED, CRITERION, WENT_WRONG, Feedback, FeedbackSource

__all__ = ["GivenLabel", "Label", "LabelKind", "as_feedback", "visible_feedback"]

LabelKind = Literal["label", "adjudication"]


class Label(Value):
    """One person's word on one trace; `correction` is what the output should have been, written or edited.

    `score` is 0 (bad) to 1 (good). `span_id` names the step where it went wrong, `span_comment` says how.
    """

    score: float | None = Field(default=None, ge=0, le=1)
    value: str | None = None
    correction: Json = None
    criteria: tuple[str, ...] = ()
    comment: str | None = None
    span_id: str | None = None
    span_comment: str | None = None


class GivenLabel(Value):
    """A label with who gave it and when. `seconds` is the time from the assignment to the label."""

    person: str
    kind: LabelKind
    label: Label
    started_at: UtcDatetime
    given_at: UtcDatetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.given_at - self.started_at).total_seconds()


def as_feedback(given: GivenLabel, trace_id: str, key: str) -> tuple[Feedback, ...]:
    """The feedback of a label: one on the trace, one a criterion, one on the span that went wrong.

    An adjudicated label carries the version ADJUDICATED, so that it counts beside what its author said elsewhere.
    """
    label, version = given.label, ADJUDICATED if given.kind == "adjudication" else ""

    base: dict[str, object] = {
        "trace_id": trace_id,
        "source": FeedbackSource.HUMAN,
        "author": given.person,
        "created_at": given.given_at,
    }
    whole = {"score": label.score, "value": label.value, "comment": label.comment, "correction": label.correction}
    found = []
    if any(part is not None for part in whole.values()):
        found.append({"key": key, "version": version, **whole})
    # A second criterion of the same person is a row of its own.
    found += [
        {"key": CRITERION, "version": f"{version}{number or ''}", "comment": text}
        for number, text in enumerate(label.criteria)
    ]
    if label.span_id is not None:
        found.append({"key": WENT_WRONG, "version": version, "span_id": label.span_id, "comment": label.span_comment})
    return tuple(Feedback.model_validate({**base, **one}) for one in found)


def visible_feedback(
    feedback: Sequence[Feedback], person: str, *, settled: bool, show_scores: bool = True, adjudicates: bool = False
) -> list[Feedback]:
    """What a reviewer may see of the feedback on a trace while labelling it.

    Other people's words would anchor theirs, so they come only once the item is settled or disputed and theirs to
    decide. Without `show_scores` judges and code checks stay hidden as well. What the agent's own user said is part of
    the case.
    """
    open_to_all = settled or adjudicates
    return [
        item
        for item in feedback
        if item.source is FeedbackSource.USER
        or (item.source is FeedbackSource.HUMAN and (open_to_all or item.author == person))
        or (item.source is not FeedbackSource.HUMAN and (settled or show_scores))
    ]
