"""Checks of the tools an agent called: which, with what arguments, and whether those fit the tools' schemas."""

import contextlib
import json
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import ValidationError, field_validator

from burnish.domain.base import Json, Value
from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, EvaluatorError, Score
from burnish.domain.evaluators.output import expected_at, same
from burnish.domain.evaluators.structure import schema_errors, usable_schema
from burnish.domain.traces import ToolUse
from burnish.domain.trajectories import shorten, text_of

__all__ = ["ExpectedCall", "ToolArguments", "ToolCalls", "ToolSelection", "arguments_of"]


class ExpectedCall(Value):
    """A call that should happen. Without `arguments` only the name counts."""

    name: str
    arguments: dict[str, Json] | None = None


class ToolCalls(CodeCheck):
    """The agent called the tools it should have.

    What it should have called is `calls`, or without them the expected output: a list of {name, arguments} at `path`.
    `order`: `any` wants every expected call somewhere, `same` wants them in that order, both allow others between;
    `exact` wants these calls and no others. `arguments`: `equal`, `subset` (more arguments are allowed) or `ignore`.
    """

    kind: ClassVar[str] = "tool_calls"

    calls: tuple[ExpectedCall, ...] | None = None
    path: str | None = None
    order: Literal["any", "same", "exact"] = "any"
    arguments: Literal["equal", "subset", "ignore"] = "equal"

    @property
    def uses_expected(self) -> bool:
        """Where no calls are configured."""
        return self.calls is None

    def check(self, context: EvaluationContext) -> Score:
        """1 where the calls are as expected; the comment names what is missing or too much."""
        expected = self._expected(context)
        actual = context.tool_uses
        if self.order == "any":
            missing = self._unmatched(expected, actual)
        elif self.order == "same":
            missing = self._out_of_order(expected, actual)
        else:
            missing = [e for e, a in zip(expected, actual, strict=False) if not self._fits(e, a)]
            missing += expected[len(actual) :]
        reasons = [f"expected {_shown(call)}" for call in missing]
        if self.order == "exact" and len(actual) > len(expected):
            reasons += [f"did not expect {use.name}" for use in actual[len(expected) :]]
        if not reasons:
            return Score.passed(True)
        called = ", ".join(use.name for use in actual) or "nothing"
        return Score.passed(False, shorten(f"{'; '.join(reasons)}; called {called}", 500))

    def _expected(self, context: EvaluationContext) -> list[ExpectedCall]:
        if self.calls is not None:
            return list(self.calls)
        given = expected_at(context, self.path)
        if not isinstance(given, list):
            raise EvaluatorError("the expected output is not a list of calls; set `path` to where the list is")
        try:
            return [ExpectedCall.model_validate(item) for item in given]
        except ValidationError as error:
            raise EvaluatorError(f"the expected output is not a list of {{name, arguments}}: {error}") from None

    def _fits(self, expected: ExpectedCall, use: ToolUse) -> bool:
        if expected.name != use.name:
            return False
        if expected.arguments is None or self.arguments == "ignore":
            return True
        actual = arguments_of(use)
        if self.arguments == "equal" or not isinstance(actual, dict):
            return same(expected.arguments, {} if actual is None else actual)
        return all(key in actual and same(value, actual[key]) for key, value in expected.arguments.items())

    def _out_of_order(self, expected: Sequence[ExpectedCall], actual: Sequence[ToolUse]) -> list[ExpectedCall]:
        rest = iter(actual)
        return [call for call in expected if not any(self._fits(call, use) for use in rest)]

    def _unmatched(self, expected: Sequence[ExpectedCall], actual: Sequence[ToolUse]) -> list[ExpectedCall]:
        """Expected calls left without an actual call of their own, under the best assignment."""
        holder: dict[int, int] = {}  # actual -> expected

        def place(index: int, tried: set[int]) -> bool:
            for number, use in enumerate(actual):
                if number in tried or not self._fits(expected[index], use):
                    continue
                tried.add(number)
                if number not in holder or place(holder[number], tried):
                    holder[number] = index
                    return True
            return False

        return [call for index, call in enumerate(expected) if not place(index, set())]


class ToolSelection(CodeCheck):
    """How well the tools the agent chose fit those it should have chosen, whatever their order and arguments.

    The expected names are `tools`, or a list of names (or of {name, …}) at `path` in the expected output. `measure`:
    `f1`, `precision` (no needless tool) or `recall` (no missing tool), over the set of names.
    """

    kind: ClassVar[str] = "tool_selection"

    tools: tuple[str, ...] | None = None
    path: str | None = None
    measure: Literal["f1", "precision", "recall"] = "f1"

    @property
    def uses_expected(self) -> bool:
        """Where no tools are configured."""
        return self.tools is None

    def check(self, context: EvaluationContext) -> Score:
        """The measure, 0 to 1; the comment names what is missing and what is needless."""
        expected = set(self.tools) if self.tools is not None else self._names(context)
        called = {use.name for use in context.tool_uses}
        common = len(expected & called)
        precision = common / len(called) if called else float(not expected)
        recall = common / len(expected) if expected else float(not called or self.measure == "recall")
        both = precision + recall
        score = {"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0.0}
        parts = [f"missing {name}" for name in sorted(expected - called)]
        parts += [f"needless {name}" for name in sorted(called - expected)]
        return Score(score=score[self.measure], comment=shorten("; ".join(parts), 500) or "as expected")

    def _names(self, context: EvaluationContext) -> set[str]:
        given = expected_at(context, self.path)
        names = (
            [item.get("name") if isinstance(item, dict) else item for item in given] if isinstance(given, list) else []
        )
        found = {name for name in names if isinstance(name, str)}
        if not isinstance(given, list) or len(found) < len({text_of(name) for name in names}):
            raise EvaluatorError("the expected output is no list of tool names; set `path` to where the list is")
        return found


class ToolArguments(CodeCheck):
    """The arguments of every tool call are valid against that tool's JSON schema.

    `schemas` is by tool name and goes first; for other tools the definitions that the trace records count. Calls of
    tools without a schema are ignored, or fail with `known_only`. No call at all passes; a trace with calls and no
    schema for any of them cannot be judged.
    """

    kind: ClassVar[str] = "tool_arguments"
    revision: ClassVar[int] = 2

    schemas: dict[str, dict[str, Json]] = {}
    known_only: bool = False

    @field_validator("schemas")
    @classmethod
    def _usable(cls, schemas: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
        return {name: usable_schema(schema) for name, schema in schemas.items()}

    def check(self, context: EvaluationContext) -> Score:
        """1 where all are valid; the comment names the first that are not."""
        schemas = {**recorded_schemas(context), **self.schemas}
        if not schemas and context.tool_uses:
            raise EvaluatorError("neither the evaluator nor the trace has a schema of any tool; set `schemas`")
        reasons = []
        for use in context.tool_uses:
            schema = schemas.get(use.name)
            if schema is not None:
                reasons += [f"{use.name}: {error}" for error in schema_errors(schema, arguments_of(use))]
            elif self.known_only:
                reasons.append(f"{use.name}: no such tool")
        return Score.passed(not reasons, shorten("; ".join(reasons), 500) or None)


def recorded_schemas(context: EvaluationContext) -> dict[str, dict[str, Json]]:
    """The tools' schemas that the trace's model calls recorded, by name; what is no schema is left out."""
    found: dict[str, dict[str, Json]] = {}
    for span in context.model_calls:
        for definition in getattr(span, "tool_definitions", None) or ():
            name = getattr(definition, "name", None)
            parameters = getattr(definition, "parameters", None)
            if not isinstance(name, str) or not isinstance(parameters, dict) or not parameters or name in found:
                continue
            with contextlib.suppress(ValueError):
                found[name] = usable_schema(parameters)
    return found


def arguments_of(use: ToolUse) -> Json:
    """The arguments of a call, parsed where they were recorded as a string of JSON."""
    if not isinstance(use.arguments, str):
        return use.arguments
    try:
        found: Any = json.loads(use.arguments)
    except (ValueError, RecursionError):
        return use.arguments
    parsed: Json = found
    return parsed


def _shown(call: ExpectedCall) -> str:
    return call.name if call.arguments is None else f"{call.name}({shorten(text_of(call.arguments), 200)})"
