"""Traces of real frameworks, in Langfuse's form, against the messages that Langfuse itself makes of them."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from support.shared_data import ROOT, shared

from burnish.adapters.sources.langfuse.traces import observations_to_traces, whole_trace
from burnish.domain.traces import Message, Span, ToolCallPart, ToolResultPart

FOLDER = "otel/langfuse_framework_traces"
TRACES = (
    "agno-2025-06-11",
    "autogen-2025-06-06",
    "beeai-2025-08-01",
    "claude-agent-2025-12-22",
    "google-adk-2025-08-28",
    "google-gemini-2025-08-01",
    "langgraph-js-2025-10-30",
    "langgraph-python-2025-08-22",
    "llamaindex-2025-06-05",
    "openai-agents-2025-09-30",
    "pydantic-ai-2025-06-06",
    "pydantic-ai-tools-2025-06-06",
    "pydantic-ai-tools-2025-12-04",
    "pydantic-ai-with-gemini-2025-12-24",
    "vertex-ai-2025-08-01",
)

# Where we deviate on purpose: observation and side, with the deviation's number in docs/sources/langfuse.md.
KNOWN = {
    ("google-adk-2025-08-28", "6d8beb2e6a36b133", "output"): 1,
    ("google-adk-2025-08-28", "86cd4912944ddc41", "output"): 1,
    ("google-adk-2025-08-28", "bded677884f031ce", "output"): 1,
    ("google-adk-2025-08-28", "f6e4c65297e40c96", "output"): 1,
    ("google-gemini-2025-08-01", "b7a63ca7e1d083bc", "output"): 1,
    ("vertex-ai-2025-08-01", "125abcbf5c41f4df", "output"): 1,
    ("google-adk-2025-08-28", "bded677884f031ce", "input"): 2,
    ("langgraph-js-2025-10-30", "0856a1825ccee968", "input"): 3,
    ("beeai-2025-08-01", "10b12fd4cca3ef99", "input"): 4,
    ("beeai-2025-08-01", "322299e937be4455", "input"): 4,
    ("beeai-2025-08-01", "9381f6df60cf8aa3", "input"): 4,
    ("beeai-2025-08-01", "bf28223502262e87", "input"): 4,
    ("langgraph-js-2025-10-30", "29937389e09f9525", "output"): 5,
    ("langgraph-js-2025-10-30", "405be02ff1aec7f8", "output"): 5,
    ("pydantic-ai-2025-06-06", "5cb389a3bdd21a6e", "output"): 5,
    ("pydantic-ai-tools-2025-06-06", "5cb389a3bdd21a6e", "output"): 5,
    ("agno-2025-06-11", "b38a82eaa62b551e", "input"): 6,
    ("agno-2025-06-11", "ca136de468e156c9", "input"): 6,
    ("claude-agent-2025-12-22", "edbd987c5f361fdf", "output"): 7,
    ("claude-agent-2025-12-22", "f411dab686a064b1", "output"): 7,
}

Said = tuple[str | None, Any, Any]


def load(name: str) -> tuple[dict[str, Span], dict[str, Any]]:
    raw = json.loads(shared(f"{FOLDER}/{name}.trace.json").read_text())
    expected = json.loads(shared(f"{FOLDER}/{name}.chatml.json").read_text())
    trace, problems = whole_trace({**raw["trace"], "observations": raw["observations"]}, "agent", "langfuse")
    assert [] == problems
    assert trace is not None
    assert len(raw["observations"]) == len(trace.spans)
    return {span.span_id: span for span in trace.spans}, expected


def theirs(message: dict[str, Any]) -> Said:
    """Role, content and calls of an expected message; of a tool's message role, content and the call it answers."""
    role, content = message.get("role"), message.get("content") or ""
    calls = [(call["name"], parsed(call["arguments"]), call["id"] or None) for call in message.get("tool_calls") or []]
    if role == "tool":
        return role, parsed(content), message.get("tool_call_id")
    if isinstance(content, list):
        calls += [(part["name"], part["input"], part["id"]) for part in content if part["type"] == "tool_use"]
        content = "\n".join(part["text"] for part in content if part["type"] == "text")
    return role, content, calls


def ours(message: Message) -> list[Said]:
    """The same of our messages; one that holds several results is as many of theirs."""
    results = [part for part in message.parts if isinstance(part, ToolResultPart)]
    if results:
        return [("tool", part.result, part.id) for part in results]
    calls = [(part.name, part.arguments, part.id) for part in message.parts if isinstance(part, ToolCallPart)]
    return [(message.role, message.text, calls)]


def parsed(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def compared(name: str) -> dict[tuple[str, str, str], tuple[list[Said], list[Said]]]:
    """By observation and side what Langfuse's own normaliser makes of it, and what we do.

    Left out are payloads that it fails on (`success` is false). A message of theirs without role, content and calls
    says that nothing was recognised.
    """
    spans, expected = load(name)
    found = {}
    for span_id, sides in expected.items():
        for side, read in sides.items():
            if read["success"]:
                said = [theirs(one) for one in read["data"] if {"role", "content", "tool_calls"} & set(one)]
                messages = getattr(spans[span_id], f"{side}_messages")
                found[name, span_id, side] = (said, [one for message in messages for one in ours(message)])
    return found


@pytest.mark.parametrize("name", TRACES)
def test_messages_equal_those_that_langfuse_makes_but_for_the_known_deviations(name: str) -> None:
    """Role, content and tool calls of every message are Langfuse's own; what differs is in the table, and nothing in
    the table has become equal."""
    deviating = {place for place, (expected, actual) in compared(name).items() if expected != actual}
    assert {place for place in KNOWN if place[0] == name} == deviating


def deviation(number: int) -> list[tuple[list[Said], list[Said]]]:
    return [compared(place[0])[place] for place, known in KNOWN.items() if known == number]


def test_every_deviation_is_what_the_table_says() -> None:
    """A deviation that changes its nature fails too."""
    for expected, actual in deviation(1):
        assert [("assistant" if role == "model" else role, *rest) for role, *rest in expected] == [
            (role, *rest) for role, *rest in actual
        ]
    for expected, actual in deviation(2):
        assert (("user", '{"greeting":"Hello Langfuse 👋"}', [])) == expected[-1]
        assert ("tool", {"greeting": "Hello Langfuse 👋"}, None) == actual[-1]
    for expected, actual in deviation(3):
        assert "get_weather" == expected[-1][0]
        assert ("tool", expected[-1][1], expected[1][2][0][2]) == actual[-1]
    for expected, actual in deviation(4):
        assert [role for role, _, _ in expected] == [role for role, _, _ in actual]
        assert all(text == "" for _, text, _ in expected)
        assert all(text for _, text, _ in actual)
    for expected, actual in deviation(5):
        assert [] == expected
        assert all(text or calls for _, text, calls in actual)
    for expected, actual in deviation(6):
        assert [] == expected
        assert all(role == "user" and text.startswith("role='") for role, text, _ in actual)
    for expected, actual in deviation(7):
        assert [] == actual
        assert len(expected) == 1


def test_what_langfuse_fails_on_is_read_too() -> None:
    """Plain text and LangChain's serialised messages, on which its own normaliser fails, are messages for us."""
    spans, _ = load("autogen-2025-06-06")
    assert "Hello World!" == spans["83517f9062f5ada4"].output_messages[0].text
    spans, _ = load("langgraph-js-2025-10-30")
    whole = next(span for span in spans.values() if span.name == "LangGraph")
    assert ["user", "assistant", "tool", "assistant"] == [message.role for message in whole.output_messages]


def test_a_trace_says_what_was_asked_and_answered_and_what_it_cost() -> None:
    """The trace's own input and output come as the text they are, its tokens and dollars once a call."""
    raw = json.loads(shared(f"{FOLDER}/langgraph-python-2025-08-22.trace.json").read_text())
    trace, _ = whole_trace({**raw["trace"], "observations": raw["observations"]}, "agent", "langfuse")
    assert trace is not None
    assert "Search the web for 'example' and summarize." == trace.input
    assert str(trace.output).startswith('The search for "example" primarily leads to')
    assert (168, 66) == (trace.usage.input_tokens, trace.usage.output_tokens)
    assert 0.000234 == pytest.approx(trace.cost_usd)
    assert ["Web-Search"] == [use.name for use in trace.tool_uses()]


def test_the_documented_table_counts_what_deviates() -> None:
    """docs/sources/langfuse.md says of each deviation how many payloads it has, and how many are equal."""
    page = (ROOT / "docs/sources/langfuse.md").read_text()
    counts = {int(number): int(many) for number, many in re.findall(r"^\| (\d) \| (\d+) \|", page, re.MULTILINE)}
    assert dict(Counter(KNOWN.values())) == counts
    every = [place for name in TRACES for place in compared(name)]
    equal = len(every) - len(KNOWN)
    assert f"Of {len(every)} payloads on which" in page.replace("\n", " ")
    assert f"succeeds, {equal} give the same" in page.replace("\n", " ")


@pytest.mark.parametrize("name", TRACES)
def test_the_v2_api_gives_the_same_messages(name: str) -> None:
    """There input and output are text, and a trace is put together from its observations."""
    spans, _ = load(name)
    raw = json.loads(shared(f"{FOLDER}/{name}.trace.json").read_text())
    for one in raw["observations"]:
        for side in ("input", "output"):
            if one.get(side) is not None and not isinstance(one[side], str):
                one[side] = json.dumps(one[side])
    batch = observations_to_traces(raw["observations"], "agent", "langfuse")
    [trace] = batch.traces
    assert [] == batch.problems
    assert spans == {span.span_id: span for span in trace.spans}
