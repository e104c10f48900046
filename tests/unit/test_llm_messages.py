"""Conversations out of traces in the form that endpoints accept."""

from typing import Any

import pytest
from support.chats import LABEL

from burnish.adapters.llm.messages import request_body
from burnish.adapters.llm.structured import MismatchError, parse, response_format
from burnish.domain.chat import ChatRequest, ChatTool
from burnish.domain.traces import ImagePart, Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from burnish.errors import InputError


def turn(role: str, *parts: Part) -> Message:
    return Message(role=role, parts=parts)


def sent(*messages: Message) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = request_body(ChatRequest(messages=messages), "m")["messages"]
    return turns


def test_text_images_and_reasoning() -> None:
    """Texts are joined, images go by their address, reasoning is not said again, and foreign role names are known."""
    said = sent(
        turn("system", TextPart(text="be"), TextPart(text="brief")),
        turn("human", TextPart(text="what?"), ImagePart(uri="https://x/y.png")),
        turn("ai", ReasoningPart(text="hm"), TextPart(text="a cat")),
    )
    picture = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]
    assert [
        {"role": "system", "content": "be\nbrief"},
        {"role": "user", "content": picture},
        {"role": "assistant", "content": "a cat"},
    ] == said


def test_tool_calls_and_results_keep_their_ids() -> None:
    """Every result becomes a message of its own that names its call, arguments and results become text."""
    said = sent(
        turn("assistant", ToolCallPart(name="f", arguments={"a": "é"}, id="x"), ToolCallPart(name="g", id="y")),
        turn("tool", ToolResultPart(id="y", result="plain"), ToolResultPart(id="x", result={"n": 1})),
    )
    assert None is said[0]["content"]
    assert ['{"a": "é"}', "{}"] == [call["function"]["arguments"] for call in said[0]["tool_calls"]]
    assert [("tool", "y", "plain"), ("tool", "x", '{"n": 1}')] == [
        (item["role"], item["tool_call_id"], item["content"]) for item in said[1:]
    ]


def test_calls_without_ids_get_them_and_results_find_their_calls() -> None:
    """A trace without ids becomes a conversation that an endpoint accepts: by name first, else in order."""
    said = sent(
        turn("assistant", ToolCallPart(name="f"), ToolCallPart(name="g")),
        turn("tool", ToolResultPart(name="g", result="from g")),
        turn("tool", TextPart(text="from f")),
        turn("assistant", ToolCallPart(name="f")),
        turn("user", ToolResultPart(result="again f"), TextPart(text="and you?")),
    )
    ids = [call["id"] for item in said for call in item.get("tool_calls", ())]
    assert 3 == len(set(ids))
    answered = {item["content"]: item["tool_call_id"] for item in said if item["role"] == "tool"}
    assert {"from g": ids[1], "from f": ids[0], "again f": ids[2]} == answered
    assert {"role": "user", "content": "and you?"} == said[-1]


def test_a_tool_without_parameters_is_one_without_arguments() -> None:
    """Endpoints refuse an empty parameter schema, so an object without properties stands for it."""
    body = request_body(ChatRequest(messages=(), tools=(ChatTool(name="f"),)), "m")
    assert {"type": "object", "properties": {}} == body["tools"][0]["function"]["parameters"]


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (LABEL, True),
        ({"type": "string"}, True),
        ({k: v for k, v in LABEL.items() if k != "additionalProperties"}, False),
        ({**LABEL, "required": []}, False),
        ({"type": "array", "items": {"type": "object", "properties": {"a": {}}}}, False),
        ({**LABEL, "properties": {"label": {"anyOf": [{"type": "object", "properties": {"b": {}}}]}}}, False),
    ],
)
def test_strict_where_the_schema_allows_it(schema: dict[str, Any], strict: bool) -> None:
    """Strict endpoints refuse open objects and optional properties, so strictness is asked for only without them."""
    assert strict is response_format(schema)["json_schema"]["strict"]


@pytest.mark.parametrize(
    "text", ['{"label": "a"}', ' {"label":"a"}\n', '```json\n{"label": "a"}\n```', '```\n{"label": "a"}\n```']
)
def test_fenced_json_is_json(text: str) -> None:
    """A model that wraps its JSON in a code block has answered."""
    assert {"label": "a"} == parse(text, LABEL)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("label: a", "not JSON"),
        ("{}", "'label' is a required property"),
        ('{"label": 1}', "$.label: 1 is not"),
    ],
)
def test_what_does_not_fit_is_said(text: str, words: str) -> None:
    """The mismatch names the place and the rule, to be told to the model."""
    with pytest.raises(MismatchError) as caught:
        parse(text, LABEL)
    assert words in str(caught.value)


def test_a_schema_that_is_none() -> None:
    """A broken schema is the caller's mistake, not the model's."""
    with pytest.raises(InputError, match="no valid JSON schema"):
        parse("1", {"type": "nonsense"})


def test_a_reference_is_never_fetched() -> None:
    """A schema that points elsewhere cannot make us open a connection."""
    with pytest.raises(InputError, match=r"refers to http://127\.0\.0\.1:9/schema\.json"):
        parse("1", {"$ref": "http://127.0.0.1:9/schema.json"})
