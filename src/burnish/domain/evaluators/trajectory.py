"""Checks of the way an agent took: which tools, in what order, how often, how many steps."""

import re
from collections import Counter
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from burnish.domain.base import Json, content_hash
from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, Score
from burnish.domain.evaluators.tools import arguments_of
from burnish.domain.traces import SpanKind, SpanStatus, Trace
from burnish.domain.trajectories import shorten, text_of

__all__ = ["Loops", "RepeatedCalls", "StepLimit", "ToolErrors", "ToolOrder", "ToolsUsed"]

_ERROR_TEXT = re.compile(r"\s*(?:error|exception|traceback)\b", re.IGNORECASE)


class ToolsUsed(CodeCheck):
    """All `required` tools were called, none that is `forbidden`, and with `only` none outside that list."""

    kind: ClassVar[str] = "tools_used"

    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.required and not self.forbidden and self.only is None:
            raise ValueError("set at least one of required, forbidden and only")
        return self

    def check(self, context: EvaluationContext) -> Score:
        """1 where all holds."""
        used = list(dict.fromkeys(use.name for use in context.tool_uses))
        reasons = [f"did not call {name}" for name in self.required if name not in used]
        reasons += [f"called the forbidden {name}" for name in used if name in self.forbidden]
        if self.only is not None:
            reasons += [f"called {name}" for name in used if name not in self.only and name not in self.forbidden]
        return _passed(reasons)


class ToolOrder(CodeCheck):
    """The tools in `order` were called one after another; other calls may stand between them."""

    kind: ClassVar[str] = "tool_order"

    order: tuple[str, ...] = Field(min_length=2)

    def check(self, context: EvaluationContext) -> Score:
        """1 where `order` is a subsequence of the calls."""
        names = [use.name for use in context.tool_uses]
        rest = iter(names)
        late = next((name for name in self.order if name not in rest), None)
        return _passed([] if late is None else [f"no {late} at its place; called {', '.join(names) or 'nothing'}"])


class RepeatedCalls(CodeCheck):
    """No tool was called more than `limit` times with the same arguments: an agent that goes round in circles."""

    kind: ClassVar[str] = "repeated_calls"

    limit: int = Field(default=2, ge=1)

    def check(self, context: EvaluationContext) -> Score:
        """1 where no call is repeated too often."""
        uses = context.tool_uses
        counts = Counter((use.name, content_hash(arguments_of(use), length=64)) for use in uses)
        return _passed(
            [f"called {name} {n} times with the same arguments" for (name, _), n in counts.items() if n > self.limit]
        )


class Loops(CodeCheck):
    """No sequence of up to `longest` tool calls comes more than `limit` times in a row: search, read, search, read.

    `by` says when two calls are the same: `name`, or `call` (name and arguments). Unlike `repeated_calls` it finds
    circles of several tools, and calls that differ in their arguments alone.
    """

    kind: ClassVar[str] = "loops"

    limit: int = Field(default=3, ge=1)
    longest: int = Field(default=4, ge=1, le=20)
    by: Literal["name", "call"] = "name"

    def check(self, context: EvaluationContext) -> Score:
        """1 where nothing goes round too often; the comment names the circle."""
        names = [use.name for use in context.tool_uses]
        keys = names
        if self.by == "call":
            keys = [f"{use.name} {content_hash(arguments_of(use), length=64)}" for use in context.tool_uses]
        for length in range(1, self.longest + 1):
            same = 0  # calls in a row that equal the one `length` before
            for place in range(length, len(keys)):
                same = same + 1 if keys[place] == keys[place - length] else 0
                if same >= length * self.limit:
                    times = same // length + 1
                    circle = ", ".join(names[place - length + 1 : place + 1])
                    return Score.passed(False, f"{times} times in a row: {shorten(circle, 300)}")
        return Score.passed(True)


class StepLimit(CodeCheck):
    """The trace has at most `limit` steps: model calls, tool calls or both."""

    kind: ClassVar[str] = "step_limit"

    limit: int = Field(ge=1)
    count: Literal["all", "model_calls", "tool_calls"] = "all"

    def check(self, context: EvaluationContext) -> Score:
        """1 where within the limit."""
        steps = 0
        if self.count != "tool_calls":
            steps += len(context.model_calls)
        if self.count != "model_calls":
            steps += len(context.tool_uses)
        return Score.passed(steps <= self.limit, f"{steps} steps, the limit is {self.limit}")


class ToolErrors(CodeCheck):
    """At most `limit` tool calls failed.

    A call failed where its span has the error status, or its result is an object with a true `error`, `is_error` or
    `isError`, or a text that begins with error, exception or traceback.
    """

    kind: ClassVar[str] = "tool_errors"

    limit: int = Field(default=0, ge=0)

    def check(self, context: EvaluationContext) -> Score:
        """1 where few enough failed."""
        failed = _failed(context.trace)
        return _passed(
            [f"{len(failed)} failed, the limit is {self.limit}", *failed] if len(failed) > self.limit else []
        )


def _failed(trace: Trace) -> list[str]:
    spans = [span for span in trace.spans if span.kind is SpanKind.TOOL]
    if not any(span.tool for span in spans):
        from_calls = [f"{use.name}: {text_of(use.result)}" for use in trace.tool_uses() if _is_error(use.result)]
        return from_calls + [
            f"{span.name}: {span.status_message or 'error'}" for span in spans if span.status is SpanStatus.ERROR
        ]
    failed = []
    for span in spans:
        name = span.tool.name if span.tool is not None else span.name
        result = span.tool.result if span.tool is not None else span.output
        if span.status is SpanStatus.ERROR:
            failed.append(f"{name}: {span.status_message or text_of(result) or 'error'}")
        elif _is_error(result):
            failed.append(f"{name}: {text_of(result)}")
    return [shorten(item, 200) for item in failed]


def _is_error(result: Json) -> bool:
    if isinstance(result, dict):
        return any(result.get(key) not in (None, False, "", 0, [], {}) for key in ("error", "is_error", "isError"))
    return isinstance(result, str) and _ERROR_TEXT.match(result) is not None


def _passed(reasons: list[str]) -> Score:
    return Score.passed(not reasons, shorten("; ".join(reasons), 500) or None)
