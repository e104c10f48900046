"""Checks of the output as a value: valid against a JSON schema, a number near the expected one."""

import json
import math
import re
from functools import lru_cache
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from burnish.domain.base import Json
from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, EvaluatorError, Score
from burnish.domain.evaluators.output import OutputError, bounded, expected_at, output_at, parsed
from burnish.domain.patterns import search
from burnish.domain.trajectories import shorten, text_of

__all__ = ["JsonSchema", "Numeric", "schema_errors", "usable_schema"]

_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
_REASONS = 5


class JsonSchema(CodeCheck):
    """The output (a string is parsed) is valid against a JSON schema, draft 2020-12 unless `$schema` says otherwise.

    References to other documents are never fetched.
    """

    model_config = ConfigDict(populate_by_name=True)

    kind: ClassVar[str] = "json_schema"

    schema_: dict[str, Json] = Field(alias="schema")
    path: str | None = None

    @field_validator("schema_")
    @classmethod
    def _usable(cls, schema: dict[str, Json]) -> dict[str, Json]:
        return usable_schema(schema)

    def check(self, context: EvaluationContext) -> Score:
        """1 where valid; the comment names the first places that are not."""
        try:
            value = parsed(output_at(context, self.path))
        except OutputError as error:
            return Score.passed(False, str(error))
        errors = schema_errors(self.schema_, value)
        return Score.passed(not errors, "; ".join(errors) or None)


class Numeric(CodeCheck):
    """The output is a number within a tolerance of the expected one: `absolute`, or `relative` to the expected value.

    `read` says how a text becomes a number: `whole` text, or the `last` number in it. Thousands may carry commas.
    """

    kind: ClassVar[str] = "numeric"

    path: str | None = None
    absolute: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    relative: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    read: Literal["whole", "last"] = "whole"

    @property
    def uses_expected(self) -> bool:
        """Always."""
        return True

    def check(self, context: EvaluationContext) -> Score:
        """1 where within the tolerance; what is not a number fails."""
        expected = _number(expected_at(context, self.path), "whole")
        if expected is None:
            raise EvaluatorError("the expected output is not a number")
        try:
            value = output_at(context, self.path)
        except OutputError as error:
            return Score.passed(False, str(error))
        actual = _number(value, self.read)
        if actual is None:
            return Score.passed(False, f"{shorten(text_of(value), 200)!r} is not a number")
        allowed = max(self.absolute, self.relative * abs(expected))
        # Float arithmetic must not fail 0.3 against 0.1 + 0.2.
        ok = abs(actual - expected) <= allowed or math.isclose(actual, expected, rel_tol=1e-12)
        return Score.passed(ok, None if ok else f"{actual:g} is not within {allowed:g} of {expected:g}")


def usable_schema(schema: dict[str, Json]) -> dict[str, Json]:
    """The schema itself. Raises ValueError where it is not a JSON schema."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for

    try:
        validator_for(schema, Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON schema: {error.message}") from None
    return schema


def schema_errors(schema: dict[str, Json], value: Json) -> list[str]:
    """The first few places where `value` is not valid, as sentences; empty where it is."""
    errors = sorted(_validator(json.dumps(schema)).iter_errors(value), key=lambda error: list(map(str, error.path)))
    return [f"{error.json_path}: {shorten(error.message, 200)}" for error in errors[:_REASONS]]


@lru_cache(maxsize=128)
def _validator(schema: str) -> Any:
    from jsonschema.validators import Draft202012Validator, extend, validator_for
    from referencing import Registry
    from referencing.jsonschema import EMPTY_REGISTRY

    registry: Registry[Any] = EMPTY_REGISTRY  # knows no document and fetches none
    loaded = json.loads(schema)
    # jsonschema matches patterns with `re`, which nothing can stop; schemas come from traces too.
    stoppable = {"pattern": _pattern, "patternProperties": _pattern_properties}
    validator: Any = extend(validator_for(loaded, Draft202012Validator), stoppable)  # type: ignore[no-untyped-call]
    return validator(loaded, registry=registry)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(instance, "string") and search(pattern, instance) is None:
        yield ValidationError(f"{shorten(repr(instance), 100)} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Any:
    if not validator.is_type(instance, "object"):
        return
    for pattern, inner in patterns.items():
        for name, value in instance.items():
            if search(pattern, name) is not None:
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _number(value: Json, read: str) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    found = [value.strip()] if read == "whole" else _NUMBER.findall(bounded(value))[-1:]
    if not found or _NUMBER.fullmatch(found[0]) is None:
        return None
    number = float(found[0].replace(",", ""))
    return number if math.isfinite(number) else None
