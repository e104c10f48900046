"""Checks of the output as text and as a value."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.evaluation import context

from burnish.domain.evaluators.base import CodeCheck, EvaluatorError
from burnish.domain.evaluators.output import same
from burnish.domain.evaluators.structure import JsonSchema, Numeric
from burnish.domain.evaluators.text import Contains, ExactMatch, FuzzyMatch, Regex

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def score_of(check: CodeCheck, output: Any, expected: Any = None) -> float | None:
    score = check.check(context(output, expected))
    assert not isinstance(score, Sequence)
    return score.score


@pytest.mark.parametrize(
    ("options", "output", "expected", "score"),
    [
        ({}, " two  words\n", "two words", 1),
        ({"ignore_whitespace": False}, "two  words", "two words", 0),
        ({}, "Yes", "yes", 0),
        ({"ignore_case": True}, "STRASSE", "straße", 1),
        ({"ignore_punctuation": True}, "yes!", "yes", 1),
        ({"path": "queue"}, '{"queue": "billing", "why": "x"}', "billing", 1),
        ({"path": "queue"}, {"queue": "billing"}, {"queue": "billing", "why": "another"}, 1),
        ({"path": "items.1.id"}, {"items": [{}, {"id": 7}]}, 7, 1),
        ({"path": "queue"}, "not json", "billing", 0),
        ({"path": "queue"}, {"other": 1}, "billing", 0),
        ({"path": "items.5"}, {"items": []}, "billing", 0),
        ({}, '{"b": 1.0, "a": [true]}', {"a": [True], "b": 1}, 1),
        ({}, '{"a": 1}', {"a": True}, 0),
        ({}, "42", 42, 1),
        ({}, None, "x", 0),
    ],
)
def test_exact_match(options: dict[str, Any], output: Any, expected: Any, score: float) -> None:
    """Texts are equal after the chosen normalisation, objects as JSON; an output without the place fails."""
    assert score_of(ExactMatch(name="n", **options), output, expected) == score


def test_nothing_expected_is_not_a_score() -> None:
    """A trace without an expected output, or without the path in it, cannot be judged."""
    with pytest.raises(EvaluatorError, match="no expected output"):
        ExactMatch(name="n").check(context("x"))
    with pytest.raises(EvaluatorError, match="expected output has no 'queue'"):
        ExactMatch(name="n", path="queue").check(context({"queue": "a"}, {"team": "a"}))


@given(JSON)
def test_json_equals_itself(value: Any) -> None:
    """Every value equals itself, and never the list around it."""
    assert same(value, value)
    assert not same(value, [value])


@pytest.mark.parametrize(
    ("options", "output", "score"),
    [
        ({"threshold": None}, "parcel", 1),
        ({"threshold": None, "method": "token_sort"}, "b a", 1),
        ({"threshold": 0.95}, "parcels", 0),
        ({"threshold": 0.9}, "parcels", 1),
    ],
)
def test_fuzzy_match(options: dict[str, Any], output: str, score: float) -> None:
    """With a threshold the score is 1 or 0, without one it is the similarity."""
    expected = "a b" if options.get("method") else "parcel"
    assert score_of(FuzzyMatch(name="n", **options), output, expected) == score


def test_fuzzy_match_is_graded_without_threshold() -> None:
    """Half the words right is neither 0 nor 1."""
    score = score_of(FuzzyMatch(name="n", threshold=None), "red parcel", "red letter")
    assert score is not None
    assert 0 < score < 1


@pytest.mark.parametrize(
    ("options", "output", "score"),
    [
        ({"all_of": ["a", "b"]}, "a c", 0),
        ({"any_of": ["a", "b"]}, "a c", 1),
        ({"any_of": ["x", "y"]}, "a c", 0),
        ({"none_of": ["c"]}, "a c", 0),
        ({}, "it is the expected text", 1),
        ({"all_of": ["PARCEL"], "ignore_case": True}, "parcels", 1),
    ],
)
def test_contains(options: dict[str, Any], output: str, score: float) -> None:
    """All, any and none of the texts; with none configured, the expected one."""
    assert score_of(Contains(name="n", **options), output, "the expected") == score


@pytest.mark.parametrize(
    ("options", "output", "score"),
    [
        ({"pattern": r"W\d+"}, "see W12", 1),
        ({"pattern": r"W\d+", "whole": True}, "see W12", 0),
        ({"pattern": "sorry", "forbid": True}, "Sorry", 1),
        ({"pattern": "sorry", "forbid": True, "ignore_case": True}, "Sorry", 0),
    ],
)
def test_regex(options: dict[str, Any], output: str, score: float) -> None:
    """Anywhere or whole, wanted or forbidden."""
    assert score_of(Regex(name="n", **options), output) == score


def test_bad_patterns_and_schemas_are_refused_when_built() -> None:
    """A wrong pattern or schema is the configuration's fault, not a failure on every trace."""
    with pytest.raises(ValueError, match="not a regular expression"):
        Regex(name="n", pattern="(")
    with pytest.raises(ValueError, match="not a JSON schema"):
        JsonSchema(name="n", schema={"type": "strange"})


def test_overlong_text_is_refused() -> None:
    """A text too long to check in time is a failure that says so, not a truncated answer."""
    with pytest.raises(EvaluatorError, match="200,001 characters"):
        Regex(name="n", pattern="x").check(context("a" * 200_001))


def test_json_schema_names_the_place() -> None:
    """The comment says where the output is wrong."""
    check = JsonSchema(name="n", schema={"properties": {"queue": {"enum": ["a", "b"]}}})
    score = check.check(context({"queue": "c"}))
    assert score.score == 0
    assert (score.comment or "").startswith("$.queue: 'c' is not one of")


def test_json_schema_fetches_nothing() -> None:
    """A reference to another document is an error, never a download."""
    check = JsonSchema(name="n", schema={"$ref": "http://127.0.0.1:9/schema.json"})
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9"):
        check.check(context({"a": 1}))


@pytest.mark.parametrize(
    ("options", "output", "expected", "score"),
    [
        ({}, 0.1 + 0.2, 0.3, 1),
        ({}, "1,234.5", 1234.5, 1),
        ({"relative": 0.1}, 109, 100, 1),
        ({"relative": 0.1}, 111, 100, 0),
        ({"read": "last"}, "first 3, so the answer is 42.", "42", 1),
        ({}, "the answer is 42", 42, 0),
        ({"absolute": 10}, True, 1, 0),
        ({"absolute": 10}, "nan", 1, 0),
        ({"absolute": 10}, "inf", 1, 0),
    ],
)
def test_numeric(options: dict[str, Any], output: Any, expected: Any, score: float) -> None:
    """Within the tolerance; what is not a finite number fails."""
    assert score_of(Numeric(name="n", **options), output, expected) == score
