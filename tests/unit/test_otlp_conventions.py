"""Every convention says the same conversation; every convention is read as the same messages."""

import json
from typing import Any

import pytest
from support.otlp_bodies import as_json, mapped, request, traces_of
from support.otlp_bodies import span as otlp_span

from burnish.domain.merging import merge
from burnish.domain.traces import (
    ImagePart,
    Message,
    ReasoningPart,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolUse,
    Usage,
)

ARGUMENTS = {"order": "W1"}
RESULT = {"state": "sent"}
SYSTEM = Message(role="system", parts=(TextPart(text="Be brief."),))
USER = Message(role="user", parts=(TextPart(text="Where is W1?"),))
CALL = Message(role="assistant", parts=(ToolCallPart(name="find", arguments=ARGUMENTS, id="c1"),))
RETURNED = Message(role="tool", parts=(ToolResultPart(result=RESULT, id="c1"),))
ANSWER = Message(role="assistant", parts=(TextPart(text="On its way."),))
ASKED, ANSWERED = (SYSTEM, USER, CALL, RETURNED), (ANSWER,)

GENAI_INPUT = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": "Where is W1?"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": ARGUMENTS}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": RESULT}]},
]
GENAI_OUTPUT = [{"role": "assistant", "parts": [{"type": "text", "content": "On its way."}], "finish_reason": "stop"}]
OPENAI_CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": json.dumps(ARGUMENTS)}}
OPENAI_INPUT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Where is W1?"}]},
    {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
    {"role": "tool", "content": json.dumps(RESULT), "tool_call_id": "c1"},
]
OI = "llm.input_messages"
CONVENTIONS: dict[str, dict[str, Any]] = {
    "GenAI as JSON text": {
        "gen_ai.input.messages": json.dumps(GENAI_INPUT),
        "gen_ai.output.messages": json.dumps(GENAI_OUTPUT),
    },
    "GenAI structured": {"gen_ai.input.messages": GENAI_INPUT, "gen_ai.output.messages": GENAI_OUTPUT},
    "GenAI with instructions apart and the result called result": {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
        "gen_ai.input.messages": json.dumps(
            [
                *GENAI_INPUT[1:3],
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": RESULT}]},
            ]
        ),
        "gen_ai.output.messages": json.dumps(GENAI_OUTPUT),
    },
    "GenAI's first attributes": {
        "gen_ai.prompt": json.dumps(OPENAI_INPUT),
        "gen_ai.completion": json.dumps({"text": "On its way.", "finish_reason": "stop"}),
    },
    "OpenLLMetry, numbered": {
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": json.dumps([{"type": "text", "text": "Where is W1?"}]),
        "gen_ai.prompt.2.role": "assistant",
        "gen_ai.prompt.2.tool_calls.0.id": "c1",
        "gen_ai.prompt.2.tool_calls.0.name": "find",
        "gen_ai.prompt.2.tool_calls.0.arguments": json.dumps(ARGUMENTS),
        "gen_ai.prompt.3.role": "tool",
        "gen_ai.prompt.3.content": json.dumps(RESULT),
        "gen_ai.prompt.3.tool_call_id": "c1",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "On its way.",
        "gen_ai.completion.0.finish_reason": "stop",
    },
    "OpenInference": {
        f"{OI}.0.message.role": "system",
        f"{OI}.0.message.content": "Be brief.",
        f"{OI}.1.message.role": "user",
        f"{OI}.1.message.contents.0.message_content.type": "text",
        f"{OI}.1.message.contents.0.message_content.text": "Where is W1?",
        f"{OI}.2.message.role": "assistant",
        f"{OI}.2.message.tool_calls.0.tool_call.id": "c1",
        f"{OI}.2.message.tool_calls.0.tool_call.function.name": "find",
        f"{OI}.2.message.tool_calls.0.tool_call.function.arguments": json.dumps(ARGUMENTS),
        f"{OI}.10.message.role": "tool",
        f"{OI}.10.message.content": json.dumps(RESULT),
        f"{OI}.10.message.tool_call_id": "c1",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "On its way.",
    },
    "Vercel AI SDK, inner": {
        "ai.prompt.messages": json.dumps(
            [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Where is W1?"}]},
                {
                    "role": "assistant",
                    "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "find", "input": ARGUMENTS}],
                },
                {
                    "role": "tool",
                    "content": [
                        {"type": "tool-result", "toolCallId": "c1", "output": {"type": "json", "value": RESULT}},
                    ],
                },
            ]
        ),
        "ai.response.text": "On its way.",
    },
    "Pydantic AI's whole conversation": {"pydantic_ai.all_messages": json.dumps(GENAI_INPUT + GENAI_OUTPUT)},
    "Pydantic AI's first events": {
        "all_messages_events": json.dumps(
            [
                {"event.name": "gen_ai.system.message", "role": "system", "content": "Be brief."},
                {"event.name": "gen_ai.user.message", "role": "user", "content": "Where is W1?"},
                {"event.name": "gen_ai.assistant.message", "role": "assistant", "tool_calls": [OPENAI_CALL]},
                {"event.name": "gen_ai.tool.message", "role": "tool", "content": RESULT, "id": "c1"},
                {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "On its way."}},
            ]
        )
    },
    "Anthropic's own": {
        "gen_ai.input.messages": json.dumps(
            [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Where is W1?"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "c1", "name": "find", "input": ARGUMENTS}],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "c1",
                            "content": [{"type": "text", "text": json.dumps(RESULT)}],
                        }
                    ],
                },
            ]
        ),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "content": "On its way."}]),
    },
    "OpenAI's Responses API": {
        "gen_ai.input.messages": json.dumps(
            [
                {"role": "developer", "content": "Be brief."},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where is W1?"}]},
                {"type": "function_call", "call_id": "c1", "name": "find", "arguments": json.dumps(ARGUMENTS)},
                {"type": "function_call_output", "call_id": "c1", "output": json.dumps(RESULT)},
            ]
        ),
        "gen_ai.output.messages": json.dumps(
            {
                "output": [
                    {
                        "type": "message",
                        "role": "assistant",
                        "content": [{"type": "output_text", "text": "On its way."}],
                    }
                ]
            }
        ),
    },
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_gives_the_same_messages(name: str) -> None:
    """Roles, texts, calls and results are equal whoever recorded them, and their attributes are used up."""
    span = mapped({"gen_ai.operation.name": "chat", **CONVENTIONS[name]})
    assert (span.input_messages, span.output_messages) == (ASKED, ANSWERED)
    assert span.attributes == {"otel.scope.name": "tests"}


def test_messages_as_events_on_the_span() -> None:
    """Per-message events, in attributes or as a JSON body, are the conversation."""
    span = mapped(
        {"gen_ai.operation.name": "chat"},
        events=[
            ("gen_ai.system.message", {"content": "Be brief."}),
            ("gen_ai.user.message", {"gen_ai.event.content": json.dumps({"content": "Where is W1?"})}),
            ("gen_ai.assistant.message", {"tool_calls": json.dumps([OPENAI_CALL])}),
            ("gen_ai.tool.message", {"id": "c1", "content": json.dumps(RESULT)}),
            ("gen_ai.choice", {"index": 0, "message": json.dumps({"role": "assistant", "content": "On its way."})}),
        ],
    )
    assert (span.input_messages, span.output_messages) == (ASKED, ANSWERED)


def test_messages_in_the_details_event() -> None:
    """The event of a call's details carries the attributes that the span leaves out."""
    details = {"gen_ai.input.messages": GENAI_INPUT, "gen_ai.output.messages": json.dumps(GENAI_OUTPUT)}
    span = mapped({"gen_ai.operation.name": "chat"}, events=[("gen_ai.client.inference.operation.details", details)])
    assert (span.input_messages, span.output_messages) == (ASKED, ANSWERED)


def test_thoughts_pictures_and_unknown_parts_are_kept() -> None:
    """Reasoning is told from text, an image is a reference, and what we do not know stays readable."""
    parts = [
        {"type": "reasoning", "content": "hmm"},
        {"type": "uri", "modality": "image", "mime_type": "image/png", "uri": "https://example.org/a.png"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "QUJD" * 100},
        {"type": "hologram", "depth": 3},
        {"type": "text", "content": ""},
    ]
    span = mapped({"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}])})
    assert (
        ReasoningPart(text="hmm"),
        ImagePart(uri="https://example.org/a.png", media_type="image/png"),
        ImagePart(uri="data:image/png;base64,[400 characters left out]", media_type="image/png"),
        TextPart(text='{"type": "hologram", "depth": 3}'),
    ) == span.output_messages[0].parts


def test_vercels_answer_may_be_calls_of_tools() -> None:
    """The inner span's tool calls become the assistant's message, input or args."""
    calls = [{"toolCallId": "c1", "toolName": "find", "input": json.dumps(ARGUMENTS)}]
    span = mapped({"ai.operationId": "ai.generateText.doGenerate", "ai.response.toolCalls": json.dumps(calls)})
    assert span.output_messages == (CALL,)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"openinference.span.kind": "LLM"}, SpanKind.LLM),
        ({"openinference.span.kind": "GUARDRAIL"}, SpanKind.GUARDRAIL),
        ({"openinference.span.kind": "retriever"}, SpanKind.RETRIEVER),
        ({"gen_ai.operation.name": "chat"}, SpanKind.LLM),
        ({"gen_ai.operation.name": "invoke_agent"}, SpanKind.AGENT),
        ({"gen_ai.operation.name": "execute_tool"}, SpanKind.TOOL),
        ({"gen_ai.operation.name": "embeddings"}, SpanKind.EMBEDDING),
        ({"gen_ai.operation.name": "generate_content"}, SpanKind.LLM),
        ({"gen_ai.operation.name": "text_completion"}, SpanKind.LLM),
        ({"gen_ai.operation.name": "retrieval"}, SpanKind.RETRIEVER),
        ({"gen_ai.operation.name": "search_memory"}, SpanKind.RETRIEVER),
        ({"gen_ai.operation.name": "update_memory"}, SpanKind.CHAIN),
        ({"gen_ai.operation.name": "create_agent"}, SpanKind.AGENT),
        ({"gen_ai.operation.name": "invoke_workflow"}, SpanKind.CHAIN),
        ({"gen_ai.operation.name": "plan"}, SpanKind.CHAIN),
        ({"openinference.span.kind": "PROMPT"}, SpanKind.CHAIN),
        ({"openinference.span.kind": "DECISION"}, SpanKind.CHAIN),
        ({"traceloop.span.kind": "workflow"}, SpanKind.CHAIN),
        ({"traceloop.span.kind": "tool"}, SpanKind.TOOL),
        ({"llm.request.type": "rerank"}, SpanKind.RERANKER),
        ({"ai.operationId": "ai.generateText"}, SpanKind.AGENT),
        ({"ai.operationId": "ai.streamText.doStream"}, SpanKind.LLM),
        ({"ai.operationId": "ai.toolCall"}, SpanKind.TOOL),
        ({"gen_ai.tool.name": "find"}, SpanKind.TOOL),
        ({"gen_ai.request.model": "m", "gen_ai.completion": "hello"}, SpanKind.LLM),
        ({"openinference.span.kind": "UNKNOWN", "gen_ai.operation.name": "chat"}, SpanKind.LLM),
        ({"http.route": "/"}, SpanKind.UNKNOWN),
        ({}, SpanKind.UNKNOWN),
    ],
)
def test_the_kind_of_a_step(values: dict[str, Any], kind: SpanKind) -> None:
    """Each convention's word for a kind is understood; without one, what the span carries tells."""
    assert kind == mapped(values).kind


@pytest.mark.parametrize(
    "values",
    [
        {
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.id": "c1",
            "gen_ai.tool.call.arguments": json.dumps(ARGUMENTS),
            "gen_ai.tool.call.result": json.dumps(RESULT),
        },
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.id": "c1",
            "gen_ai.tool.call.arguments": ARGUMENTS,
            "gen_ai.tool.call.result": RESULT,
        },
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "find",
            "tool.id": "c1",
            "input.value": json.dumps(ARGUMENTS),
            "output.value": json.dumps(RESULT),
            "output.mime_type": "application/json",
        },
        {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": "find",
            "ai.toolCall.id": "c1",
            "ai.toolCall.args": json.dumps(ARGUMENTS),
            "ai.toolCall.result": json.dumps(RESULT),
        },
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "find",
            "gen_ai.tool.call.id": "c1",
            "traceloop.entity.input": json.dumps({"args": [ARGUMENTS], "kwargs": {}}),
            "traceloop.entity.output": json.dumps(RESULT),
        },
        {
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.id": "c1",
            "tool_arguments": json.dumps(ARGUMENTS),
            "tool_response": json.dumps(RESULT),
        },
    ],
)
def test_a_tools_run_is_read_alike(values: dict[str, Any]) -> None:
    """Name, arguments, result and call id of a tool's span, whoever recorded it."""
    span = mapped(values)
    assert ToolUse(name="find", arguments=ARGUMENTS, result=RESULT, call_id="c1") == span.tool
    assert (span.input, span.output) == (ARGUMENTS, RESULT)


def test_a_tool_without_a_name_takes_the_spans() -> None:
    """`execute_tool find` names its tool."""
    span = mapped({"gen_ai.operation.name": "execute_tool"}, name="execute_tool find")
    assert ToolUse(name="find") == span.tool


@pytest.mark.parametrize(
    "values",
    [
        {
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.cache_read.input_tokens": 60,
            "gen_ai.usage.cache_write.input_tokens": 5,
            "gen_ai.usage.reasoning.output_tokens": 7,
        },
        {
            "gen_ai.usage.prompt_tokens": 100,
            "gen_ai.usage.completion_tokens": 20,
            "gen_ai.usage.cache_read_input_tokens": 60,
            "gen_ai.usage.cache_creation.input_tokens": 5,
            "gen_ai.usage.reasoning_tokens": 7,
        },
        {
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 20,
            "llm.token_count.total": 120,
            "llm.token_count.prompt_details.cache_read": 60,
            "llm.token_count.prompt_details.cache_write": 5,
            "llm.token_count.completion_details.reasoning": 7,
        },
        {
            "ai.usage.inputTokens": 100,
            "ai.usage.outputTokens": 20.0,
            "ai.usage.cachedInputTokens": 60,
            "ai.usage.inputTokenDetails.cacheWriteTokens": 5,
            "ai.usage.reasoningTokens": 7,
        },
    ],
)
def test_tokens_are_read_under_old_and_new_names(values: dict[str, Any]) -> None:
    """All spellings of the five counts give the same usage and leave no attribute behind."""
    span = mapped(values)
    expected = Usage(input_tokens=100, output_tokens=20, cache_read_tokens=60, cache_write_tokens=5, reasoning_tokens=7)
    assert expected == span.usage
    assert span.attributes == {"otel.scope.name": "tests"}


def test_counts_that_are_no_counts_stay_attributes() -> None:
    """A negative count, a text or a truth value is not a number of tokens."""
    values = {
        "gen_ai.usage.input_tokens": -1,
        "gen_ai.usage.output_tokens": "12",
        "gen_ai.usage.reasoning_tokens": True,
    }
    span = mapped(values)
    assert (None, values) == (span.usage, {key: span.attributes[key] for key in values})


def test_the_answering_model_is_named_and_the_asked_one_kept() -> None:
    """The response's model wins over the request's, the provider's new name over its old; costs are dollars."""
    span = mapped(
        {
            "gen_ai.request.model": "m",
            "gen_ai.response.model": "m-2026-01",
            "gen_ai.system": "az",
            "gen_ai.provider.name": "azure",
            "gen_ai.usage.cost": 0.25,
        }
    )
    assert (span.model, span.provider, span.cost_usd) == ("m-2026-01", "azure", 0.25)
    assert (span.attributes["gen_ai.request.model"], span.attributes["gen_ai.system"]) == ("m", "az")


def test_unset_is_no_error_and_an_exception_says_why() -> None:
    """Only the status makes an error; its message is the status's, else the exception's, else the error type."""
    thrown = [("exception", {"exception.type": "ValueError", "exception.message": "no such order"})]
    assert _status(mapped({})) == (SpanStatus.UNSET, None)
    assert _status(mapped({}, status={"code": 1})) == (SpanStatus.OK, None)
    assert _status(mapped({}, events=thrown)) == (SpanStatus.UNSET, None)
    failed = mapped({}, status={"code": 2}, events=thrown)
    assert _status(failed) == (SpanStatus.ERROR, "ValueError: no such order")
    assert failed.attributes["exception.message"] == "no such order"
    assert _status(mapped({}, status={"code": 2, "message": "gone"}, events=thrown)) == (SpanStatus.ERROR, "gone")
    assert _status(mapped({"error.type": "timeout"}, status={"code": 2})) == (SpanStatus.ERROR, "timeout")


def _status(span: Any) -> tuple[SpanStatus, str | None]:
    return span.status, span.status_message


def test_what_no_field_took_stays() -> None:
    """Unknown attributes, events and the instrumentation's name are kept; vectors are not."""
    span = mapped(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.embeddings.0.embedding.text": "hello",
            "embedding.embeddings.0.embedding.vector": [0.1, 0.2],
            "custom": "yes",
        },
        events=[("retry", {"attempt": 2}), ("tick", {})],
    )
    assert span.input == "hello"
    assert span.attributes == {
        "custom": "yes",
        "otel.events": [{"name": "retry", "attempt": 2}],
        "otel.scope.name": "tests",
    }


def test_documents_that_were_found_are_the_output() -> None:
    """A retriever's numbered documents become a list."""
    span = mapped(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "returns",
            "retrieval.documents.0.document.content": "30 days",
            "retrieval.documents.0.document.score": 0.5,
        }
    )
    assert (span.input, span.output) == ("returns", [{"content": "30 days", "score": 0.5}])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (
            {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": "returns"}
            | {"gen_ai.retrieval.documents": json.dumps([{"id": "d1", "score": 0.5}])},
            ("returns", [{"id": "d1", "score": 0.5}]),
        ),
        (
            {
                "openinference.span.kind": "RERANKER",
                "reranker.query": "returns",
                "reranker.input_documents.0.document.content": "x",
                "reranker.output_documents.0.document.content": "30 days",
            },
            ("returns", [{"content": "30 days"}]),
        ),
    ],
)
def test_what_was_searched_and_found(values: dict[str, Any], found: tuple[Any, Any]) -> None:
    """Query and documents of a retrieval and of a reranking are input and output."""
    span = mapped(values)
    assert found == (span.input, span.output)


@pytest.mark.parametrize("name", ["gen_ai.agent.name", "gen_ai.workflow.name", "agent.name"])
def test_what_an_agent_calls_itself(name: str) -> None:
    """The new name, the workflow's that was folded into it, and OpenInference's are the same fact of the trace."""
    (trace,) = traces_of(as_json(request(otlp_span(1, {name: "refunds"}))))
    assert trace.metadata["agent.name"] == "refunds"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *(("session.id", "session_id"), ("gen_ai.conversation.id", "session_id"), ("user.id", "user_id")),
        *(("enduser.id", "user_id"), ("enduser.pseudo.id", "user_id"), ("deployment.environment.name", "environment")),
        *(("deployment.environment", "environment"), ("service.version", "release"), ("prompt.id", "prompt_name")),
        *(("gen_ai.prompt.name", "prompt_name"), ("gen_ai.prompt.version", "prompt_version")),
        ("llm.prompt_template.version", "prompt_version"),
    ],
)
def test_facts_of_a_trace_are_read_under_each_of_their_names(name: str, field: str) -> None:
    """Session, user, environment, release and prompt by the names of both conventions, old and new."""
    (trace,) = traces_of(as_json(request(otlp_span(1, {name: "this"}))))
    assert getattr(trace, field) == "this"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *((name, "model") for name in ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name")),
        *((name, "model") for name in ("llm.request.model_name", "llm.response.model_name", "embedding.model_name")),
        *((name, "provider") for name in ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")),
    ],
)
def test_model_and_provider_are_read_under_each_of_their_names(name: str, field: str) -> None:
    """A rename of the conventions loses neither the model nor the provider, and the attribute is used up."""
    span = mapped({name: "this"})
    assert (getattr(span, field), span.attributes) == ("this", {"otel.scope.name": "tests"})


def test_a_streamed_call_is_sent_while_it_runs_and_when_it_ends() -> None:
    """The version with the answer and the end replaces the open one, within a request as between two."""
    asked = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": GENAI_INPUT}
    running = otlp_span(1, asked, endTimeUnixNano="0")
    ended = otlp_span(1, {**asked, "gen_ai.output.messages": GENAI_OUTPUT, "gen_ai.usage.output_tokens": 3})
    (trace,) = traces_of(as_json(request(running, ended)))
    assert (len(trace.spans), trace.usage.output_tokens, trace.output) == (1, 3, "On its way.")
    (first,), (second,) = traces_of(as_json(request(running))), traces_of(as_json(request(ended)))
    assert (first.ended_at, merge(first, second)) == (None, trace)
