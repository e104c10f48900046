"""What log records say of a span becomes the span's, whichever comes first and however often it comes."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from support.otlp_bodies import JSON, START, TRACE, any_value, as_json, attributes, request, span, traces_of

from burnish.adapters.sources.files import OtlpFilesSource
from burnish.adapters.store import Store
from burnish.domain.feedback import FeedbackSource
from burnish.domain.listing import IngestSummary, TraceQuery
from burnish.domain.merging import ABSENT
from burnish.domain.traces import Message, Span, TextPart, ToolCallPart, ToolResultPart
from burnish.loop.ingest import receive

DETAILS = "gen_ai.client.inference.operation.details"
CALL = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}
ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Where is W1?"}]}]
ANSWERED = [{"role": "assistant", "parts": [{"type": "text", "content": "On its way."}]}]
SYSTEM = [{"type": "text", "content": "Be brief."}]
CONTENT = {
    "gen_ai.system_instructions": SYSTEM,
    "gen_ai.input.messages": json.dumps(ASKED),
    "gen_ai.output.messages": ANSWERED,
}


def record(name: str, facts: dict[str, Any], body: Any = None, *, number: int = 2, after: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "timeUnixNano": str(START + 10**9 + after),
        "eventName": name,
        "attributes": attributes(facts),
    }
    return made if body is None else made | {"body": any_value(body)}


def logs(*records: Any) -> dict[str, Any]:
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"logRecords": list(records)}]}]}


ROOT = request(span(1, {"gen_ai.operation.name": "invoke_agent"}, name="agent"))
CHAT = request(span(2, CALL, parent=1, name="chat"))
DETAIL = logs(record(DETAILS, {"gen_ai.operation.name": "chat", **CONTENT}))


def send(store: Store, *bodies: dict[str, Any]) -> list[IngestSummary]:
    return [receive(store, "desk", as_json(body), JSON, None).summary for body in bodies]


def said(message: Message) -> tuple[str, str]:
    return message.role, message.text


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_content_joins_its_span_whichever_comes_first(store: Store, order: tuple[int, ...]) -> None:
    """Root, call and the log of the call's content in any order give one trace, which knows question and answer."""
    bodies = (ROOT, CHAT, DETAIL)
    send(store, *(bodies[number] for number in order))
    kept = store.traces.get(TRACE)
    root, call = kept.spans
    assert ("agent", "chat", f"{1:016x}") == (kept.name, call.name, call.parent_id)
    assert [("system", "Be brief."), ("user", "Where is W1?")] == [said(one) for one in call.input_messages]
    assert [("assistant", "On its way.")] == [said(one) for one in call.output_messages]
    assert ("Where is W1?", "On its way.") == (kept.input, kept.output)
    assert (None, 5) == (call.attributes.get(ABSENT), kept.usage.input_tokens)
    assert root.input_messages == ()


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_a_log_of_the_root_says_nothing_of_the_trace_as_a_whole(store: Store, order: tuple[int, ...]) -> None:
    """A trace of one failed call keeps its name, its error and its metadata when the call's content comes after it."""
    facts = CALL | {"metadata": json.dumps({"tier": "gold"})}
    failed = request(span(2, facts, name="answer", status={"code": 2, "message": "rate limit"}))
    bodies = (failed, DETAIL)
    send(store, *(bodies[number] for number in order))
    kept = store.traces.get(TRACE)
    assert ("answer", "rate limit", {"tier": "gold"}) == (kept.name, kept.error, kept.metadata)
    assert ("Where is W1?", "On its way.") == (kept.input, kept.output)


def test_content_and_spans_in_any_order_end_in_the_same_trace(store: Store) -> None:
    """Everything sent again, in another order, changes nothing: exporters repeat what they are not sure of."""
    send(store, DETAIL, ROOT, CHAT)
    before, listed = store.traces.get(TRACE), store.traces.list(TraceQuery())
    again = send(store, CHAT, DETAIL, ROOT, DETAIL, CHAT)
    assert [IngestSummary(known_spans=1)] * 5 == again
    assert (before, listed) == (store.traces.get(TRACE), store.traces.list(TraceQuery()))


MESSAGES = [
    record("gen_ai.system.message", {}, {"content": "Be brief."}, after=1),
    record("gen_ai.user.message", {}, {"content": "Where is W1?"}, after=2),
    record(
        "gen_ai.assistant.message",
        {},
        {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"order": "W1"}'}}]},
        after=3,
    ),
    record("gen_ai.tool.message", {}, {"id": "c", "content": "sent"}, after=4),
    record("gen_ai.choice", {}, {"index": 0, "message": {"role": "assistant", "content": "On its way."}}, after=5),
]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (3, 5, 0, 4, 4, 1, 2, 0)])
def test_a_record_a_message_is_put_in_order(store: Store, order: tuple[int, ...]) -> None:
    """Older instrumentations send a record a message: each in a request of its own, they are one conversation."""
    parts = [logs(one) for one in MESSAGES] + [CHAT]
    send(store, *(parts[number] for number in order))
    (call,) = store.traces.get(TRACE).spans
    assert ["system", "user", "assistant", "tool"] == [one.role for one in call.input_messages]
    assert (ToolCallPart(name="find", arguments={"order": "W1"}, id="c"),) == call.input_messages[2].parts
    assert (ToolResultPart(result="sent", id="c"),) == call.input_messages[3].parts
    assert [("assistant", "On its way.")] == [said(one) for one in call.output_messages]


def test_records_and_their_span_in_one_file(tmp_path: Path) -> None:
    """What a collector wrote, traces and logs in lines of one file, is one trace."""
    (tmp_path / "all.jsonl").write_bytes(b"\n".join(as_json(one) for one in (logs(*MESSAGES), CHAT)))
    (batch,) = OtlpFilesSource(tmp_path, "desk").read()
    assert batch.problems == []
    (call,) = batch.traces[0].spans
    assert ("chat", 4, 1) == (call.name, len(call.input_messages), len(call.output_messages))


def test_a_span_that_tells_its_messages_is_not_told_them_again(store: Store) -> None:
    """Content on the span is its own; a log record of the same call adds nothing."""
    own = request(span(2, {**CALL, "gen_ai.input.messages": ASKED, "gen_ai.output.messages": ANSWERED}))
    for bodies in ((own, DETAIL), (DETAIL, own)):
        send(store, *bodies)
        (call,) = store.traces.get(TRACE).spans
        assert ([("user", "Where is W1?")], 1) == (
            [said(one) for one in call.input_messages],
            len(call.output_messages),
        )


def test_instructions_on_the_span_and_the_rest_in_a_record(store: Store) -> None:
    """A span that holds only the system prompt keeps it before what the record says."""
    spoken = logs(record(DETAILS, {"gen_ai.input.messages": ASKED}))
    send(store, request(span(2, {**CALL, "gen_ai.system_instructions": SYSTEM})), spoken, spoken)
    (call,) = store.traces.get(TRACE).spans
    assert [("system", "Be brief."), ("user", "Where is W1?")] == [said(one) for one in call.input_messages]


def test_content_whose_span_never_comes_is_still_a_trace(store: Store) -> None:
    """Traces that were sampled away leave what was said in them, marked as content alone."""
    send(store, DETAIL)
    kept = store.traces.get(TRACE)
    assert ("chat", True, "Where is W1?") == (kept.name, kept.spans[0].attributes[ABSENT], kept.input)


def test_records_without_content_make_nothing(store: Store) -> None:
    """With capture off the records are empty; they add no span and are no reason to reject."""
    empty = [record(DETAILS, {"gen_ai.operation.name": "chat"}), record("gen_ai.user.message", {}, {})]
    result = receive(store, "desk", as_json(logs(*empty)), JSON, None)
    assert (0, 0, 0) == (result.rejected, result.summary.new_spans, store.traces.count(TraceQuery()))


RESULT = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": 0.25,
    "gen_ai.evaluation.score.label": "poor",
    "gen_ai.evaluation.explanation": "off topic",
}


@pytest.mark.parametrize("as_log", [True, False])
def test_results_of_the_agents_own_evaluators_are_feedback(store: Store, as_log: bool) -> None:
    """A score that came as an event, in a log or on the span, is kept as an outside voice, once."""
    name = "gen_ai.evaluation.result"
    body = logs(record(name, RESULT)) if as_log else request(span(2, CALL, events=[(name, RESULT)]))
    send(store, body, body)
    (found,) = store.feedback.for_trace(TRACE)
    assert (FeedbackSource.EXTERNAL, "Relevance", 0.25, "poor", "off topic", f"{2:016x}") == (
        found.source,
        found.key,
        found.score,
        found.value,
        found.comment,
        found.span_id,
    )


TOOL = {"name": "find", "description": "Finds an order.", "parameters": {"type": "object", "properties": {}}}
OFFERS: dict[str, dict[str, Any]] = {
    "GenAI": {"gen_ai.tool.definitions": json.dumps([{"type": "function", **TOOL}])},
    "GenAI structured": {"gen_ai.tool.definitions": [{"type": "function", **TOOL}]},
    "OpenAI's form": {"gen_ai.tool.definitions": json.dumps([{"type": "function", "function": TOOL}])},
    "OpenInference": {"llm.tools.0.tool.json_schema": json.dumps({"type": "function", "function": TOOL})},
    "OpenInference of Anthropic": {
        "llm.tools.0.tool.json_schema": json.dumps(
            {"name": "find", "description": "Finds an order.", "input_schema": TOOL["parameters"]}
        )
    },
    "Vercel": {
        "ai.prompt.tools": [
            json.dumps({"type": "function", "name": "find", "description": "Finds an order."})[:-1]
            + ', "inputSchema": '
            + json.dumps(TOOL["parameters"])
            + "}"
        ]
    },
    "OpenLLMetry": {
        "llm.request.functions.0.name": "find",
        "llm.request.functions.0.description": "Finds an order.",
        "llm.request.functions.0.parameters": json.dumps(TOOL["parameters"]),
    },
    "Pydantic AI": {
        "model_request_parameters": json.dumps(
            {
                "function_tools": [
                    {
                        "name": "find",
                        "description": "Finds an order.",
                        "parameters_json_schema": TOOL["parameters"],
                    }
                ],
                "output_tools": [],
            }
        )
    },
}


@pytest.mark.parametrize("name", OFFERS)
def test_the_tools_a_call_was_offered_are_read_alike(name: str) -> None:
    """Name, description and schema of a tool, whoever recorded them, and their attributes are used up."""
    (trace,) = traces_of(as_json(request(span(1, {**CALL, **OFFERS[name]}))))
    (call,) = trace.spans
    assert [TOOL] == [tool.model_dump() for tool in call.tool_definitions]
    assert {"otel.scope.name": "tests"} == call.attributes


def test_what_the_mapper_builds_is_what_validation_would_build() -> None:
    """Spans are built without validating them again, and are valid: they read back as themselves."""
    facts = {**CALL, **CONTENT, **OFFERS["GenAI"], "gen_ai.tool.name": "x"}
    (trace,) = traces_of(as_json(request(span(1, facts), span(2, {"gen_ai.tool.name": "f", "input.value": "[1]"}))))
    for one in trace.spans:
        assert one == Span.model_validate(one.model_dump())
        assert one == Span.model_validate_json(one.model_dump_json())
        assert one.model_fields_set == set(Span.model_fields)
    assert trace.spans[0].input_messages[1].parts == (TextPart(text="Where is W1?"),)
