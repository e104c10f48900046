"""Checks of the output as text: equal, similar, containing, matching."""

from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator

from burnish.domain.base import Json
from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, EvaluatorError, Score
from burnish.domain.evaluators.output import OutputError, as_text, expected_at, normal, output_at, parsed, same
from burnish.domain.patterns import SECONDS, compiled, search
from burnish.domain.trajectories import shorten, text_of

__all__ = ["Contains", "ExactMatch", "FuzzyMatch", "Regex"]

# The best part is looked for at every place: two texts of 10,000 characters take ten seconds.
_PARTIAL_AT_MOST: Final = 5_000_000


class TextCheck(CodeCheck):
    """Base of checks that read the output, or what is at `path` in it, as text.

    What does not count: case, whitespace (runs are one space, ends are cut) and ASCII punctuation.
    """

    path: str | None = None
    ignore_case: bool = False
    ignore_whitespace: bool = True
    ignore_punctuation: bool = False

    def check(self, context: EvaluationContext) -> Score:
        """Judge the text; an output that lacks it fails with the reason."""
        try:
            return self.judge(context)
        except OutputError as error:
            return Score.passed(False, str(error))

    def judge(self, context: EvaluationContext) -> Score:
        """Judge one trace. Raise OutputError where the output lacks what is looked at."""
        raise NotImplementedError

    def plain(self, value: Json) -> str:
        """A value as normalised text. Raises OutputError for null."""
        return normal(
            as_text(value),
            ignore_case=self.ignore_case,
            ignore_whitespace=self.ignore_whitespace,
            ignore_punctuation=self.ignore_punctuation,
        )


class ExactMatch(TextCheck):
    """The output equals what is expected.

    Texts are compared after normalisation, an expected object or list as JSON (an output string is parsed).
    """

    kind: ClassVar[str] = "exact_match"

    @property
    def uses_expected(self) -> bool:
        """Always."""
        return True

    def judge(self, context: EvaluationContext) -> Score:
        """1 where equal."""
        expected = expected_at(context, self.path)
        actual = output_at(context, self.path)
        if isinstance(expected, dict | list):
            ok = same(parsed(actual), expected)
        else:
            ok = same(actual, expected) or self.plain(actual) == self.plain(expected)
        return Score.passed(ok, None if ok else _differs(expected, actual))


class FuzzyMatch(TextCheck):
    """The output is similar to what is expected.

    Similarity is 0 to 1: `ratio` by edits, `token_sort` whatever the order of words, `token_set` whatever the order
    and repetition, `partial` for the best matching part. With a `threshold` the score is 1 or 0, without it the
    similarity itself.
    """

    kind: ClassVar[str] = "fuzzy_match"

    threshold: float | None = Field(default=0.9, ge=0, le=1)
    method: Literal["ratio", "token_sort", "token_set", "partial"] = "ratio"

    @property
    def uses_expected(self) -> bool:
        """Always."""
        return True

    def judge(self, context: EvaluationContext) -> Score:
        """Similarity, or whether it reaches the threshold."""
        from rapidfuzz import fuzz

        measure = {
            "ratio": fuzz.ratio,
            "token_sort": fuzz.token_sort_ratio,
            "token_set": fuzz.token_set_ratio,
            "partial": fuzz.partial_ratio,
        }[self.method]
        expected = self.plain(expected_at(context, self.path))
        actual = self.plain(output_at(context, self.path))
        if self.method == "partial" and len(actual) * len(expected) > _PARTIAL_AT_MOST:
            raise EvaluatorError(
                f"texts of {len(actual):,} and {len(expected):,} characters are too long for the method partial"
            )
        similarity = measure(actual, expected) / 100
        said = f"similarity {similarity:.3f}"
        if self.threshold is None:
            return Score(score=similarity, comment=said)
        return Score.passed(similarity >= self.threshold, said)


class Contains(TextCheck):
    """The output contains all of `all_of`, one of `any_of` and none of `none_of`.

    With none of these set it must contain the expected text.
    """

    kind: ClassVar[str] = "contains"

    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    @property
    def uses_expected(self) -> bool:
        """Where no text is configured."""
        return not (self.all_of or self.any_of or self.none_of)

    def judge(self, context: EvaluationContext) -> Score:
        """1 where everything configured holds."""
        wanted = self.all_of
        if self.uses_expected:
            wanted = (as_text(expected_at(context, self.path)),)
        text = self.plain(output_at(context, self.path))
        missing = [item for item in wanted if self.plain(item) not in text]
        found = [item for item in self.none_of if self.plain(item) in text]
        reasons = [f"lacks {item!r}" for item in missing] + [f"contains {item!r}" for item in found]
        if self.any_of and not any(self.plain(item) in text for item in self.any_of):
            reasons.append(f"contains none of {', '.join(map(repr, self.any_of))}")
        return Score.passed(not reasons, shorten("; ".join(reasons), 500) or None)


class Regex(TextCheck):
    """The output matches a regular expression (Python's), anywhere or as a `whole`; with `forbid` it must not.

    The text is not normalised unless `ignore_case`. A pattern that backtracks without bound on hostile text is stopped
    after `timeout_s` and recorded as a failure.
    """

    kind: ClassVar[str] = "regex"

    pattern: str
    whole: bool = False
    forbid: bool = False
    ignore_whitespace: bool = False
    timeout_s: float = Field(default=SECONDS, gt=0, le=60)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        compiled(pattern)
        return pattern

    def judge(self, context: EvaluationContext) -> Score:
        """1 where it matches, or with `forbid` where it does not."""
        text = normal(
            as_text(output_at(context, self.path)),
            ignore_case=False,
            ignore_whitespace=self.ignore_whitespace,
            ignore_punctuation=self.ignore_punctuation,
        )
        match = search(self.pattern, text, ignore_case=self.ignore_case, whole=self.whole, seconds=self.timeout_s)
        ok = (match is None) is self.forbid
        if ok:
            return Score.passed(True)
        return Score.passed(False, f"matches {shorten(match[0], 200)!r}" if match else f"no match for {self.pattern!r}")


def _differs(expected: Json, actual: Json) -> str:
    return f"expected {shorten(text_of(expected), 200)!r}, got {shorten(text_of(actual), 200)!r}"
