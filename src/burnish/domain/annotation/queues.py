"""A queue: who is asked what about which traces."""

from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from burnish.domain.annotation.labels import GivenLabel, Label
from burnish.domain.annotation.people import Profile
from burnish.domain.annotation.rules import AnyRule
from burnish.domain.base import Value
from burnish.domain.evaluators.judge import Rubric
from burnish.errors import InputError

__all__ = ["Ask", "Grade", "Queue"]


class Grade(NamedTuple):
    """One answer on the scale: its title and the score it stands for."""

    title: str
    score: float


class Ask(Value):
    """What a reviewer is asked.

    `scale`: 2 is pass or fail, 3 to 10 are grades from 1 up, 0 asks for no score. `labels` are words to choose one
    from. `correction`: "expected" asks what the output should have been, "edit" starts from the output. `criteria` asks
    what a good output must meet, `span` where it went wrong. `required` lists what cannot be left out.
    """

    scale: int = Field(default=2, ge=0, le=10)
    labels: tuple[str, ...] = ()
    correction: Literal["no", "expected", "edit"] = "expected"
    criteria: bool = True
    comment: bool = True
    span: bool = True
    required: tuple[Literal["score", "label", "correction", "comment"], ...] = ()

    @model_validator(mode="after")
    def _can_be_answered(self) -> "Ask":
        if self.scale == 1:
            raise ValueError("scale 1 leaves nothing to choose; write 2 for pass or fail, 0 for no score")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels has a word twice")
        asked = {"score": self.scale > 0, "label": bool(self.labels), "correction": self.correction != "no"}
        missing = [name for name in self.required if not {**asked, "comment": self.comment}[name]]
        if missing:
            raise ValueError(f"required names {missing[0]}, which is not asked for")
        return self

    @property
    def grades(self) -> tuple[Grade, ...]:
        """The answers of the scale, the worst first."""
        if self.scale == 2:
            return (Grade("fail", 0.0), Grade("pass", 1.0))
        return tuple(Grade(str(number + 1), number / (self.scale - 1)) for number in range(self.scale))

    def check(self, label: Label) -> Label:
        """The label with its score exactly on the scale. Raises InputError that says what is missing or not asked."""
        told = {
            "score": label.score is not None,
            "label": label.value is not None,
            "correction": label.correction is not None,
            "comment": bool(label.comment),
        }
        missing = [name for name in self.required if not told[name]]
        if missing:
            raise InputError(f"this queue asks for {' and '.join(missing)}")
        if not any(told.values()) and not label.criteria and label.span_id is None:
            raise InputError("the label says nothing; to leave the item out, skip it")
        if told["label"] and label.value not in self.labels:
            raise InputError(f"no label '{label.value}' in this queue; there are: {', '.join(self.labels) or 'none'}")
        unasked = {
            "a correction": told["correction"] and self.correction == "no",
            "criteria": bool(label.criteria) and not self.criteria,
            "a comment": told["comment"] and not self.comment,
            "a span": label.span_id is not None and not self.span,
        }
        if any(unasked.values()):
            raise InputError(f"this queue does not ask for {next(name for name, there in unasked.items() if there)}")
        if label.score is None:
            return label
        exact = next((grade.score for grade in self.grades if abs(grade.score - label.score) < 0.005), None)
        if exact is None:
            allowed = ", ".join(f"{grade.score:.3g} ({grade.title})" for grade in self.grades) or "none"
            raise InputError(f"score {label.score:g} is not on this queue's scale: {allowed}")
        return label.model_copy(update={"score": exact})


class Queue(Value):
    """One queue of `config/queues.yaml`.

    `agents` empty: all of them. `rubric` names a file in config/rubrics; people's scores are stored under `key`: give
    it a judge's name, and they count for that judge alone. `labels` different people label each item without seeing
    each other's answers; where they disagree (`adjudicate`), an expert decides. `daily_cap` is the number of items that
    come in a day (UTC); traces older than `look_back_days` do not. `show_scores` shows the reviewer what judges said,
    which sways them. `order`: "teach" (what teaches most comes first, see `order`) or "random".
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str = ""
    agents: tuple[str, ...] = ()
    profile: Profile = "reviewer"
    rubric: str | None = None
    key: str = Field(default="review", min_length=1)
    labels: int = Field(default=1, ge=1, le=20)
    adjudicate: bool = True
    daily_cap: int = Field(default=50, ge=1)
    lease_minutes: float = Field(default=30, gt=0)
    look_back_days: float = Field(default=7, gt=0)
    order: Literal["teach", "random"] = "teach"
    show_scores: bool = False
    ask: Ask = Ask()
    fill: tuple[AnyRule, ...] = ()
    instructions: Rubric | None = Field(default=None, exclude=True)  # what `rubric` names, read by `load_queues`

    def takes(self, agent: str) -> bool:
        """Whether the agent's traces come here."""
        return not self.agents or agent in self.agents

    def disputed(self, given: list[GivenLabel]) -> bool:
        """Whether the blind labels of an item need somebody to decide.

        They do where some pass what others fail, where grades are more than one step apart, or where label words
        differ. Corrections are not compared: two good ones are rarely the same text.
        """
        if not self.adjudicate or len(given) < 2:
            return False
        scores = [one.label.score for one in given if one.label.score is not None]
        values = {one.label.value for one in given}
        step = 1 / (self.ask.scale - 1) if self.ask.scale > 2 else 0.0
        apart = bool(scores) and (
            len({score >= 0.5 for score in scores}) == 2 or max(scores) - min(scores) > step + 1e-9
        )
        return apart or (bool(self.ask.labels) and len(values) > 1)
