"""Mappers to fuzz: whatever turns the parsed answer of a store or a line of a file into a Batch.

To have one more fuzzed, add a `Mapper`: its function takes anything that JSON can say and returns a Batch; InputError
and SourceError are the only exceptions it may raise. `seeds` are well-formed inputs, which are spoilt before it sees
them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.adapters.sources.base import Batch
from burnish.adapters.sources.chatlogs import ChatLogSource
from burnish.adapters.sources.inspect import InspectSource
from burnish.adapters.sources.inspect.archive import LoggedSample
from burnish.adapters.sources.otlp import spans_to_traces
from burnish.adapters.sources.otlp.body import DecodedRequest, add_logs
from burnish.adapters.sources.otlp.json_body import read_request
from burnish.domain.base import utc_now
from burnish.domain.traces import Trace

__all__ = ["Mapper", "mappers"]

_TIME = "2026-03-01T10:00:00+00:00"
_CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"order": 7}'}}
_ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
_TURNS = [*_ASKED, {"role": "assistant", "content": None, "tool_calls": [_CALL]}]
_TURNS = [*_TURNS, {"role": "tool", "tool_call_id": "c1", "content": "in transit"}]
_ANSWER = {"role": "assistant", "content": "It is on its way."}
_USAGE = {"prompt_tokens": 50, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 40}}
CHAT = {
    "request": {"messages": _TURNS, "model": "m", "tools": [_CALL], "metadata": {"session_id": "s"}},
    "response": {"id": "chatcmpl-1", "created": 1_790_000_000, "choices": [{"message": _ANSWER}], "usage": _USAGE},
    "latency_ms": 120,
}
RESPONSE = {
    "object": "response",
    "created_at": 1_790_000_000,
    "instructions": "Be brief.",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "https://a.test/b.png"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Look."}]},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "here"},
    ],
    "output": [
        {"type": "web_search_call", "id": "w", "action": {"query": "order"}},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
    ],
    "usage": {"input_tokens": 5, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}},
}
_EVENT = {"timestamp": _TIME, "completed": _TIME, "span_id": "s1", "working_time": 0.5}
SAMPLE = {
    "id": 1,
    "epoch": 1,
    "uuid": "u",
    "input": [{"role": "user", "content": "Hi"}],
    "target": ["a", "b"],
    "messages": _TURNS,
    "output": {"choices": [{"message": {"role": "assistant", "content": "attachment://long"}}]},
    "scores": {
        "match": {"value": {"tone": "C"}, "history": [{"value": "I"}, {"value": "C", "provenance": {"author": "a"}}]}
    },
    "attachments": {"long": "a long text"},
    "events_data": {"messages": _ASKED, "calls": []},
    "error": {"message": "boom"},
    "events": [
        {"event": "span_begin", "id": "s0", "type": "solvers", "name": "solvers", "timestamp": _TIME},
        {"event": "span_begin", "id": "s1", "parent_id": "s0", "type": "tool", "name": "find", "timestamp": _TIME},
        {"event": "tool", "id": "c1", "function": "find", "arguments": {"a": 1}, "result": "x", "events": [], **_EVENT},
        {"event": "model", "model": "a/b", "input": [], "input_refs": [[0, 2]], "output": {"usage": {}}, **_EVENT},
        {"event": "span_end", "id": "s1", "timestamp": _TIME},
        {"event": "step", "action": "begin", "type": "scorer", "name": "match", "timestamp": _TIME},
    ],
}


@dataclass(frozen=True)
class Mapper:
    """A mapper by name."""

    name: str
    function: Callable[[Any], Batch]
    seeds: Sequence[Any]


def mappers(recorded: Sequence[dict[str, Any]], shared: Path | None) -> list[Mapper]:
    """All mappers. `recorded` are spans in OTLP/JSON, `shared` the folder of public recordings, if there is one."""
    spans = [{"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]} for span in recorded]
    return [
        Mapper("otlp", map_otlp, spans),
        Mapper("inspect", map_inspect, [SAMPLE]),
        Mapper("openai_chat", map_chat, [CHAT, RESPONSE]),
    ]


def map_otlp(request: Any) -> Batch:
    """A parsed OTLP request, without its bytes."""
    spans, logs, problems = read_request(request)
    decoded = DecodedRequest(spans, problems)
    add_logs(decoded, logs, [])
    batch = spans_to_traces(decoded.spans, "agent", "otlp")
    return Batch(batch.traces, decoded.problems + batch.problems, [*decoded.feedback, *batch.feedback])


def map_inspect(sample: Any) -> Batch:
    """A sample of an Inspect log, spoilt in itself alone."""
    if not isinstance(sample, dict):
        return Batch([], [])
    evaluation: dict[str, Any] = {"task": "t", "eval_id": "e", "created": _TIME}
    return InspectSource(Path("log"), "agent", "correction").map_sample(LoggedSample("here", evaluation, sample))


def map_chat(record: Any) -> Batch:
    """A line of a chat log."""
    found = ChatLogSource(Path("log"), "agent").map_record(record, "here", utc_now())
    return Batch([found], []) if isinstance(found, Trace) else Batch([], [found])
