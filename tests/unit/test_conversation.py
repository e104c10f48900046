"""A trace as people read it."""

import datetime as dt
from typing import Any

import pytest
from support.seeded import support_trace
from support.shared_data import shared
from support.tau import read_tau

from burnish.domain.traces import (
    Message,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolUse,
    Trace,
)
from burnish.drivers.conversation import Call, Retrieved, conversation

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def said(role: str, text: str) -> Message:
    return Message(role=role, parts=(TextPart(text=text),))


def span(number: int, kind: SpanKind, **fields: Any) -> Span:
    values = {"name": kind.value, "parent_id": "s0" if number else None, **fields}
    return Span(
        trace_id="t", span_id=f"s{number}", kind=kind, started_at=START + dt.timedelta(seconds=number), **values
    )


def trace(*spans: Span, **fields: Any) -> Trace:
    return Trace(trace_id="t", agent="a", source="test", name="t", started_at=START, spans=spans, **fields)


def test_a_call_stands_with_its_result_and_its_own_step() -> None:
    """A tool call and its result are one thing to open, marked by the tool's span; no turn repeats the result."""
    turns = conversation(support_trace(0))
    assert ["system", "user", "assistant", "assistant"] == [turn.role for turn in turns]
    (call,) = turns[2].parts
    assert isinstance(call, Call)
    assert ("find_customer", {"case": 0}, True, "0000000000000003") == (
        call.name, call.arguments, call.answered, call.span_id,
    )  # fmt: skip
    assert {"customer": "C-0000", "orders": 2} == call.result
    assert ["0000000000000002", "0000000000000004"] == [turn.span_id for turn in turns[2:]]


def test_what_failed_is_told_where_it_happened() -> None:
    """A model call that ended in an error shows as a turn of its own, once, though its parents carry it on."""
    failed = support_trace(9)
    turns = conversation(failed)
    assert ("error", "the model answered nothing", "0000000900000004") == (
        turns[-1].role, turns[-1].error, turns[-1].span_id,
    )  # fmt: skip
    chain = span(1, SpanKind.CHAIN, status=SpanStatus.ERROR, status_message="boom")
    tool = span(2, SpanKind.TOOL, status=SpanStatus.ERROR, status_message="boom", tool=ToolUse(name="pay"))
    turns = conversation(trace(span(0, SpanKind.AGENT), chain, tool, input="pay it"))
    assert ["user", "tool"] == [turn.role for turn in turns]
    (call,) = turns[1].parts
    assert isinstance(call, Call)
    assert "boom" == call.error


def test_retrieved_documents_stand_before_the_answer_that_used_them() -> None:
    """A retriever's documents come between the question and the answer, by time, with the names they are cited by."""
    retrieval = span(1, SpanKind.RETRIEVER, input="refunds", output=[{"id": "kb-7", "content": "14 days"}])
    question, answer = said("user", "How long?"), said("assistant", "14 days")
    model = span(2, SpanKind.LLM, input_messages=(question,), output_messages=(answer,))
    turns = conversation(trace(span(0, SpanKind.AGENT), retrieval, model))
    assert ["user", "retrieved", "assistant"] == [turn.role for turn in turns]
    (part,) = turns[1].parts
    assert isinstance(part, Retrieved)
    assert ("refunds", [("14 days", ("kb-7",))]) == (part.query, [tuple(one) for one in part.documents])


def test_equal_words_are_traced_to_the_calls_that_said_them_in_turn() -> None:
    """Two turns of the same words belong to two steps; words that no step said belong to none."""
    yes, user = said("assistant", "yes"), said("user", "sure?")
    first = span(1, SpanKind.LLM, input_messages=(user,), output_messages=(yes,))
    second = span(
        2, SpanKind.LLM, input_messages=(user, yes, said("assistant", "of old"), user), output_messages=(yes,)
    )
    turns = conversation(trace(span(0, SpanKind.AGENT), first, second))
    assert [None, "s1", None, None, "s2"] == [turn.span_id for turn in turns]


def test_results_without_a_known_call_are_kept() -> None:
    """A result whose call is not in the messages is a turn of its own."""
    result = ToolResultPart(result="42", id="lost", name="add")
    asked = (said("user", "6*7"), Message(role="tool", parts=(result,)))
    unanswered = Message(role="assistant", parts=(ToolCallPart(name="add", id="other"),))
    model = span(1, SpanKind.LLM, input_messages=asked, output_messages=(unanswered,))
    turns = conversation(trace(span(0, SpanKind.AGENT), model))
    assert (result,) == turns[1].parts
    (call,) = turns[2].parts
    assert isinstance(call, Call)
    assert not call.answered


def test_without_messages_input_steps_and_output_are_the_conversation() -> None:
    """A trace of plain steps reads as question, tools in time, answer; one of nothing has no turns."""
    tool = span(1, SpanKind.TOOL, tool=ToolUse(name="look_up", arguments={"q": 1}, result="found"))
    turns = conversation(trace(span(0, SpanKind.AGENT), tool, input={"question": "where?"}, output="here"))
    assert [("user", "where?"), ("tool", ""), ("assistant", "here")] == [(turn.role, turn.text) for turn in turns]
    assert "s0" == turns[-1].span_id
    assert () == conversation(trace())


@pytest.mark.parametrize("name", ["airline_gpt4o_4trials", "retail_base"])
def test_every_step_of_real_trajectories_can_be_marked(name: str) -> None:
    """In tau-bench's trajectories each assistant turn and each call leads to its span, and nothing is told twice."""
    for number, found in enumerate(read_tau(shared(f"traces_tau/{name}.jsonl"))):
        if number == 60:
            break
        turns = conversation(found)
        steps = [turn.span_id for turn in turns if turn.role == "assistant"]
        steps += [part.span_id for turn in turns for part in turn.parts if isinstance(part, Call)]
        told = {one.span_id for one in found.spans} - {found.spans[0].span_id}
        assert sorted(told) == sorted(step for step in steps if step is not None)
        assert None not in steps
