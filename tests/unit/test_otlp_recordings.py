"""Bodies that published instrumentations really sent, held against what their attributes say."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.otlp_bodies import JSON, PROTOBUF, as_json, request, traces_of
from support.shared_data import shared

from burnish.domain.traces import Message, SpanKind, SpanStatus, TextPart, ToolCallPart, ToolResultPart, Trace, Usage

BODIES = [
    "openinference_openai/openinference_openai.0.otlp",
    "openinference_openai/openinference_openai.1.otlp",
    "openllmetry_anthropic/openllmetry_anthropic.0.otlp",
    "openllmetry_openai/openllmetry_openai.0.otlp",
    "openllmetry_openai/openllmetry_openai.1.otlp",
    "pydantic_ai/pydantic_ai.0.otlp",
    "vercel_ai_sdk/vercel_ai_sdk.0.otlp",
]
SENT = {"pb": "", "pb.gz": "gzip"}


def _json(body: str) -> bytes:
    return shared(f"otel/generated_otlp/{body}.json").read_bytes()


def _plain(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items() if value else (("", None),)
    if kind == "arrayValue":
        return [_plain(item) for item in content.get("values", [])]
    if kind == "kvlistValue":
        return {item["key"]: _plain(item["value"]) for item in content.get("values", [])}
    return int(content) if kind == "intValue" else content


def _raw_spans(body: bytes) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for resource in json.loads(body)["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield span, {pair["key"]: _plain(pair.get("value", {})) for pair in span.get("attributes", [])}


@pytest.mark.parametrize("body", BODIES)
def test_every_span_arrives_with_its_parent_status_and_tokens(body: str) -> None:
    """No span is lost or moved, OK, UNSET and ERROR stay apart, and every count of tokens is the recorded one."""
    raw = list(_raw_spans(_json(body)))
    spans = {span.span_id: span for trace in traces_of(_json(body)) for span in trace.spans}
    assert len(raw) == len(spans)
    statuses = {0: SpanStatus.UNSET, 1: SpanStatus.OK, 2: SpanStatus.ERROR}
    for recorded, values in raw:
        span = spans[recorded["spanId"]]
        assert recorded["traceId"] == span.trace_id
        assert (recorded.get("parentSpanId") or None) == span.parent_id
        assert statuses[recorded.get("status", {}).get("code", 0)] is span.status
        for field in ("input", "output"):
            names = {"input": "prompt", "output": "completion"}
            counts = [
                values[name]
                for name in (
                    f"gen_ai.usage.{field}_tokens",
                    f"llm.token_count.{names[field]}",
                    f"ai.usage.{field}Tokens",
                )
                if name in values
            ]
            if counts:
                assert counts[0] == getattr(span.usage, f"{field}_tokens")


@pytest.mark.parametrize("body", BODIES)
def test_every_message_arrives_with_its_role_and_text(body: str) -> None:
    """Roles and text of GenAI, OpenInference and Vercel messages equal the recording, read here by other means.

    But for one role: results of tools that some record as the user's are the tool's.
    """
    checked = 0
    spans = {span.span_id: span for trace in traces_of(_json(body)) for span in trace.spans}
    for recorded, values in _raw_spans(_json(body)):
        span = spans[recorded["spanId"]]
        for side, found in (("input", span.input_messages), ("output", span.output_messages)):
            expected = _expected(values, side)
            if expected:
                told = [(message.role, message.text) for message in found if message.parts]
                if side == "input" and "gen_ai.system_instructions" in values:
                    told = told[1:]
                assert expected == told
                checked += 1
    assert checked > 0


def _expected(values: dict[str, Any], side: str) -> list[tuple[str, str]]:
    if f"gen_ai.{side}.messages" in values:
        messages = json.loads(values[f"gen_ai.{side}.messages"])
        return [
            (
                "tool" if all(p["type"] == "tool_call_response" for p in message["parts"]) else message["role"],
                "\n".join(p["content"] for p in message["parts"] if p["type"] == "text" and p.get("content")),
            )
            for message in messages
            if any(part.get("content") or part["type"] != "text" for part in message["parts"])
        ]
    if side == "input" and "ai.prompt.messages" in values:
        messages = json.loads(values["ai.prompt.messages"])
        return [(m["role"], m["content"] if isinstance(m["content"], str) else _texts(m["content"])) for m in messages]
    start = f"llm.{side}_messages."
    numbers = sorted({int(key[len(start) :].split(".")[0]) for key in values if key.startswith(start)})
    found = []
    for number in numbers:
        at = f"{start}{number}.message."
        rest = {key[len(at) :]: value for key, value in values.items() if key.startswith(at)}
        texts = [rest["content"]] if rest.get("content") else []
        texts += [value for key, value in sorted(rest.items()) if key.endswith("message_content.text")]
        says = texts or any(key.startswith("tool_calls") or "image" in key for key in rest)
        if says:
            tool = rest["role"] == "tool"
            found.append((rest["role"], "" if tool else "\n".join(texts)))
    return found


def _texts(parts: list[dict[str, Any]]) -> str:
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


@pytest.mark.parametrize("body", BODIES[:-1])
def test_the_body_as_sent_and_as_json_map_to_equal_traces(body: str) -> None:
    """protobuf, protobuf in gzip and JSON of one request are one and the same."""
    folder = shared(f"otel/generated_otlp/{Path(body).parent}")
    ((ending, encoding),) = [(e, c) for e, c in SENT.items() if (folder / f"{Path(body).name}.{e}").exists()]
    sent = (folder / f"{Path(body).name}.{ending}").read_bytes()
    expected = traces_of(_json(body))
    assert expected == traces_of(sent, PROTOBUF, encoding)
    assert expected == traces_of(gzip.compress(_json(body)), JSON, "gzip")


def test_an_sdk_that_records_beside_the_instrumentor_counts_no_token_twice() -> None:
    """Four calls recorded by two instrumentations each are four calls' tokens, with the messages of the fuller one."""
    traces = traces_of(_json(BODIES[2]))
    (trace,) = [trace for trace in traces if trace.name == "support_agent.run"]
    assert (len(trace.spans), len(list(trace.model_calls()))) == (9, 4)
    assert (trace.usage.input_tokens, trace.usage.output_tokens) == (17 + 514 + 568 + 506, 220 + 152 + 58 + 158)
    assert all(call.input_messages for call in trace.model_calls())


def _named(body: str, name: str) -> Trace:
    return next(trace for trace in traces_of(_json(body)) if trace.name == name)


def test_a_run_of_pydantic_ai_is_read_whole() -> None:
    """Question, answer, session, tools with their results, the failed tool and the tokens of three model calls."""
    trace = _named(BODIES[5], "invoke_agent airline_agent")
    assert trace.input == "Please cancel reservation EHGLP3"
    assert (
        trace.output
        == '{"get_reservation":{"id":"a","cabin":"economy","insurance":false},"cancel_reservation":"refused"}'
    )
    assert (trace.session_id, trace.status) == ("01a209f2-1b2b-7333-a460-ce3f981aa798", SpanStatus.UNSET)
    assert Usage(input_tokens=206, output_tokens=52) == trace.usage
    assert [("get_reservation", {"reservation_id": "a"}), *[("cancel_reservation", {"reservation_id": "a"})] * 2] == [
        (tool.name, tool.arguments) for tool in trace.tool_uses()
    ]
    assert [tool.result for tool in trace.tool_uses()] == [
        {"id": "a", "cabin": "economy", "insurance": False},
        "not cancellable: no insurance",
        "refused",
    ]
    kinds = [SpanKind.AGENT, SpanKind.LLM, SpanKind.TOOL, SpanKind.TOOL, SpanKind.LLM, SpanKind.TOOL, SpanKind.LLM]
    assert kinds == [span.kind for span in trace.spans]
    assert _named(BODIES[5], "invoke_agent broken_agent").error == "RuntimeError: backend down"


def test_a_run_of_the_vercel_sdk_is_read_whole() -> None:
    """The outer span's sum is not added to the inner calls; user and session come from its metadata."""
    trace = _named(BODIES[6], "ai.generateText")
    assert (trace.input, trace.output) == ("Where is my order #W2378156?", "Your order is pending.")
    assert (
        trace.session_id,
        trace.user_id,
        trace.usage.input_tokens,
        trace.usage.output_tokens,
    ) == ("s1", "u1", 42, 18)
    (tool,) = trace.tool_uses()
    assert (tool.name, tool.arguments, tool.call_id) == ("getOrder", {"orderId": "#W2378156"}, "c1")
    assert [message.role for message in trace.messages()] == ["system", "user", "assistant", "tool", "assistant"]
    assert _named(BODIES[6], "ai.generateObject").error == "No object generated: could not parse the response."


PAIR = [
    "otel_genai_client_span_tool_calls",
    "otel_genai_deprecated_client_span_tool_calls",
    "openinference_client_span_tool_calls",
]


@pytest.mark.parametrize("name", PAIR)
def test_the_same_call_in_three_conventions_is_the_same_call(name: str) -> None:
    """GenAI new, GenAI old and OpenInference give equal messages, model, provider and tokens."""
    values = json.loads(shared(f"otel/openinference_genai/{name}.json").read_text())
    (trace,) = traces_of(as_json(request(_span(values))))
    (span,) = trace.spans
    assert (
        Message(role="user", parts=(TextPart(text="Weather in Paris?"),)),
        Message(
            role="assistant",
            parts=(
                TextPart(text="Absolutely! Let me check the weather for you."),
                ToolCallPart(name="get_weather", arguments={"location": "Paris"}, id="1234"),
            ),
        ),
        Message(role="tool", parts=(ToolResultPart(result="rainy, 57°F", id="1234"),)),
    ) == span.input_messages
    answer = "The weather in Paris is currently rainy with a temperature of 57°F."
    assert (Message(role="assistant", parts=(TextPart(text=answer),)),) == span.output_messages
    assert (
        span.kind,
        span.model,
        span.provider,
        span.usage and span.usage.input_tokens,
        span.usage and span.usage.output_tokens,
    ) == (SpanKind.LLM, "gpt-4-0613", "openai", 97, 52)
    assert answer == trace.output


def _span(values: dict[str, Any], **fields: Any) -> dict[str, Any]:
    from support.otlp_bodies import span

    return span(1, values, **fields)


def test_every_operation_of_the_vercel_sdk_is_understood() -> None:
    """Spans of version 6 have a known kind, and text calls their prompt and answer."""
    records = json.loads(shared("otel/openinference_vercel_v6/all-spans.json").read_text())
    assert len(records) > 5
    for record in records:
        values = {key: value for key, value in record["attributes"].items() if value is not None}
        (trace,) = traces_of(as_json(request(_span(values, name=record["name"]))))
        (span,) = trace.spans
        assert span.kind is not SpanKind.UNKNOWN
        if "Text" in record["name"] or "Object" in record["name"]:
            asked = json.loads(str(values.get("ai.prompt", values.get("ai.prompt.messages"))))
            last = trace.input[-1] if isinstance(trace.input, list) else trace.input
            assert (last["content"] if isinstance(last, dict) else last) == _last_question(asked)
            assert values.get("ai.response.text", values.get("ai.response.object")) == trace.output
            assert span.usage is not None
        if "embed" in record["name"]:
            assert (trace.output, len(span.model_dump_json()) < 3000) == (None, True)


def _last_question(asked: Any) -> str:
    if isinstance(asked, dict) and "prompt" in asked:
        return str(asked["prompt"])
    content = (asked["messages"] if isinstance(asked, dict) else asked)[-1]["content"]
    return content if isinstance(content, str) else _texts(content)
