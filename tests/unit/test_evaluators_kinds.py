"""Every kind of evaluator passes what it should pass and fails what it should fail."""

from typing import Any

import pytest
from support.evaluation import ScriptedJudge, context, conversation, span, tool, trace

from burnish.domain.evaluators.base import EvaluationContext, Score
from burnish.domain.evaluators.registry import BUILT_IN
from burnish.domain.traces import SpanKind, SpanStatus


def judged(verdict: str) -> EvaluationContext:
    return context("x", judge=ScriptedJudge([{"reasoning": "so", "verdict": verdict}]))


CASES: dict[str, tuple[dict[str, Any], EvaluationContext, EvaluationContext]] = {
    "contains": ({"all_of": ["depot"]}, context("at the depot"), context("at home")),
    "cost": ({"max_usd": 0.03}, context(conversation()), context(trace("x", span("l", SpanKind.LLM, cost_usd=1.0)))),
    "exact_match": ({}, context("yes", "yes"), context("no", "yes")),
    "fuzzy_match": ({"threshold": 0.8}, context("the parcel", "the parcels"), context("a dog", "the parcels")),
    "json_schema": ({"schema": {"required": ["a"]}}, context('{"a": 1}'), context('{"b": 1}')),
    "judge": ({"rubric": "It is right."}, judged("pass"), judged("fail")),
    "latency": ({"max_s": 2}, context("x"), context("x")),
    "no_error": ({}, context("x"), context(trace("x", status=SpanStatus.ERROR, status_message="boom"))),
    "numeric": ({"absolute": 0.1}, context("4.05", 4), context("4.2", 4)),
    "python": ({"function": "support.evaluation:is_polite"}, context("please"), context("now")),
    "regex": ({"pattern": r"^W\d+$"}, context("W12"), context("W12x")),
    "repeated_calls": (
        {"limit": 1},
        context(trace("x", tool("a", {"q": 1}), tool("a", {"q": 2}))),
        context(trace("x", tool("a", {"q": 1, "p": 2}), tool("a", {"p": 2, "q": 1}))),
    ),
    "step_limit": ({"limit": 3}, context(conversation()), context(trace("x", *[tool("a")] * 4))),
    "tokens": ({"max_tokens": 240}, context(conversation()), context(conversation())),
    "tool_arguments": (
        {"schemas": {"find": {"required": ["order"]}}},
        context(conversation()),
        context(trace("x", tool("find", {"parcel": 1}))),
    ),
    "tool_calls": (
        {"calls": [{"name": "find", "arguments": {"order": "W1"}}]},
        context(conversation()),
        context(trace("x", tool("find", {"order": "W2"}))),
    ),
    "tool_errors": ({}, context(conversation()), context(trace("x", tool("find", failed=True)))),
    "tool_order": (
        {"order": ["a", "b"]},
        context(trace("x", tool("a"), tool("c"), tool("b"))),
        context(trace("x", tool("b"), tool("a"))),
    ),
    "tools_used": ({"required": ["find"]}, context(conversation()), context("x")),
}
# A limit fails with other figures than it passes.
FAILING: dict[str, dict[str, Any]] = {"tokens": {"max_tokens": 239}, "latency": {"max_s": 1.9}}


def build(kind: str, fields: dict[str, Any]) -> Any:
    return BUILT_IN[kind].model_validate({"name": "n", **fields})


def test_every_kind_has_a_case() -> None:
    """A new kind cannot be registered without a case here."""
    assert sorted(BUILT_IN) == sorted(CASES)


@pytest.mark.parametrize("kind", sorted(CASES))
async def test_kind_passes_the_good(kind: str) -> None:
    """The good trace scores 1."""
    fields, good, _ = CASES[kind]
    score = await build(kind, fields).evaluate(good)
    assert isinstance(score, Score)
    assert score.score == 1.0


@pytest.mark.parametrize("kind", sorted(CASES))
async def test_kind_fails_the_bad(kind: str) -> None:
    """The bad trace scores 0, and the comment says why."""
    fields, _, bad = CASES[kind]
    score = await build(kind, FAILING.get(kind, fields)).evaluate(bad)
    assert isinstance(score, Score)
    assert score.score == 0.0
    assert score.comment or kind == "python"
