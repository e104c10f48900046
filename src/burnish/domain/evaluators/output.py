"""How checks read the agent's output and what was expected of it: at a path, as text, compared as JSON."""

import json
import re
import string
from typing import Final

from burnish.domain.base import Json
from burnish.domain.evaluators.base import EvaluationContext, EvaluatorError
from burnish.domain.trajectories import text_of

__all__ = [
    "MAX_CHARACTERS",
    "OutputError",
    "as_text",
    "bounded",
    "expected_at",
    "normal",
    "output_at",
    "parsed",
    "same",
]

MAX_CHARACTERS: Final = 200_000

_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


class OutputError(Exception):
    """The agent's output lacks what the check looks at: the agent's fault, so a score of 0 with this reason."""


def output_at(context: EvaluationContext, path: str | None) -> Json:
    """The output, or what is at the dotted `path` in it; a string is read as JSON first.

    Raises OutputError where there is no such place.
    """
    if path is None:
        return context.output
    return _at(parsed(context.output), path, "the output")


def expected_at(context: EvaluationContext, path: str | None) -> Json:
    """What is expected, or what is at `path` in it; a plain value is taken as it is.

    Raises EvaluatorError where nothing is expected or the path is not in it.
    """
    expected = context.expected
    if path is None or not isinstance(expected, dict | list):
        return expected
    try:
        return _at(expected, path, "the expected output")
    except OutputError as error:
        raise EvaluatorError(str(error)) from None


def parsed(value: Json) -> Json:
    """A string as the JSON it holds, anything else as it is. Raises OutputError where it is not JSON."""
    if not isinstance(value, str):
        return value
    try:
        found: Json = json.loads(bounded(value))
    except (ValueError, RecursionError) as error:
        raise OutputError(f"the output is not JSON: {error}") from None
    return found


def bounded(text: str) -> str:
    """`text` if a check can read it in reasonable time. Raises EvaluatorError over 200,000 characters."""
    if len(text) > MAX_CHARACTERS:
        raise EvaluatorError(f"the text has {len(text):,} characters; checks read at most {MAX_CHARACTERS:,}")
    return text


def normal(text: str, *, ignore_case: bool, ignore_whitespace: bool, ignore_punctuation: bool) -> str:
    """`text` without the differences that do not count."""
    if ignore_punctuation:
        text = text.translate(_PUNCTUATION)
    if ignore_whitespace:
        text = re.sub(r"\s+", " ", text).strip()
    return text.casefold() if ignore_case else text


def same(left: Json, right: Json) -> bool:
    """Equality of JSON: 1 equals 1.0, true does not equal 1, the order of an object's fields does not count."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def as_text(value: Json) -> str:
    """A value as bounded text. Raises OutputError for null: the agent said nothing."""
    if value is None:
        raise OutputError("there is no output")
    return bounded(text_of(value))


def _at(value: Json, path: str, what: str) -> Json:
    for number, step in enumerate(path.split(".")):
        where = ".".join(path.split(".")[: number + 1])
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise OutputError(f"{what} has no '{where}'")
    return value
