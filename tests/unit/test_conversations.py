"""Conversations in the forms of frameworks, as stores keep them whole."""

from typing import Any

import pytest

from burnish.adapters.sources.conversations import read_call, read_conversation, tool_definitions
from burnish.domain.traces import ImagePart, ReasoningPart, ToolCallPart, ToolResultPart

PNG = {"mime_type": "image/png", "data": "x" * 300}
CALL = {"name": "track", "args": {"order": 7}, "id": "c1"}


def shown(messages: Any) -> list[str]:
    """Each message as role and parts, in short."""
    lines = []
    for message in messages:
        parts = []
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                parts.append(f"{part.name}({part.arguments}) {part.id}")
            elif isinstance(part, ToolResultPart):
                parts.append(f"{part.name} {part.id} = {part.result}")
            elif isinstance(part, ImagePart):
                parts.append(f"[{part.uri}]")
            elif isinstance(part, ReasoningPart):
                parts.append(f"({part.text})")
            else:
                parts.append(part.text)
        lines.append(f"{message.role}: " + " | ".join(parts))
    return lines


def lc(kind: str, **fields: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", kind], "kwargs": fields}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(
            {"messages": [lc("HumanMessage", content="Hi"), lc("AIMessage", content="", tool_calls=[CALL]),
                          lc("ToolMessage", content="sent", tool_call_id="c1")]},
            ["user: Hi", "assistant: track({'order': 7}) c1", "tool: track c1 = sent"],
            id="langchain serialised",
        ),
        pytest.param(
            {"messages": [{"type": "human", "content": "Hi"},
                          {"type": "ai", "content": "", "additional_kwargs": {"tool_calls": [
                              {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}]}}]},
            ["user: Hi", "assistant: track({}) c1"],
            id="langchain dumped, calls in additional_kwargs",
        ),
        pytest.param(
            lc("AIMessageChunk", content=[{"type": "text", "text": "One moment."},
                                          {"type": "tool_use", "id": "c1", "name": "track", "input": {}}],
               tool_calls=[CALL], additional_kwargs={"reasoning_content": "Look it up."}),
            ["assistant: (Look it up.) | One moment. | track({'order': 7}) c1"],
            id="langchain of anthropic says its calls twice, and they count once",
        ),
        pytest.param(
            [{"role": "user", "content": "Hi"},
             {"role": "assistant", "content": "", "tool_calls": [
                 {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}]},
             {"role": "track", "content": "sent"}],
            ["user: Hi", "assistant: track({}) c1", "tool: track c1 = sent"],
            id="langchain.js names the tool where the role belongs",
        ),
        pytest.param(
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "Hi"}, {"inline_data": PNG}]},
                    {
                        "role": "model",
                        "parts": [
                            {"text": "Hm.", "thought": True},
                            {"function_call": {"name": "track", "args": {"order": 7}}},
                        ],
                    },
                    {"role": "user", "parts": [{"function_response": {"name": "track", "response": {"state": 1}}}]},
                ],
                "config": {"system_instruction": "Be brief."},
            },
            ["system: Be brief.", "user: Hi | [data:image/png;base64,[300 characters left out]]",
             "assistant: (Hm.) | track({'order': 7}) None", "tool: track None = {'state': 1}"],
            id="gemini request",
        ),
        pytest.param(
            {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]}}], "usageMetadata": {}},
            ["assistant: Hello."],
            id="gemini response",
        ),
        pytest.param(
            {"instructions": "Be brief.", "input": [
                {"role": "user", "content": "Hi"},
                {"type": "function_call", "call_id": "c1", "name": "track", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "sent"}]},
            ["system: Be brief.", "user: Hi", "assistant: track({}) c1", "tool: track c1 = sent"],
            id="responses api",
        ),
        pytest.param({"prompt": "Hi", "system": "Be brief."}, ["system: Be brief.", "user: Hi"], id="claude agent sdk"),
        pytest.param(
            [{"role": "user", "content": "Hi"}, {"role": "tool", "content": {"type": "function", "function": {
                "name": "track", "parameters": {"type": "object"}}}}],
            ["user: Hi"],
            id="a tool's definition among the messages is no message",
        ),
        pytest.param({"order": 7, "state": "sent"}, [], id="a record is no conversation"),
        pytest.param([{"title": "a"}, {"title": "b"}], [], id="documents are no conversation"),
        pytest.param({"output": [{"title": "a"}]}, [], id="an output that holds no messages"),
        pytest.param("plain text", [], id="text by itself is no conversation"),
    ],
)  # fmt: skip
def test_a_framework_s_messages_are_told_from_other_payloads(payload: Any, expected: list[str]) -> None:
    """Roles, texts, calls with arguments, results under the call they answer, images by reference."""
    assert expected == shown(read_conversation(payload, "user"))


def test_whatever_a_model_call_was_given_is_a_conversation() -> None:
    """Text is one message, and what is unknown is shown as it came."""
    assert ["user: Hi"] == shown(read_call("Hi", "user"))
    assert ["user: Hi"] == shown(read_call({"args": ["Hi"]}, "user"))
    assert ['assistant: {"answer": 42}'] == shown(read_call({"answer": 42}, "assistant"))
    assert [] == shown(read_call(None, "user"))


def test_the_tools_that_a_request_offers_are_found() -> None:
    """In OpenAI's and Gemini's requests, and where Langfuse's handler of LangChain appends them to the messages."""
    tool = {"type": "function", "function": {"name": "track", "parameters": {}}}
    assert [tool] == tool_definitions({"tools": [tool]})
    assert [tool] == tool_definitions({"contents": "Hi", "config": {"tools": [tool]}})
    assert [tool] == tool_definitions([{"role": "user", "content": "Hi"}, {"role": "tool", "content": tool}])
    assert tool_definitions([{"role": "user", "content": "Hi"}]) is None
