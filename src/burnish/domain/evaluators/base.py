"""What an evaluator is: a small frozen value with one `evaluate(context)`."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from burnish.domain.base import Json, Value, content_hash
from burnish.domain.chat import ChatModel
from burnish.domain.datasets import Example
from burnish.domain.feedback import FeedbackSource
from burnish.domain.traces import SpanStatus, Trace

__all__ = ["CodeCheck", "EvaluationContext", "Evaluator", "EvaluatorError", "Filter", "Score"]


class EvaluatorError(Exception):
    """An evaluator says that it cannot judge this trace: recorded as a failure, never as a score."""


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
        return Score(score=1.0 if ok else 0.0, value=ok, comment=comment)


class EvaluationContext(BaseModel):
    """Everything an evaluator may look at.

    `example` is there in an offline run and where a correction gives an expected output; `judge` is the model port
    for LLM judges.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, extra="forbid")

    trace: Trace
    example: Example | None = None
    judge: Any = None  # a ChatModel; Any because protocols are not checked by pydantic

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


class Filter(Value):
    """Which traces an evaluator applies to. Everything set must hold; `sample` is a share, hashed by trace id.

    `name` and `environment` are compared whole. `status` is the trace's own; `has_error` asks whether the trace or any
    of its spans ended with an error. `has_expected` limits the evaluator to traces with a correction (or offline
    examples with an expected output). `metadata` must hold each key with an equal value. A lower `sample` is always a
    subset of a higher one.
    """

    name: str | None = None
    environment: str | None = None
    status: SpanStatus | None = None
    has_error: bool | None = None
    has_expected: bool | None = None
    min_latency_s: float | None = None
    metadata: dict[str, Json] = {}
    sample: float = Field(default=1.0, ge=0, le=1)


class Evaluator(BaseModel):
    """Base of all evaluators: configured by its fields, run by `evaluate`.

    `kind` names the class in YAML specs. `revision` is raised by hand when the code's meaning changes; together with
    the fields it makes the version, so that old and new results are never mixed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    revision: ClassVar[int] = 1
    source: ClassVar[FeedbackSource] = FeedbackSource.CODE

    name: str = Field(min_length=1)
    applies: Filter = Filter()
    timeout_s: float = Field(default=60.0, gt=0)

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
        return content_hash(
            self.kind, self.revision, self.model_dump(mode="json", exclude={"name", "applies", "timeout_s"}), length=12
        )

    async def evaluate(self, context: EvaluationContext) -> Score | list[Score]:
        """Judge one trace. Raise (anything) when it cannot be judged; never invent a score."""
        raise NotImplementedError(f"evaluator {type(self).__name__} has no evaluate()")


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
