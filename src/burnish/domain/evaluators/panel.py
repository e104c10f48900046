"""A panel: several judges, by rubric or by model, vote on one trace; that they disagree is a result too."""

import asyncio
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from burnish.domain.base import Value
from burnish.domain.chat import ChatRequest
from burnish.domain.evaluators.base import (
    EvaluationContext,
    Evaluator,
    EvaluatorBudgetError,
    EvaluatorError,
    JudgeModels,
    Score,
)
from burnish.domain.evaluators.judge import CriterionName, Judge
from burnish.domain.feedback import FeedbackSource
from burnish.domain.trajectories import shorten
from burnish.errors import BudgetExceededError

__all__ = ["DISAGREEMENT", "Panel", "PanelMember"]

DISAGREEMENT: Final = "disagreement"


class PanelMember(Value):
    """One judge of a panel. Without a `rubric` or `model` of its own it takes the panel's, or the agent's model.

    `model` may be one that the agent's file describes in [models.NAME], at an endpoint of its own.
    """

    name: CriterionName
    rubric: str | None = None
    model: str | None = None
    scale: int | None = Field(default=None, ge=2, le=10)
    anchors: dict[int, str] = {}
    criteria: dict[CriterionName, str] = {}


class Panel(Evaluator):
    """Judges vote on a trace, a call each.

    A member passes a trace from `pass_from` up. `majority`: 1 where more than half pass, 0 where more than half fail,
    a half for a tie; `unanimous`: 1 where all pass; `mean`: the mean of the members' scores. Each member's score stands
    under "<name>.<member>", and "<name>.disagreement" is 0 where they agree and 1 where they are split evenly (for
    `mean`: the distance between the highest and the lowest). Members that fail are left out as long as `quorum` of them
    (default: more than half) answer.
    """

    kind: ClassVar[str] = "panel"
    source: ClassVar[FeedbackSource] = FeedbackSource.JUDGE

    members: tuple[PanelMember, ...] = Field(min_length=2)
    rubric: str | None = None
    model: str | None = None
    vote: Literal["majority", "mean", "unanimous"] = "majority"
    pass_from: float = Field(default=0.5, gt=0, le=1)
    quorum: int | None = Field(default=None, ge=1)
    reference: bool = False
    limit: int = Field(default=24_000, ge=500)
    max_tokens: int = Field(default=1024, gt=0)
    timeout_s: float = Field(default=300.0, gt=0)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        names = [member.name for member in self.members]
        if len(set(names)) < len(names) or DISAGREEMENT in names:
            raise ValueError("members need different names, and none is called 'disagreement'")
        if self.rubric is None and any(member.rubric is None for member in self.members):
            raise ValueError("set rubric for the panel, or for each member")
        if self.quorum is not None and self.quorum > len(names):
            raise ValueError(f"quorum is {self.quorum}, but there are {len(names)} members")
        self.judges()
        return self

    @property
    def asks(self) -> int:
        """One a member."""
        return len(self.members)

    @property
    def uses_expected(self) -> bool:
        """Where the reference is shown."""
        return self.reference

    def questions(self, context: EvaluationContext) -> list[ChatRequest]:
        """The question of each member."""
        return [judge.request(context) for judge in self.judges()]

    @property
    def models(self) -> tuple[str | None, ...]:
        """The model of each member."""
        return tuple(member.model or self.model for member in self.members)

    def bound(self, judge_models: JudgeModels | str) -> "Panel":
        """With the models in the version: the members' own, the panel's, or the agent's."""
        models = JudgeModels.given(judge_models)
        members = tuple(
            member if member.model is None else member.model_copy(update={"model": models.of(member.model)})
            for member in self.members
        )
        return self.model_copy(update={"model": models.of(self.model), "members": members})

    @property
    def version(self) -> str:
        """Changes with the judges' own prompts too."""
        return self._version(Judge.revision)

    def judges(self) -> list[Judge]:
        """The members as judges of their own."""
        return [
            Judge(
                name=f"{self.name}.{member.name}",
                rubric=member.rubric or self.rubric or "",
                model=member.model or self.model,
                scale=member.scale,
                anchors=member.anchors,
                criteria=member.criteria,
                reference=self.reference,
                limit=self.limit,
                max_tokens=self.max_tokens,
            )
            for member in self.members
        ]

    async def evaluate(self, context: EvaluationContext) -> list[Score]:
        """Ask all members at once. Raises EvaluatorError below the quorum, and where a budget ends."""
        judges = self.judges()
        answers = await asyncio.gather(*(judge.evaluate(context) for judge in judges), return_exceptions=True)
        scores: dict[str, float] = {}
        said: list[Score] = []
        failed: list[str] = []
        for judge, answer in zip(judges, answers, strict=True):
            if isinstance(answer, BudgetExceededError | EvaluatorBudgetError) or (
                isinstance(answer, BaseException) and not isinstance(answer, Exception)
            ):
                raise answer
            if isinstance(answer, BaseException):
                failed.append(f"{judge.name}: {type(answer).__name__}: {answer}")
                continue
            own = answer[0] if isinstance(answer, list) else answer
            assert own.score is not None  # a judge gives no label without a score
            scores[judge.name] = own.score
            said.append(own.model_copy(update={"key": judge.name}))
        if len(scores) < (self.quorum or len(judges) // 2 + 1):
            raise EvaluatorError(f"{len(failed)} of {len(judges)} judges gave no verdict: {'; '.join(failed)}"[:1_500])
        return [*self._votes(scores, failed), *said]

    def _votes(self, scores: dict[str, float], failed: list[str]) -> list[Score]:
        given = list(scores.values())
        passes = sum(score >= self.pass_from for score in given)
        share = passes / len(given)
        disagreement = max(given) - min(given) if self.vote == "mean" else 2 * min(share, 1 - share)
        if self.vote == "mean":
            score, value = sum(given) / len(given), None
        elif self.vote == "unanimous":
            score, value = float(passes == len(given)), "pass" if passes == len(given) else "fail"
        else:
            score = 0.5 if share == 0.5 else float(share > 0.5)
            value = "tie" if share == 0.5 else "pass" if share > 0.5 else "fail"
        comment = f"{passes} of {len(given)} pass" + (f"; no verdict from {'; '.join(failed)}" if failed else "")
        return [
            Score(score=score, value=value, comment=shorten(comment, 1_000)),
            Score(
                key=f"{self.name}.{DISAGREEMENT}",
                score=disagreement,
                value="disagree" if disagreement else "agree",
            ),
        ]
