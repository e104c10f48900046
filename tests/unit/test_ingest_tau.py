"""The reader of tau-bench trajectories that other tests measure with."""

import json
from collections import Counter
from pathlib import Path

import pytest
from support.shared_data import shared
from support.tau import read_tau

from burnish.domain.traces import SpanKind, SpanStatus, ToolUse

CALL = {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"order": "W1"}'}}
RUN = {
    "task_id": 7,
    "trial": 1,
    "reward": 0.0,
    "info": {"task": {"user_id": "ada_1", "instruction": "You are Ada."}},
    "traj": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is W1?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "name": "find_order", "content": '{"state": "sent"}'},
        {"role": "assistant", "content": "On its way."},
        {"role": "user", "content": "###STOP###"},
    ],
}
CRASH = {"task_id": 8, "trial": 0, "reward": 0.0, "info": {"error": "time-out"}, "traj": []}


def test_a_trajectory_becomes_a_trace(tmp_path: Path) -> None:
    """Turns of the assistant are model spans, its calls tool spans, the reward is metadata."""
    path = tmp_path / "retail.jsonl"
    path.write_text(json.dumps(RUN) + "\n" + json.dumps(CRASH) + "\n")
    trace, crash = read_tau(path, "retail")
    assert [span.kind for span in trace.spans] == [SpanKind.AGENT, SpanKind.LLM, SpanKind.TOOL, SpanKind.LLM]
    assert trace.tool_uses() == (
        ToolUse(name="find_order", arguments={"order": "W1"}, result={"state": "sent"}, call_id="c1"),
    )
    assert [message.role for message in trace.messages()] == ["system", "user", "assistant", "tool", "assistant"]
    assert (trace.input, trace.output, trace.user_id) == ("Where is W1?", "On its way.", "ada_1")
    assert (trace.metadata["reward"], trace.metadata["harness_error"], trace.error) == (0.0, None, None)
    assert (crash.metadata["harness_error"], crash.status, len(crash.spans)) == ("time-out", SpanStatus.ERROR, 1)


@pytest.mark.parametrize(
    ("file", "runs", "passed"),
    [("airline_gpt4o_4trials", 200, 84), ("retail_base", 100, 73), ("retail_preconditions", 100, 70)],
)
def test_the_published_runs_are_read_whole(file: str, runs: int, passed: int) -> None:
    """Every run is a trace of its own with its reward, and as many tool spans as there were calls."""
    path = shared(f"traces_tau/{file}.jsonl")
    traces = list(read_tau(path))
    assert (len(traces), len({trace.trace_id for trace in traces})) == (runs, runs)
    assert Counter(trace.metadata["reward"] for trace in traces)[1.0] == passed
    records = [json.loads(line) for line in path.read_text().splitlines()]
    calls = [sum(len(turn.get("tool_calls") or []) for turn in record["traj"]) for record in records]
    assert [len(trace.tool_uses()) for trace in traces] == calls
