"""Writes Inspect logs by hand: the archive that `.eval` is, and the JSON text of before."""

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVALUATION = {
    "eval_id": "eval-1",
    "task": "desk",
    "model": "openai/gpt-4.1-mini",
    "created": "2026-03-01T09:00:00+00:00",
    "revision": {"type": "git", "commit": "abc1234"},
}


def at(second: float) -> str:
    """A time of the sample, so many seconds after it began."""
    return f"2026-03-01T10:00:{second:09.6f}+00:00"


def sample(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A sample whose model called a tool, answered and was graded, as Inspect logs it."""
    ask = {"id": "m1", "role": "user", "content": "Where is order 7?"}
    call = {
        "id": "m2",
        "role": "assistant",
        "content": [{"type": "reasoning", "reasoning": "Look it up."}],
        "tool_calls": [{"id": "c1", "function": "find_order", "arguments": {"order": 7}, "type": "function"}],
    }
    found = {"id": "m3", "role": "tool", "content": "in transit", "tool_call_id": "c1", "function": "find_order"}
    answer = {"id": "m4", "role": "assistant", "content": "attachment://long"}
    spent = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 55, "input_tokens_cache_read": 40}
    made: dict[str, Any] = {
        "id": number,
        "epoch": 1,
        "uuid": f"uuid-{number}",
        "input": "Where is order 7?",
        "target": "in transit",
        "messages": [ask, call, found, answer],
        "output": {"model": "gpt-4.1-mini", "choices": [{"message": answer, "stop_reason": "stop"}]},
        "scores": {"match": {"value": "C", "answer": "in transit", "explanation": "as expected"}},
        "metadata": {"region": "north"},
        "attachments": {"long": "It is in transit."},
        "events": [
            span("solvers", "s1", 0, type="solvers"),
            span("desk_agent", "s2", 0.1, type="agent", parent_id="s1"),
            model("e1", 1, [ask], call, usage={**spent, "reasoning_tokens": 3, "total_cost": 0.25}, retries=2),
            span("find_order", "s3", 2, type="tool", parent_id="s2"),
            event("tool", "e2", 2, span_id="s3", id="c1", function="find_order", arguments={"order": 7})
            | {"result": "in transit", "completed": at(2.5)},
            event("span_end", "e3", 2.6, id="s3", span_id="s3"),
            model("e4", 3, [ask, call, found], answer, usage={"input_tokens": 20, "output_tokens": 6}),
            event("span_end", "e5", 4.1, id="s2", span_id="s2"),
            event("span_end", "e6", 4.2, id="s1", span_id="s1"),
            span("scorers", "s8", 5, type="scorers"),
            model("e7", 6, [{"role": "user", "content": "The target is: in transit"}], answer, span_id="s8"),
            event("score", "e8", 7, span_id="s8", score={"value": "C"}),
            event("span_end", "e9", 8, id="s8", span_id="s8"),
        ],
    }
    return {**made, **fields}


def event(kind: str, uuid: str, second: float, **fields: Any) -> dict[str, Any]:
    """An event."""
    return {"event": kind, "uuid": uuid, "timestamp": at(second), **fields}


def span(name: str, own: str, second: float, **fields: Any) -> dict[str, Any]:
    """The beginning of a span."""
    return event("span_begin", f"u-{own}", second, id=own, span_id=own, name=name, **fields)


def model(uuid: str, second: float, asked: list[Any], answer: Any, usage: Any = None, **fields: Any) -> dict[str, Any]:
    """A model call of one second."""
    output = {"model": "gpt-4.1-mini", "choices": [{"message": answer, "stop_reason": "stop"}], "usage": usage}
    called = {"model": "openai/gpt-4.1-mini", "input": asked, "tools": [{"name": "find_order"}], "output": output}
    return event("model", uuid, second, **{"span_id": "s2", "completed": at(second + 1), **called, **fields})


def write_eval(path: Path, *samples: Mapping[str, Any], header: str = "header.json") -> Path:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(header, json.dumps({"version": 2, "status": "success", "eval": EVALUATION}))
        for one in samples:
            archive.writestr(f"samples/{one.get('id')}_epoch_{one.get('epoch')}.json", json.dumps(one))
    return path


def write_zstandard(path: Path, entries: Mapping[str, list[bytes]]) -> Path:
    """Write an archive whose entries are Zstandard frames (method 93), which zipfile cannot write everywhere."""
    body, directory = b"", b""
    for name, (content, *frames) in entries.items():
        packed = b"".join(frames)
        local = struct.pack("<4sH", b"PK\x03\x04", 63)
        facts = struct.pack("<HHHHIII", 0, 93, 0, 0, zlib.crc32(content), len(packed), len(content))
        entry = struct.pack("<4sHH", b"PK\x01\x02", 63, 63) + facts
        directory += entry + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(body)) + name.encode()
        body += local + facts + struct.pack("<HH", len(name), 0) + name.encode() + packed
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path
