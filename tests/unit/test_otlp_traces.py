"""From spans to traces: grouping, identity, the agent's own input and output, tokens counted once."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.otlp_bodies import START, TRACE, as_json, mapped, request, span, traces_of

from burnish.adapters.sources.otlp import RawSpan, decode_body, map_span, spans_to_traces
from burnish.adapters.sources.otlp.traces import agent_of
from burnish.domain.traces import Span, SpanStatus, Trace

OTHER = "b" * 32
CHAT = {"gen_ai.operation.name": "chat"}


def _trace(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> Trace:
    (trace,) = traces_of(as_json(request(*spans, resource=resource)))
    return trace


def test_spans_of_many_traces_are_told_apart_and_ordered() -> None:
    """Spans group by trace id, traces and spans come in start order, a parent before its child of the same instant."""
    child = span(2, parent=3, start=START, seconds=1, name="child")
    parent = span(3, start=START, seconds=2, name="parent")
    traces = traces_of(as_json(request(span(9, trace=OTHER), child, parent)))
    assert [trace.trace_id for trace in traces] == [TRACE, OTHER]
    assert [step.name for step in traces[0].spans] == ["parent", "child"]
    assert traces[0].name == "parent"


def test_a_span_sent_twice_counts_once() -> None:
    """An exporter that retries doubles nothing; the later version is kept."""
    trace = _trace(span(1, name="first"), span(1, name="second"))
    assert [step.name for step in trace.spans] == ["second"]


def test_what_identifies_a_trace_is_found() -> None:
    """Session, user, environment, release and prompt come from the root, else another span, else the resource."""
    trace = _trace(
        span(1, {"user.id": 7, "metadata": json.dumps({"plan": "gold"}), "tag.tags": ["a"]}),
        span(2, {"session.id": "s-1", "gen_ai.prompt.name": "desk", "gen_ai.prompt.version": "12"}, parent=1),
        resource={"deployment.environment.name": "prod", "service.version": "2.0", "service.name": "desk"},
    )
    assert (trace.session_id, trace.user_id, trace.environment, trace.release) == ("s-1", "7", "prod", "2.0")
    assert (trace.prompt_name, trace.prompt_version) == ("desk", "12")
    assert trace.metadata == {"plan": "gold", "tags": ["a"], "service.name": "desk"}


def test_a_failed_tool_is_not_a_failed_trace() -> None:
    """The trace ends as its root does; a child's error stays the child's."""
    trace = _trace(span(1, status={"code": 1}), span(2, parent=1, status={"code": 2, "message": "no"}))
    assert (trace.status, trace.error) == (SpanStatus.OK, None)
    assert trace.spans[1].status_message == "no"


def test_a_part_without_its_root_is_still_a_trace() -> None:
    """Children that are exported before their root form a trace, named for the first of them."""
    trace = _trace(span(2, CHAT, parent=1, name="chat"))
    assert ("chat", f"{2:016x}", f"{1:016x}") == (trace.name, trace.spans[0].span_id, trace.spans[0].parent_id)


GENAI_USER = json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is W1?"}])
GENAI_ANSWER = json.dumps([{"role": "assistant", "content": "On its way."}])


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ({"input.value": "Where?", "output.value": "There."}, ("Where?", "There.")),
        ({"input.value": '{"q": 1}', "input.mime_type": "application/json"}, ({"q": 1}, "On its way.")),
        ({"input.value": '{"q": 1}', "input.mime_type": "text/plain"}, ('{"q": 1}', "On its way.")),
        ({"gen_ai.input.messages": GENAI_USER}, ("Where is W1?", "On its way.")),
        ({"ai.operationId": "ai.generateText", "ai.prompt": '{"system": "s", "prompt": "Hi"}'}, ("Hi", "On its way.")),
        (
            {"traceloop.span.kind": "workflow", "traceloop.entity.input": '{"args": ["Hi"], "kwargs": {}}'},
            ("Hi", "On its way."),
        ),
        ({"gen_ai.operation.name": "invoke_agent", "final_result": "Done."}, ("Where is W1?", "Done.")),
        ({}, ("Where is W1?", "On its way.")),
    ],
)
def test_the_agents_input_and_output(root: dict[str, Any], expected: tuple[Any, Any]) -> None:
    """The root's own values, else its messages, else the first question and the last answer of the models below."""
    call = span(2, {**CHAT, "gen_ai.input.messages": GENAI_USER, "gen_ai.output.messages": GENAI_ANSWER}, parent=1)
    trace = _trace(span(1, root), call)
    assert expected == (trace.input, trace.output)


def test_a_model_call_that_is_the_root_was_asked_by_its_messages() -> None:
    """OpenInference's input.value of a call is the request; what was asked is its user message."""
    trace = _trace(
        span(
            1,
            {
                "openinference.span.kind": "LLM",
                "input.value": json.dumps({"model": "m", "messages": []}),
                "input.mime_type": "application/json",
                "llm.input_messages.0.message.role": "user",
                "llm.input_messages.0.message.content": "Hi",
            },
        )
    )
    assert (trace.input, trace.spans[0].input) == ("Hi", {"model": "m", "messages": []})


def test_a_longer_conversation_is_a_list_up_to_the_last_question() -> None:
    """Earlier turns belong to what was asked; the system prompt and the tools after the last question do not."""
    turns = [("system", "s"), ("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four")]
    messages = json.dumps([{"role": role, "content": text} for role, text in turns])
    expected = [{"role": role, "content": text} for role, text in turns[1:4]]
    assert expected == _trace(span(1, {**CHAT, "gen_ai.input.messages": messages})).input


def test_a_run_that_broke_off_at_a_tool_has_no_output() -> None:
    """A call of a tool by a model below the root is not the agent's answer."""
    call = [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "find", "arguments": "{}"}}]}]
    trace = _trace(span(1), span(2, {**CHAT, "gen_ai.output.messages": json.dumps(call)}, parent=1))
    assert trace.output is None


def _call(number: int, parent: int, response: str | None, messages: bool = True) -> dict[str, Any]:
    values: dict[str, Any] = {**CHAT, "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 1}
    if response:
        values["gen_ai.response.id"] = response
    if messages:
        values["gen_ai.input.messages"] = GENAI_USER
    return span(number, values, parent=parent)


def test_a_call_told_by_two_instrumentations_counts_once() -> None:
    """An SDK's own span below or beside the instrumentor's adds no tokens, and the one with messages is read."""
    below = _trace(span(1), _call(2, 1, "r1"), _call(3, 2, "r1", messages=False))
    beside = _trace(span(1), _call(2, 1, "r1", messages=False), _call(3, 1, "r1"))
    assert (below.usage.input_tokens, beside.usage.input_tokens) == (10, 10)
    assert (len(below.messages()), len(beside.messages())) == (2, 2)


def test_calls_without_a_response_id_all_count() -> None:
    """Two calls that name no response are two calls."""
    assert _trace(span(1), _call(2, 1, None), _call(3, 1, None)).usage.input_tokens == 20


@pytest.mark.parametrize(
    ("resource", "agent"),
    [
        ({"burnish.agent": "desk", "service.name": "backend"}, "desk"),
        ({"service.name": "Support Desk/EU"}, "support-desk-eu"),
        ({"service.name": "unknown_service:node"}, "default"),
        ({"service.name": "..."}, "default"),
        ({"service.name": 3}, "default"),
        ({}, "default"),
    ],
)
def test_the_agent_of_a_resource(resource: dict[str, Any], agent: str) -> None:
    """Spans that arrive by themselves say whose they are; the name fits the agent's file."""
    assert agent == agent_of(resource, "default")


def test_a_span_nested_too_deep_is_a_problem_beside_its_neighbours() -> None:
    """What cannot be kept is named with its span and trace; the rest of the request is stored."""
    deep: Any = "bottom"
    for _ in range(400):
        deep = [deep]
    raws = [
        RawSpan(TRACE, f"{i:016x}", None, "s", START, START, attributes={"a": deep if i == 2 else 1}) for i in (1, 2, 3)
    ]
    batch = spans_to_traces(raws, "agent", "otlp")
    assert [f"{1:016x}", f"{3:016x}"] == [kept.span_id for kept in batch.traces[0].spans]
    (problem,) = batch.problems
    assert f"span 's' {2:016x} of trace {TRACE}" == problem.where


NAMES = st.sampled_from(
    [
        *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.prompt"),
        *("gen_ai.completion", "gen_ai.prompt.0.content", "gen_ai.prompt.0.tool_calls.0.name", "gen_ai.operation.name"),
        *("gen_ai.tool.name", "gen_ai.tool.call.arguments", "gen_ai.usage.input_tokens", "gen_ai.usage.cost"),
        *("gen_ai.response.id", "openinference.span.kind", "llm.input_messages.0", "llm.output_messages.0.message"),
        *("llm.input_messages.0.message.contents.0.message_content", "llm.output_messages.0.message.tool_calls"),
        *("retrieval.documents.0", "embedding.embeddings.0.embedding", "input.value", "input.mime_type"),
        *("output.value", "ai.operationId", "ai.prompt", "ai.prompt.messages", "ai.response.text", "ai.value"),
        *("ai.response.toolCalls", "traceloop.span.kind", "traceloop.entity.input", "traceloop.entity.output"),
        *("pydantic_ai.all_messages", "events", "final_result", "agent_name", "metadata", "tag.tags", "session.id"),
        *("exception.type", "error.type", "llm.prompts.0.prompt", "llm.choices.0"),
    ]
)
WORDS = st.sampled_from(
    [
        *("chat", "execute_tool", "LLM", "TOOL", "EMBEDDING", "ai.toolCall", "agent", "text", "tool_call"),
        *("tool_call_response", "image", "tool", "user"),
    ]
)
FIELDS = st.sampled_from(
    [
        *("role", "parts", "content", "contents", "type", "text", "tool_calls", "function", "name", "arguments"),
        *("message", "messages", "choices", "output", "image", "url", "uri", "response", "result", "id", "system"),
        *("prompt", "args", "kwargs", "inputs", "value", "reasoning"),
    ]
)
KEYS = st.sampled_from(
    [
        *("resourceSpans", "resource", "attributes", "scopeSpans", "scope", "spans", "key", "value", "stringValue"),
        *("intValue", "doubleValue", "arrayValue", "kvlistValue", "values", "traceId", "spanId", "status", "code"),
        *("events", "name"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | WORDS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES | VALUES.map(json.dumps), max_size=6))
def test_no_shape_of_attributes_breaks_the_mapper(values: dict[str, Any]) -> None:
    """Whatever strangers put under the names we read, a span comes out of it, in a form that can be written as JSON."""
    raw = RawSpan(TRACE, f"{1:016x}", None, "s", START, START + 5, attributes=values)
    assert isinstance(map_span(raw), Span)
    (trace,) = spans_to_traces([raw], "agent", "otlp").traces
    assert trace == Trace.model_validate_json(trace.model_dump_json())


TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_no_shape_of_json_breaks_the_decoder(tree: Any) -> None:
    """An object with `resourceSpans` decodes to spans and problems, whatever is below it."""
    decoded = decode_body(as_json({"resourceSpans": [tree]}), "application/json", None, max_bytes=10**6)
    assert all(isinstance(found, RawSpan) for found in decoded.spans)


def test_the_mapper_leaves_the_raw_span_alone() -> None:
    """Mapping the same raw span twice gives equal spans."""
    raw = RawSpan(TRACE, f"{1:016x}", None, "s", START, START, attributes={**CHAT, "gen_ai.input.messages": GENAI_USER})
    assert map_span(raw) == map_span(raw)
    assert mapped(CHAT).kind == "llm"
