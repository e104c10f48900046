"""What an evaluator is: a small frozen value with one `evaluate(context)`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from burnish.domain.base import Json, Value, content_hash
from burnish.domain.chat import ChatModel, ChatRequest
from burnish.domain.datasets import Example
from burnish.domain.features import Features
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Span, ToolUse, Trace

__all__ = [
    "CodeCheck",
    "EvaluationContext",
    "Evaluator",
    "EvaluatorBudget",
    "EvaluatorBudgetError",
    "EvaluatorError",
    "Filter",
    "JudgeModels",
    "Score",
    "When",
]


class EvaluatorError(Exception):
    """An evaluator says that it cannot judge this trace: recorded as a failure, never as a score."""


class EvaluatorBudgetError(EvaluatorError):
    """This evaluator's own budget is used up: the trace stays unjudged until there is a new one."""


class Score(Value):
    """One result of an evaluator: a score in the evaluator's own range, a label, or both, and why.

    `key` is set only by evaluators that give several results; otherwise the evaluator's name is the key.
    """

    score: float | None = Field(default=None, allow_inf_nan=False)
    value: str | bool | None = None
    comment: str | None = None
    key: str | None = None

    @staticmethod
    def passed(ok: bool, comment: str | None = None) -> "Score":
        """A pass/fail result: 1 or 0."""
        if comment is None:
            return _PASSED if ok else _FAILED
        return Score(score=1.0 if ok else 0.0, value=ok, comment=comment)


_PASSED, _FAILED = Score(score=1.0, value=True), Score(score=0.0, value=False)


class JudgeModels(Value):
    """The agent's judge model, and those of its file that specs may name: what each is called in versions and requests.

    What an alias stands for belongs to the version, so that another model under the same alias starts a new series.
    """

    usual: str
    named: dict[str, str] = {}

    def of(self, model: str | None) -> str:
        """The model that a spec means; a name that is no alias is taken as it stands."""
        return self.usual if model is None else self.named.get(model, model)

    @staticmethod
    def given(models: "JudgeModels | str") -> "JudgeModels":
        """A single name is the agent's model."""
        return JudgeModels(usual=models) if isinstance(models, str) else models


class EvaluationContext(BaseModel):
    """Everything an evaluator may look at.

    `example` is there in an offline run and where a correction gives an expected output; `judge` is the model port
    for LLM judges. `feedback` is what people said of the trace, given to evaluators that ask for it. For an evaluator
    of sessions `session` holds the session's traces in order, and `trace` all of them as one. `rival` is what the
    baseline answered to the same example, given to evaluators that compare arms.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, extra="forbid")

    trace: Trace
    example: Example | None = None
    judge: Any = None  # a ChatModel; Any because protocols are not checked by pydantic
    feedback: tuple[Feedback, ...] = ()
    session: tuple[Trace, ...] = ()
    rival: Json = None

    @cached_property
    def tool_uses(self) -> tuple[ToolUse, ...]:
        """The trace's tool calls, worked out once for all checks."""
        return self.trace.tool_uses()

    @cached_property
    def model_calls(self) -> tuple[Span, ...]:
        """The trace's model calls, worked out once for all checks."""
        return tuple(self.trace.model_calls())

    @property
    def output(self) -> Json:
        """The agent's output."""
        return self.trace.output

    @property
    def expected(self) -> Json:
        """What the output should be.

        Raises EvaluatorError where nothing is expected of this trace.
        """
        if self.example is None or self.example.expected is None:
            raise EvaluatorError("this trace has no expected output; correct it in review or filter it out")
        return self.example.expected

    @property
    def model(self) -> ChatModel:
        """The judge's model.

        Raises EvaluatorError where none is configured.
        """
        if self.judge is None:
            raise EvaluatorError("no judge model is configured; set [models.judge] in the agent's file")
        model: ChatModel = self.judge
        return model


class When(Value):
    """A condition on another evaluator's result on the same trace.

    `evaluator` is its name and `key` one of its results (default: its own name). Without `below`, `above` and `value`
    any result will do. Both limits are exclusive.
    """

    evaluator: str = Field(min_length=1)
    key: str | None = None
    below: float | None = None
    above: float | None = None
    value: str | bool | None = None

    def holds(self, score: float | None, value: str | bool | None) -> bool:
        """Whether a result meets the condition; a missing score meets no limit."""
        if self.below is not None and (score is None or score >= self.below):
            return False
        if self.above is not None and (score is None or score <= self.above):
            return False
        return self.value is None or value == self.value


class EvaluatorBudget(Value):
    """What one evaluator may spend a UTC day, or a night of the loop. Answers from the cache are free."""

    calls: int | None = Field(default=None, ge=0)
    usd: float | None = Field(default=None, ge=0)
    per: Literal["day", "night"] = "day"

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.calls is None and self.usd is None:
            raise ValueError("set calls, usd or both")
        return self


class Filter(Features):
    """Which traces an evaluator applies to. Everything set must hold; `sample` is a share, hashed by trace id.

    Besides the features of a trace, of which `status` is the trace's own, `has_error` asks whether the trace or any of
    its spans ended with an error. `has_expected` limits the evaluator to traces with a correction (or offline
    examples with an expected output). `metadata` must hold each key with an equal value. A lower `sample` is always a
    subset of a higher one. `when` chains the evaluator on another one's result, for example a judge where a cheap
    check failed; a trace on which that one has no result is left out until it has.
    """

    has_error: bool | None = None
    has_expected: bool | None = None
    metadata: dict[str, Json] = {}
    sample: float = Field(default=1.0, ge=0, le=1)
    when: When | None = None


class Evaluator(BaseModel):
    """Base of all evaluators: configured by its fields, run by `evaluate`.

    `kind` names the class in YAML specs. `revision` is raised by hand when the code's meaning changes; together with
    the fields it makes the version, so that old and new results are never mixed. With `level: session` it judges all
    traces of a session together once nothing came in for `idle_minutes`; the result stands on the last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    revision: ClassVar[int] = 1
    source: ClassVar[FeedbackSource] = FeedbackSource.CODE
    unversioned: ClassVar[frozenset[str]] = frozenset()
    """Fields of a kind that change how it is run, not what it measures."""
    keeps_time: ClassVar[bool] = False
    """Whether `evaluate` is `within_time` where it counts, instead of as a whole."""
    later: ClassVar[frozenset[str]] = frozenset()
    """Fields that came after the kind's first release: while empty they leave the version as it was."""

    name: str = Field(min_length=1)
    applies: Filter = Filter()
    timeout_s: float = Field(default=60.0, gt=0)
    level: Literal["trace", "session"] = "trace"
    idle_minutes: float = Field(default=30.0, ge=0)
    budget: EvaluatorBudget | None = None

    @property
    def asks(self) -> int:
        """Model calls a trace takes."""
        return 0

    def questions(self, context: EvaluationContext) -> list[ChatRequest]:
        """What the model would be asked about this trace, for estimates. Raises EvaluatorError like `evaluate`."""
        return []

    def heeds(self, item: Feedback) -> bool:
        """Whether what somebody said of a trace is this evaluator's material, so that newer words ask it again."""
        return False

    @property
    def needs_feedback(self) -> bool:
        """Whether there is nothing to judge on a trace until somebody has said what it `heeds`."""
        return False

    @property
    def compares_arms(self) -> bool:
        """Whether it judges one arm of an experiment against the baseline, and so can say nothing of a trace alone."""
        return False

    @property
    def models(self) -> tuple[str | None, ...]:
        """The model of each call that a trace takes; None is the agent's."""
        return ()

    def bound(self, judge_models: JudgeModels | str) -> "Evaluator":
        """The evaluator with its models' names in it, where it asks one: they are part of its version."""
        return self

    @property
    def uses_expected(self) -> bool:
        """Whether a new correction of a trace can change this evaluator's answer, so that it must be asked again."""
        return False

    def prepare(self) -> None:
        """Look up what the configuration names outside itself, for example a Python function.

        Called once where evaluators are loaded. Raises ConfigError.
        """

    @property
    def version(self) -> str:
        """Hash of the class's revision and every field that changes what is measured."""
        return self._version()

    def _version(self, *more: int) -> str:
        left_out = {"name", "applies", "timeout_s", "idle_minutes", "budget", *self.unversioned}
        left_out |= {name for name in self.later if not getattr(self, name)}
        if self.level == "trace":
            left_out.add("level")
        return content_hash(self.kind, self.revision, self.model_dump(mode="json", exclude=left_out), *more, length=12)

    async def evaluate(self, context: EvaluationContext) -> Score | list[Score]:
        """Judge one trace. Raise (anything) when it cannot be judged; never invent a score."""
        raise NotImplementedError(f"evaluator {type(self).__name__} has no evaluate()")

    @contextlib.asynccontextmanager
    async def within_time(self) -> AsyncIterator[None]:
        """Cancel what is inside after `timeout_s`. Raises TimeoutError that says what to do."""
        try:
            async with asyncio.timeout(self.timeout_s) as clock:
                yield
        except TimeoutError as error:
            if not clock.expired():
                raise
            raise TimeoutError(
                f"no answer within {self.timeout_s:g} s; raise timeout_s or look why it hangs"
            ) from error


class CodeCheck(Evaluator):
    """A check that only computes: `check` instead of `evaluate`.

    It runs inline, without a task of its own, so that many checks over many traces are quick; its time-out cannot
    interrupt it. What may block or run long belongs in `evaluate`.
    """

    def check(self, context: EvaluationContext) -> Score | list[Score]:
        """Judge one trace. Raise (anything) when it cannot be judged; never invent a score."""
        raise NotImplementedError(f"evaluator {type(self).__name__} has no check()")

    async def evaluate(self, context: EvaluationContext) -> Score | list[Score]:
        """The answer of `check`."""
        return self.check(context)
