"""Limits, tools and the way an agent took."""

from typing import Any

import pytest
from support.evaluation import context, conversation, span, tool, trace

from burnish.domain.evaluators.base import EvaluatorError
from burnish.domain.evaluators.limits import CostLimit, LatencyLimit, NoError, TokenLimit
from burnish.domain.evaluators.tools import ToolArguments, ToolCalls
from burnish.domain.evaluators.trajectory import RepeatedCalls, StepLimit, ToolErrors, ToolOrder, ToolsUsed
from burnish.domain.traces import Span, SpanKind, Usage


def call(cost: float | None = None, usage: Usage | None = None, span_id: str = "l") -> Span:
    return span(span_id, SpanKind.LLM, cost_usd=cost, usage=usage)


def test_unknown_is_not_zero() -> None:
    """Without a latency, tokens or a cost the limits refuse to judge."""
    opened = trace("x", call()).model_copy(update={"ended_at": None})
    for check in (
        LatencyLimit(name="n", max_s=1),
        TokenLimit(name="n", max_tokens=1),
        CostLimit(name="n", max_usd=1),
    ):
        with pytest.raises(EvaluatorError):
            check.check(context(opened))


def test_cost_known_in_part() -> None:
    """One unpriced call makes a cost under the limit unknown; over the limit it is too much whatever the rest costs."""
    partly = context(trace("x", call(0.5, span_id="a"), call(None, span_id="b")))
    with pytest.raises(EvaluatorError):
        CostLimit(name="n", max_usd=1).check(partly)
    assert CostLimit(name="n", max_usd=0.4).check(partly).score == 0


def test_tokens_known_in_part() -> None:
    """The same holds for tokens."""
    partly = context(trace("x", call(usage=Usage(input_tokens=50), span_id="a"), call(span_id="b")))
    with pytest.raises(EvaluatorError, match="1 of 2"):
        TokenLimit(name="n", max_tokens=60).check(partly)
    assert TokenLimit(name="n", max_tokens=40).check(partly).score == 0


def test_figures_of_the_root_count_where_calls_say_nothing() -> None:
    """Some sources give tokens and cost of the whole at the root."""
    subject = trace("x")
    root = subject.spans[0].model_copy(update={"usage": Usage(input_tokens=5, output_tokens=6), "cost_usd": 0.5})
    subject = subject.model_copy(update={"spans": (root,)})
    assert TokenLimit(name="n", max_tokens=10).check(context(subject)).score == 0
    assert TokenLimit(name="n", max_tokens=5, count="input").check(context(subject)).score == 1
    assert CostLimit(name="n", max_usd=0.5).check(context(subject)).score == 1


def test_no_error_looks_at_steps_on_demand() -> None:
    """A failed step counts only with any_span."""
    subject = context(trace("x", tool("find", failed=True)))
    assert NoError(name="n").check(subject).score == 1
    assert NoError(name="n", any_span=True).check(subject).comment == "tool: it broke"


A, B, C = (tool(name, {"q": number}, at=float(number)) for number, name in enumerate("abc", start=1))


@pytest.mark.parametrize(
    ("order", "expected", "actual", "score"),
    [
        ("any", "ab", (B, C, A), 1),
        ("any", "aa", (A, B), 0),
        ("same", "ac", (A, B, C), 1),
        ("same", "ca", (A, B, C), 0),
        ("exact", "ab", (A, B), 1),
        ("exact", "ab", (A, B, C), 0),
        ("exact", "abc", (A, B), 0),
        ("any", "", (A,), 1),
        ("exact", "", (A,), 0),
    ],
)
def test_tool_call_order(order: Any, expected: str, actual: tuple[Span, ...], score: float) -> None:
    """Anywhere, in order, or exactly these."""
    check = ToolCalls(name="n", calls=[{"name": name} for name in expected], order=order)
    assert check.check(context(trace("x", *actual))).score == score


@pytest.mark.parametrize(
    ("arguments", "given", "score"),
    [
        ("equal", {"q": 1, "p": 2}, 1),
        ("equal", {"q": 1}, 0),
        ("equal", '{"p": 2, "q": 1}', 1),
        ("subset", {"q": 1, "p": 2, "z": 3}, 1),
        ("subset", {"q": 1}, 0),
        ("subset", "rubbish", 0),
        ("ignore", None, 1),
    ],
)
def test_tool_call_arguments(arguments: Any, given: Any, score: float) -> None:
    """Equal, at least these, or whatever; strings of JSON are parsed."""
    check = ToolCalls(name="n", calls=[{"name": "a", "arguments": {"q": 1, "p": 2}}], arguments=arguments)
    assert check.check(context(trace("x", tool("a", given)))).score == score


def test_the_best_assignment_of_calls_is_found() -> None:
    """A call without arguments does not take the only one that another expected call fits."""
    calls = [{"name": "a"}, {"name": "a", "arguments": {"q": 1}}]
    actual = trace("x", tool("a", {"q": 1}, at=1), tool("a", {"q": 2}, at=2))
    assert ToolCalls(name="n", calls=calls).check(context(actual)).score == 1


def test_expected_calls_come_from_the_example() -> None:
    """Without calls in the spec, the expected output lists them."""
    check = ToolCalls(name="n", path="calls")
    expected = {"calls": [{"name": "find", "arguments": {"order": "W1"}}]}
    assert check.check(context(conversation(), expected)).score == 1
    with pytest.raises(EvaluatorError, match="not a list"):
        check.check(context(conversation(), "find it"))


def test_tool_arguments_name_the_wrong_one() -> None:
    """The comment names tool and place; unknown tools fail only on demand."""
    schemas = {"find": {"properties": {"order": {"type": "string"}}}}
    subject = context(trace("x", tool("find", {"order": 7}), tool("new", {})))
    score = ToolArguments(name="n", schemas=schemas).check(subject)
    assert score.comment == "find: $.order: 7 is not of type 'string'"
    score = ToolArguments(name="n", schemas=schemas, known_only=True).check(subject)
    assert "new: no such tool" in (score.comment or "")


def test_tools_used() -> None:
    """Forbidden tools and tools outside the list fail."""
    subject = context(trace("x", A, B))
    assert ToolsUsed(name="n", forbidden=["b"]).check(subject).comment == "called the forbidden b"
    assert ToolsUsed(name="n", only=["a"]).check(subject).comment == "called b"
    assert ToolsUsed(name="n", only=["a", "b"]).check(subject).score == 1
    with pytest.raises(ValueError, match="at least one of"):
        ToolsUsed(name="n")


def test_tool_order_is_a_subsequence() -> None:
    """One after another, not necessarily adjacent, and a single call counts once."""
    assert ToolOrder(name="n", order=["a", "c"]).check(context(trace("x", A, B, C))).score == 1
    assert ToolOrder(name="n", order=["a", "a"]).check(context(trace("x", A, B, C))).score == 0


def test_repeated_calls_names_the_tool() -> None:
    """The comment says which tool went round in circles."""
    score = RepeatedCalls(name="n").check(context(trace("x", A, A, A)))
    assert score.comment == "called a 3 times with the same arguments"


def test_step_limit_counts_what_it_should() -> None:
    """Two model calls and one tool call are three steps."""
    found = [
        StepLimit(name="n", limit=1, count=count).check(context(conversation())).comment
        for count in ("all", "model_calls", "tool_calls")
    ]
    assert found == [f"{n} steps, the limit is 1" for n in (3, 2, 1)]


@pytest.mark.parametrize(
    ("result", "score"),
    [
        ({"error": "no such order"}, 0),
        ({"is_error": True}, 0),
        ({"error": None, "order": 1}, 1),
        ("Error: no such order", 0),
        ("errors were corrected", 1),
        (["error"], 1),
    ],
)
def test_tool_errors_in_results(result: Any, score: float) -> None:
    """An error said in the result counts as one."""
    assert ToolErrors(name="n").check(context(trace("x", tool("find", {}, result)))).score == score


def test_tool_errors_up_to_the_limit() -> None:
    """As many as the limit are allowed."""
    subject = context(trace("x", tool("a", failed=True), tool("b", at=2)))
    assert ToolErrors(name="n", limit=1).check(subject).score == 1
    assert ToolErrors(name="n", limit=0).check(subject).score == 0
