"""What the agent's own users said, as a score."""

from collections.abc import Callable, Iterable
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, EvaluatorError, Score
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.trajectories import text_of

__all__ = ["UserFeedback"]

_LABELS: Final[dict[str, float]] = {
    **dict.fromkeys(("true", "up", "thumbs_up", "thumbs-up", "👍", "positive", "good", "like", "yes", "helpful"), 1.0),
    **dict.fromkeys(
        ("false", "down", "thumbs_down", "thumbs-down", "👎", "negative", "bad", "dislike", "no", "unhelpful"), 0.0
    ),
}


class UserFeedback(CodeCheck):
    """Thumbs, ratings and edits of the agent's users under `keys`, brought to 0..1.

    A score is read on `scale` (lowest, highest), a label by `labels` or the usual words (up, down, 👍, …). With `edits`
    an edited output counts too, as its similarity with what the agent wrote. Of each user the newest word counts;
    several users are averaged, or the worst counts. Only traces with such feedback are scored; newer words score again.
    """

    kind: ClassVar[str] = "user_feedback"

    keys: tuple[str, ...] = Field(min_length=1)
    scale: tuple[float, float] = (0.0, 1.0)
    labels: dict[str, float] = {}
    edits: bool = False
    combine: Literal["mean", "worst"] = "mean"

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.scale[0] == self.scale[1]:
            raise ValueError("scale needs two different ends, for example [1, 5]; [5, 1] where 1 is best")
        if not all(0 <= score <= 1 for score in self.labels.values()):
            raise ValueError("labels map to scores from 0 to 1")
        return self

    @property
    def needs_feedback(self) -> bool:
        """Always."""
        return True

    def heeds(self, item: Feedback) -> bool:
        """What users said under the keys, and their edits of the whole output."""
        if item.source is not FeedbackSource.USER or item.span_id is not None:
            return False
        said = item.key in self.keys and (item.score is not None or item.value is not None)
        return said or (self.edits and item.correction is not None)

    def check(self, context: EvaluationContext) -> Score:
        """The score, and in the comment how many users it is from."""
        newest: dict[tuple[str, bool], Feedback] = {}
        for item in sorted(filter(self.heeds, context.feedback), key=lambda one: (one.created_at, one.id)):
            newest[item.author, item.correction is not None] = item
        if not newest:
            raise EvaluatorError("no user has said anything under these keys")
        scores = [self._score(item, context) for item in newest.values()]
        users = len({author for author, _ in newest})
        comment = f"from {len(scores)} {'word' if len(scores) == 1 else 'words'} of {users} users"
        words = [item.comment for item in newest.values() if item.comment]
        if words:
            comment += f": {words[-1][:300]}"
        combine: Callable[[Iterable[float]], float] = min if self.combine == "worst" else _mean
        return Score(score=combine(scores), comment=comment)

    def _score(self, item: Feedback, context: EvaluationContext) -> float:
        if item.correction is not None and self.edits:
            from rapidfuzz import fuzz

            return float(fuzz.ratio(text_of(context.output)[:20_000], text_of(item.correction)[:20_000])) / 100
        if item.score is not None:
            low, high = self.scale
            return min(1.0, max(0.0, (item.score - low) / (high - low)))
        label = str(item.value).strip()
        known = self.labels.get(label, _LABELS.get(label.casefold()))
        if known is None:
            raise EvaluatorError(f"the label {label[:80]!r} under '{item.key}' has no score; add it to labels")
        return known


def _mean(scores: Iterable[float]) -> float:
    found = list(scores)
    return sum(found) / len(found)
