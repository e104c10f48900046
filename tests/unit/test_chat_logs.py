"""Chat logs in OpenAI's forms: each record one trace, whichever way it was logged, and no log that breaks the pull."""

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.adapters.sources import Batch, SourceContext, open_source
from burnish.adapters.sources.chatlogs import ChatLogSource
from burnish.domain.traces import (
    ImagePart,
    Message,
    ReasoningPart,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResultPart,
    ToolUse,
    Trace,
    Usage,
)
from burnish.project import SourceConfig

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is order 7?"}]
ANSWER = {"role": "assistant", "content": "In transit.", "refusal": None}
USAGE = {
    "prompt_tokens": 50,
    "completion_tokens": 9,
    "total_tokens": 59,
    "prompt_tokens_details": {"cached_tokens": 40},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
COMPLETION = {
    "id": "chatcmpl-0123456789",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "gpt-4.1-mini",
    "choices": [{"index": 0, "message": ANSWER, "finish_reason": "stop"}],
    "usage": USAGE,
}
REQUEST = {"model": "gpt-4.1", "messages": ASKED, "temperature": 0.2, "user": "u1", "metadata": {"session_id": "s1"}}
RESPONSE = {
    "id": "resp_0123456789abcdef",
    "object": "response",
    "created_at": 1_790_000_000.5,
    "status": "completed",
    "model": "gpt-5-mini",
    "instructions": "Be brief.",
    "conversation": {"id": "conv_1"},
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where is order 7?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Look it up."}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "find", "arguments": '{"order": 7}'},
        {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "find", "arguments": '{"order": 8}'},
        {"type": "function_call_output", "call_id": "c1", "output": "in transit"},
    ],
    "output": [
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "order 7"}},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "In transit."}]},
    ],
    "usage": {
        "input_tokens": 50,
        "output_tokens": 9,
        "input_tokens_details": {"cached_tokens": 40},
        "output_tokens_details": {"reasoning_tokens": 4},
    },
}


def read(path: Path) -> Batch:
    """Everything a path holds, as one batch."""
    batches = list(ChatLogSource(path, "desk").read())
    traces = [trace for batch in batches for trace in batch.traces]
    return Batch(traces, [problem for batch in batches for problem in batch.problems])


def of(tmp_path: Path, record: Any) -> Trace:
    """The trace of one record."""
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(record) + "\n")
    (trace,), problems, _ = read(path)
    assert problems == []
    return trace


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [*ASKED, ANSWER]},
        [*ASKED, ANSWER],
        {"request": REQUEST, "response": COMPLETION},
        {"request": json.dumps(REQUEST), "response": json.dumps(COMPLETION)},
        {"custom_id": "line-1", "body": REQUEST, "response": {"status_code": 200, "body": COMPLETION}, "error": None},
        {**COMPLETION, "messages": ASKED},
        {**COMPLETION, "input": ASKED},
        {"input": {"messages": ASKED}, "output": ANSWER},
        {"messages": ASKED, "response": "In transit."},
        {"messages": ASKED, "completion": {"role": "assistant", "content": "In transit."}},
        {"request": REQUEST, "response": {**RESPONSE, "input": None}},
        {"instructions": "Be brief.", "input": "Where is order 7?", "output": RESPONSE["output"]},
        {"system": "Be brief.", "prompt": "Where is order 7?", "completion": "In transit."},
    ],
)
def test_every_form_gives_question_and_answer(tmp_path: Path, record: Any) -> None:
    """A conversation, a request with its response, a batch's line and a stored completion are the same exchange."""
    trace = of(tmp_path, record)
    assert (trace.input, trace.output, trace.status) == ("Where is order 7?", "In transit.", SpanStatus.OK)
    assert (trace.agent, trace.source, trace.error) == ("desk", "openai_chat", None)
    system, user = trace.spans[0].input_messages
    assert (system, user.role) == (Message(role="system", parts=(TextPart(text="Be brief."),)), "user")


def test_an_exchange_with_its_facts(tmp_path: Path) -> None:
    """Model, time, tokens with cached and reasoning ones apart, user, session and parameters are where they belong."""
    trace = of(tmp_path, {"request": REQUEST, "response": COMPLETION, "latency_ms": 1500, "environment": "staging"})
    (call,) = trace.spans
    assert (call.model, call.latency_s) == ("gpt-4.1-mini", 1.5)
    assert trace.started_at == datetime.fromtimestamp(1_790_000_000, UTC)
    assert (trace.session_id, trace.user_id, trace.environment) == ("s1", "u1", "staging")
    assert trace.usage == Usage(input_tokens=50, output_tokens=9, cache_read_tokens=40, reasoning_tokens=4)
    assert call.attributes == {
        "gen_ai.response.id": "chatcmpl-0123456789",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.temperature": 0.2,
    }


def test_items_of_the_responses_api(tmp_path: Path) -> None:
    """What the model thought, called and said in one answer is one message; results are the tools'."""
    trace = of(tmp_path, RESPONSE)
    system, user, called, result = trace.spans[0].input_messages
    assert [message.role for message in (system, user, called, result)] == ["system", "user", "assistant", "tool"]
    assert called.parts == (
        ReasoningPart(text="Look it up."),
        ToolCallPart(name="find", arguments={"order": 7}, id="c1"),
        ToolCallPart(name="find", arguments={"order": 8}, id="c2"),
    )
    assert result.parts == (ToolResultPart(result="in transit", id="c1"),)
    (answer,) = trace.spans[0].output_messages
    assert answer.parts == (
        ToolCallPart(name="web_search", arguments={"action": {"query": "order 7"}}, id="ws_1"),
        TextPart(text="In transit."),
    )
    assert (trace.session_id, trace.usage.cache_read_tokens, trace.usage.reasoning_tokens) == ("conv_1", 40, 4)
    assert trace.tool_uses()[0] == ToolUse(name="find", arguments={"order": 7}, result="in transit", call_id="c1")


def test_calls_refusals_and_images(tmp_path: Path) -> None:
    """Calls of functions and custom tools, a refusal, and images by reference; pixels in the log are not kept."""
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"order": 7}'}},
        {"id": "c2", "type": "custom", "custom": {"name": "note", "input": "free text"}},
    ]
    pixels = "data:image/png;base64," + "A" * 1000
    shown = [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "https://pictures.test/7.png"}},
        {"type": "image_url", "image_url": {"url": pixels}},
    ]
    tools = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
    messages = [
        {"role": "user", "content": shown},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": "in transit"},
        {"role": "assistant", "content": None, "refusal": "I can't say."},
    ]
    trace = of(tmp_path, {"messages": messages, "tools": tools})
    user, called, _ = trace.spans[0].input_messages
    assert user.parts[1] == ImagePart(uri="https://pictures.test/7.png")
    assert isinstance(user.parts[2], ImagePart)
    assert "AAAA" not in trace.model_dump_json()
    assert called.tool_calls == (
        ToolCallPart(name="find", arguments={"order": 7}, id="c1"),
        ToolCallPart(name="note", arguments="free text", id="c2"),
    )
    assert trace.output == "I can't say."
    assert trace.spans[0].tool_definitions == (ToolDefinition(name="find", parameters={"type": "object"}),)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"error": {"message": "no such model", "code": "404"}}, "no such model"),
        ({"status_code": 500, "body": {}}, "HTTP status 500"),
        ({"object": "response", "status": "failed", "output": []}, "failed"),
        ({"error": "time-out"}, "time-out"),
    ],
)
def test_a_failed_request_is_an_error_without_an_answer(tmp_path: Path, response: Any, error: str) -> None:
    """The conversation so far is no answer, though it ends with the assistant."""
    trace = of(tmp_path, {"request": {"messages": [*ASKED, ANSWER]}, "response": response})
    assert (trace.error, trace.output, len(trace.spans[0].input_messages)) == (error, None, 3)


def test_ids_follow_the_given_ones_or_the_content(tmp_path: Path) -> None:
    """The API's id names a trace in any file; short ids and a batch's `custom_id` number lines and name nothing."""
    log = {"request": REQUEST, "response": COMPLETION}
    first = of(tmp_path, log).trace_id
    assert first == of(tmp_path, {**log, "note": "added later"}).trace_id
    lines = [{"id": 1, "custom_id": "a", "messages": [*ASKED, {**ANSWER, "content": text}]} for text in ("x", "y")]
    ids = [of(tmp_path, line).trace_id for line in (*lines, lines[0])]
    assert (ids[0], len({first, *ids})) == (ids[2], 3)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("created", 1_769_860_800),
        ("timestamp", "2026-01-31T12:00:00Z"),
        ("timestamp", "2026-01-31T13:00:00+01:00"),
        ("time", 1_769_860_800_000),
        ("ts", "1769860800.0"),
        ("start_time", 1_769_860_800_000_000_000),
    ],
)
def test_times_in_every_unit(tmp_path: Path, field: str, given: Any) -> None:
    """Seconds to nanoseconds and ISO times are told apart."""
    assert of(tmp_path, {"messages": ASKED, field: given}).started_at == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_record_without_a_time_is_dated_by_its_file(tmp_path: Path) -> None:
    """A duration under `time` is no date."""
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"messages": ASKED, "time": 1.25}))
    os.utime(path, (1_769_860_800, 1_769_860_800))
    assert read(path).traces[0].started_at == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"prompt": "1"}\n\n{"prompt": "2"}\n'),
        ("a.jsonl.gz", gzip.compress(b'{"prompt": "1"}\n{"prompt": "2"}', mtime=0)),
        ("a.json", b'[{"prompt": "1"}, {"prompt": "2"}]'),
        ("a.json", b'{"prompt": "1"}\n{"prompt": "2"}'),
        ("a.json", b'{"object": "list", "data": [{"prompt": "1"}, {"prompt": "2"}]}'),
        (
            "a.json.gz",
            gzip.compress(b'[[{"role": "user", "content": "1"}], [{"role": "user", "content": "2"}]]', mtime=0),
        ),
    ],
)
def test_every_kind_of_file(tmp_path: Path, name: str, content: bytes) -> None:
    """A record a line, a list, a page, compressed or not."""
    (tmp_path / name).write_bytes(content)
    traces, problems, _ = read(tmp_path)
    assert ([trace.input for trace in traces], problems) == (["1", "2"], [])


def test_a_list_of_messages_is_one_conversation(tmp_path: Path) -> None:
    """Not a record a message."""
    (tmp_path / "a.json").write_text(json.dumps([*ASKED, ANSWER]))
    assert [len(trace.messages()) for trace in read(tmp_path).traces] == [3]


def test_a_bad_record_costs_itself_alone(tmp_path: Path) -> None:
    """Each problem names its line and what is missing."""
    chunk = {"object": "chat.completion.chunk", "choices": []}
    lines = ["{broken", '"text"', "{}", json.dumps(chunk), "[" * 5000, json.dumps(COMPLETION)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"prompt": "1"}\n' * 3)[:-9])
    traces, problems, _ = read(tmp_path)
    assert [trace.output for trace in traces[:1]] == ["In transit."]
    assert [problem.where for problem in problems[:5]] == [f"a.jsonl:{number}" for number in range(1, 6)]
    told = ["not valid JSON", "neither an object", "no conversation", "a piece of a stream", "not valid JSON"]
    assert [reason in problem.reason for reason, problem in zip(told, problems, strict=False)] == [True] * 5
    assert "cannot be read on" in problems[5].reason


def test_the_kind_is_known(tmp_path: Path) -> None:
    """`kind = "openai_chat"` opens it."""
    config = SourceConfig(kind="openai_chat", path=str(tmp_path))
    assert open_source(SourceContext(config, "desk", tmp_path, lambda name: None)).name == "openai_chat"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TYPES = (
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "web_search_call",
    "image_url",
    "text",
    "file",
)
ITEM_KEYS = ("role", "type", "content", "tool_calls", "call_id", "output", "arguments", "summary", "refusal", "audio")
ITEM = st.dictionaries(
    st.sampled_from(ITEM_KEYS), st.sampled_from(("user", "assistant", "tool", *TYPES)) | JSON, max_size=5
)
KEYS = st.sampled_from(
    sorted({*COMPLETION, *REQUEST, *RESPONSE, "request", "response", "body", "prompt", "error", "timestamp", "tools"})
)
VALUE = JSON | ITEM | st.lists(ITEM, max_size=3)
CHANGES = st.dictionaries(KEYS, VALUE | st.dictionaries(KEYS, VALUE, max_size=3), max_size=5)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([{}, COMPLETION, RESPONSE, {"request": REQUEST, "response": COMPLETION}]), CHANGES | VALUE)
def test_any_record_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, base: Any, changes: Any) -> None:
    """Whatever stands in a line, it gives a trace that can be stored, or a problem; never another error."""
    record = {**base, **changes} if isinstance(changes, dict) else changes
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    path.write_text(json.dumps(record))
    traces, problems, _ = read(path)
    assert len(traces) + len(problems) == 1
    for trace in traces:
        assert Trace.model_validate_json(trace.model_dump_json()).trace_id == trace.trace_id


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=200), st.sampled_from(["a.json", "a.jsonl", "a.json.gz", "a.jsonl.gz"]))
def test_any_bytes_are_read_or_told(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    """A file of anything gives problems at most."""
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    assert read(path).traces == []
