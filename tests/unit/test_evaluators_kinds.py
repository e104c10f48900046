"""Every kind of evaluator passes what it should pass and fails what it should fail."""

from typing import Any

import pytest
from support.evaluation import ScriptedJudge, context, conversation, span, tool, trace

from burnish.domain.chat import ChatRequest
from burnish.domain.evaluators.base import EvaluationContext, Score
from burnish.domain.evaluators.registry import BUILT_IN
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import SpanKind, SpanStatus


def judged(verdict: str) -> EvaluationContext:
    return context("x", judge=ScriptedJudge([{"reasoning": "so", "verdict": verdict}]))


def prefers(request: ChatRequest, text: str) -> dict[str, str]:
    """The verdict of a judge who likes one text, wherever it stands."""
    first = request.messages[1].text.partition("<second-")[0]
    return {"reasoning": "so", "verdict": "first" if f"\n  {text}\n" in first else "second"}


def own(answer: Score | list[Score]) -> Score:
    """The score under the evaluator's own name."""
    return answer[0] if isinstance(answer, list) else answer


def retrieved(output: str) -> EvaluationContext:
    """An answer after one retrieved document."""
    document = {"id": "doc-7", "content": "Parcels are kept at the depot for 14 days.", "url": "https://x.test/depot"}
    return context(trace(output, span("r", SpanKind.RETRIEVER, output=[document]), input="How long?"))


def heard(label: str) -> EvaluationContext:
    said = Feedback(trace_id="t", key="thumb", source=FeedbackSource.USER, value=label, author="u1")
    return context("x").model_copy(update={"feedback": (said,)})


CASES: dict[str, tuple[dict[str, Any], EvaluationContext, EvaluationContext]] = {
    "citations": (
        {"style": "pattern", "pattern": r"\[(doc-\d+)\]"},
        retrieved("For two weeks [doc-7]."),
        retrieved("For two weeks [doc-8]."),
    ),
    "contains": ({"all_of": ["depot"]}, context("at the depot"), context("at home")),
    "cost": ({"max_usd": 0.03}, context(conversation()), context(trace("x", span("l", SpanKind.LLM, cost_usd=1.0)))),
    "exact_match": ({}, context("yes", "yes"), context("no", "yes")),
    "format": ({"form": "markdown_table"}, context("|a|b|\n|-|-|\n|1|2|"), context("|a|b|\n|-|-|\n|1|2|3|")),
    "grounded": (
        {},
        retrieved("The parcels are kept at the depot for 14 days."),
        retrieved("The parcels are kept at the depot for 30 days."),
    ),
    "fuzzy_match": ({"threshold": 0.8}, context("the parcel", "the parcels"), context("a dog", "the parcels")),
    "json_schema": ({"schema": {"required": ["a"]}}, context('{"a": 1}'), context('{"b": 1}')),
    "judge": ({"rubric": "It is right."}, judged("pass"), judged("fail")),
    "language": (
        {"languages": ["de"]},
        context("Das Paket liegt seit gestern im Depot bereit."),
        context("The parcel has been waiting at the depot since yesterday."),
    ),
    "latency": ({"max_s": 2}, context("x"), context("x")),
    "length": ({"maximum": 3}, context("one two three"), context("one two three four")),
    "loops": (
        {"limit": 2},
        context(trace("x", *[tool(name, at=n) for n, name in enumerate("ababc")])),
        context(trace("x", *[tool(name, at=n) for n, name in enumerate("cababab")])),
    ),
    "no_error": ({}, context("x"), context(trace("x", status=SpanStatus.ERROR, status_message="boom"))),
    "numeric": ({"absolute": 0.1}, context("4.05", 4), context("4.2", 4)),
    "pairwise": (
        {"rubric": "Right."},
        context("x", "y", judge=ScriptedJudge(lambda request: prefers(request, "x"))),
        context("x", "y", judge=ScriptedJudge(lambda request: prefers(request, "y"))),
    ),
    "panel": (
        {"rubric": "Right.", "members": [{"name": "a"}, {"name": "b"}]},
        context("x", judge=ScriptedJudge([{"verdict": "pass"}] * 2)),
        context("x", judge=ScriptedJudge([{"verdict": "fail"}] * 2)),
    ),
    "pii_leak": ({}, context("Write to us."), context("Write to ana@example.com.")),
    "python": ({"function": "support.evaluation:is_polite"}, context("please"), context("now")),
    "refusal": ({}, context("It is at the depot."), context("I'm sorry, but I can't help with that.")),
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
    "tool_selection": (
        {"tools": ["find"]},
        context(conversation()),
        context(trace("x", tool("cancel"))),
    ),
    "tools_used": ({"required": ["find"]}, context(conversation()), context("x")),
    "user_feedback": ({"keys": ["thumb"]}, heard("👍"), heard("down")),
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
    score = own(await build(kind, fields).evaluate(good))
    assert score.score == 1.0


@pytest.mark.parametrize("kind", sorted(CASES))
async def test_kind_fails_the_bad(kind: str) -> None:
    """The bad trace scores 0, and the comment says why."""
    fields, _, bad = CASES[kind]
    score = own(await build(kind, FAILING.get(kind, fields)).evaluate(bad))
    assert score.score == 0.0
    assert score.comment or kind == "python"
