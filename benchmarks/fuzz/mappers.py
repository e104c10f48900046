"""Mappers to fuzz: whatever turns the parsed answer of a store or a line of a file into a Batch.

To have one more fuzzed, add a `Mapper`: its function takes anything that JSON can say and returns a Batch; InputError
and SourceError are the only exceptions it may raise. `seeds` are well-formed inputs, which are spoilt before it sees
them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fuzz.store_seeds import (
    LANGFUSE_SCORES,
    LANGFUSE_TRACES,
    LANGSMITH_FEEDBACK,
    LINES,
    OBSERVATIONS,
    PHOENIX_ANNOTATIONS,
    PHOENIX_SPANS,
    RUNS,
    mlflow_traces,
)
from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.chatlogs import ChatLogSource
from burnish.adapters.sources.fields import Item, items_in
from burnish.adapters.sources.inspect import InspectSource
from burnish.adapters.sources.inspect.archive import LoggedSample
from burnish.adapters.sources.jsonl import JsonlSource
from burnish.adapters.sources.jsontext import parse_json
from burnish.adapters.sources.langfuse.scores import feedback_of as feedback_of_score
from burnish.adapters.sources.langfuse.traces import observations_to_traces, whole_trace
from burnish.adapters.sources.langsmith.feedback import feedback_of
from burnish.adapters.sources.langsmith.traces import runs_to_traces
from burnish.adapters.sources.mlflow.api import read_info
from burnish.adapters.sources.mlflow.traces import whole_traces
from burnish.adapters.sources.otlp import spans_to_traces
from burnish.adapters.sources.otlp.body import DecodedRequest, add_logs
from burnish.adapters.sources.otlp.json_body import read_request
from burnish.adapters.sources.phoenix.feedback import read_annotation
from burnish.adapters.sources.phoenix.mapping import raw_spans
from burnish.domain.base import utc_now
from burnish.domain.traces import Trace
from burnish.errors import SourceError

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
        Mapper("langfuse", map_observations, OBSERVATIONS),
        Mapper("langfuse_traces", map_langfuse_trace, LANGFUSE_TRACES),
        Mapper("langfuse_scores", map_scores, LANGFUSE_SCORES),
        Mapper("langsmith", map_runs, RUNS),
        Mapper("langsmith_feedback", map_langsmith_feedback, LANGSMITH_FEEDBACK),
        Mapper("phoenix", map_phoenix, PHOENIX_SPANS),
        Mapper("phoenix_annotations", map_annotations, PHOENIX_ANNOTATIONS),
        Mapper("mlflow", map_mlflow, mlflow_traces(recorded[:20])),
        Mapper("jsonl", map_line, LINES),
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


def answered(tree: Any) -> Any:
    """`tree` as a server's answer, read as HttpClient reads it."""
    try:
        return parse_json(json.dumps(tree))
    except (ValueError, RecursionError) as error:
        raise SourceError("answered with no JSON") from error


def _page(tree: Any) -> list[Item]:
    return items_in({"data": answered(tree)}, "data")


def map_observations(page: Any) -> Batch:
    """A page of Langfuse's observations."""
    return observations_to_traces(_page(page), "agent", "langfuse")


def map_langfuse_trace(trace: Any) -> Batch:
    """A whole trace of Langfuse's older API."""
    found = answered(trace)
    if not isinstance(found, dict):
        return Batch([], [])
    mapped, problems = whole_trace(found, "agent", "langfuse")
    return Batch([] if mapped is None else [mapped], problems)


def map_scores(page: Any) -> Batch:
    """A page of Langfuse's scores."""
    return Batch.of_feedback(feedback_of_score(score, ["thumbs"]) for score in _page(page))


def map_runs(page: Any) -> Batch:
    """A page of LangSmith's runs."""
    return runs_to_traces(_page(page), "agent", "langsmith")


def map_langsmith_feedback(page: Any) -> Batch:
    """A page of LangSmith's feedback."""
    return Batch.of_feedback(feedback_of(given, ["thumbs"]) for given in _page(page))


def map_phoenix(page: Any) -> Batch:
    """A page of Phoenix's spans."""
    items = answered(page)
    raws, problems = raw_spans(items if isinstance(items, list) else [])
    batch = spans_to_traces(raws, "agent", "phoenix")
    return Batch(batch.traces, problems + batch.problems, batch.feedback)


def map_annotations(page: Any) -> Batch:
    """A page of Phoenix's annotations on spans, and the same as if they were on traces."""
    items = answered(page)
    listed = items if isinstance(items, list) else []
    return Batch.of_feedback(read_annotation(item, kind, Anything()) for kind in ("span", "trace") for item in listed)


class Anything(dict[str, str]):
    """Knows the trace of every id that is a text."""

    def __missing__(self, key: str) -> str:
        if isinstance(key, str):
            return "trace"
        raise KeyError(key)


def map_mlflow(trace: Any) -> Batch:
    """One of MLflow's traces with its spans and assessments."""
    found = answered(trace)
    info = read_info(found.get("trace_info")) if isinstance(found, dict) else None
    return Batch([], []) if info is None else whole_traces([{**found, "trace_info": info}], "agent", "mlflow")


def map_line(record: Any) -> Batch:
    """A line of our own format."""
    try:
        line = json.dumps(record).encode()
    except (ValueError, RecursionError):
        line = b"[" * 3000
    found = JsonlSource(Path("log"), "agent").map_line(line, "here")
    return Batch([], [found]) if isinstance(found, Problem) else Batch([found[0]], [], found[1])
