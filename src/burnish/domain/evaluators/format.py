"""Checks of the form of an answer: JSON, YAML, a Markdown table, a date …; and its length."""

import datetime as dt
import ipaddress
import json
import math
import re
import uuid
from collections.abc import Callable
from typing import ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import Field, model_validator

from burnish.domain.base import Json
from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, Score
from burnish.domain.evaluators.output import OutputError, as_text, output_at
from burnish.domain.evaluators.words import sentences_of
from burnish.domain.trajectories import shorten

__all__ = ["Format", "Length"]

Form = Literal[
    "json",
    "json_object",
    "json_array",
    "yaml",
    "markdown_table",
    "url",
    "email",
    "date",
    "datetime",
    "number",
    "integer",
    "boolean",
    "uuid",
    "ip",
    "one_line",
    "no_markdown",
]
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_RULE: Final = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_FENCE: Final = re.compile(r"\A```[\w-]*\n(.*)\n```\Z", re.DOTALL)
_MARKDOWN: Final = re.compile(r"^(?:#{1,6} |```|[-*+] |\d+\. |> |\|.*\|)|\*\*\S|\[[^\]\n]+\]\([^)\n]+\)", re.MULTILINE)
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Format(CodeCheck):
    """The output, or what is at `path` in it, has a form.

    `strip_fence` takes a Markdown code fence around the whole of it off first. `markdown_table` wants one table at
    least, whose rows all have as many cells as its head. Dates are ISO 8601, or of strptime's `pattern`.
    """

    kind: ClassVar[str] = "format"

    form: Form
    path: str | None = None
    strip_fence: bool = False
    pattern: str | None = None

    @model_validator(mode="after")
    def _pattern_of_dates(self) -> Self:
        if self.pattern is not None and self.form not in ("date", "datetime"):
            raise ValueError("pattern is for the forms date and datetime")
        return self

    def check(self, context: EvaluationContext) -> Score:
        """1 where it has the form; the comment says what is wrong."""
        try:
            value = output_at(context, self.path)
            wrong = self._wrong(value)
        except OutputError as error:
            wrong = str(error)
        return Score.passed(wrong is None, wrong)

    def _wrong(self, value: Json) -> str | None:
        if self.form in _VALUES and not isinstance(value, str):
            return None if _VALUES[self.form](value) else f"it is a {type(value).__name__}"
        text = as_text(value).strip()
        fenced = _FENCE.match(text) if self.strip_fence else None
        text = fenced[1].strip() if fenced else text
        if self.pattern is not None:
            try:
                dt.datetime.strptime(text, self.pattern)
            except ValueError as error:
                return shorten(str(error), 300)
            return None
        try:
            return None if _TEXTS[self.form](text) else f"{shorten(text, 120)!r} is no {self.form}"
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            return shorten(f"no {self.form}: {' '.join(str(error).split())}", 300)


class Length(CodeCheck):
    """The output has from `minimum` to `maximum` characters, words, sentences or lines."""

    kind: ClassVar[str] = "length"

    unit: Literal["characters", "words", "sentences", "lines"] = "words"
    minimum: int | None = Field(default=None, ge=0)
    maximum: int | None = Field(default=None, ge=0)
    path: str | None = None

    @model_validator(mode="after")
    def _a_range(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("set minimum, maximum or both")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum is above maximum")
        return self

    def check(self, context: EvaluationContext) -> Score:
        """1 where within the range."""
        try:
            text = as_text(output_at(context, self.path))
        except OutputError as error:
            return Score.passed(False, str(error))
        count = {
            "characters": lambda: len(text),
            "words": lambda: len(text.split()),
            "sentences": lambda: len(sentences_of(text)),
            "lines": lambda: len(text.strip().splitlines()),
        }[self.unit]()
        ok = (self.minimum is None or count >= self.minimum) and (self.maximum is None or count <= self.maximum)
        low = "" if self.minimum is None else f" from {self.minimum:,}"
        high = "" if self.maximum is None else f" to {self.maximum:,}"
        return Score.passed(ok, f"{count:,} {self.unit}, allowed are{low}{high}")


def _is_json(text: str) -> Json:
    found: Json = json.loads(text, parse_constant=_no_constant)
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_yaml(text: str) -> bool:
    return isinstance(yaml.load(text, Loader=_LOADER), dict | list)  # noqa: S506 - a safe loader, in C where there is one


def _is_table(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines()]
    for head, rule, number in zip(lines, lines[1:], range(2, len(lines) + 1), strict=False):
        if "|" not in head or "|" not in rule or not _RULE.fullmatch(rule) or _cells(rule) != _cells(head):
            continue
        rows = []
        for line in lines[number:]:
            if "|" not in line:
                break
            rows.append(_cells(line))
        return bool(rows) and all(row == _cells(head) for row in rows)
    return False


def _cells(line: str) -> int:
    return len(re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|")))


def _is_url(text: str) -> bool:
    found = urlsplit(text)
    return found.scheme in ("http", "https") and bool(found.hostname) and not re.search(r"\s", text)


def _parses(read: Callable[[str], object]) -> Callable[[str], bool]:
    def parses(text: str) -> bool:
        read(text)
        return True

    return parses


_TEXTS: Final[dict[str, Callable[[str], bool]]] = {
    "json": _parses(_is_json),
    "json_object": lambda text: isinstance(_is_json(text), dict),
    "json_array": lambda text: isinstance(_is_json(text), list),
    "yaml": _is_yaml,
    "markdown_table": _is_table,
    "url": _is_url,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "date": _parses(dt.date.fromisoformat),
    "datetime": _parses(dt.datetime.fromisoformat),
    "number": lambda text: math.isfinite(float(text.replace(",", ""))),
    "integer": lambda text: re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+|[-+]?\d+", text) is not None,
    "boolean": lambda text: text.casefold() in ("true", "false", "yes", "no"),
    "uuid": _parses(uuid.UUID),
    "ip": _parses(ipaddress.ip_address),
    "one_line": lambda text: bool(text) and len(text.splitlines()) == 1,
    "no_markdown": lambda text: _MARKDOWN.search(text) is None,
}
_VALUES: Final[dict[str, Callable[[Json], bool]]] = {
    "json": lambda value: value is not None,
    "json_object": lambda value: isinstance(value, dict),
    "json_array": lambda value: isinstance(value, list),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
}
