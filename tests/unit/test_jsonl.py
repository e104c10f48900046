"""burnish's own file format: what is written is read again, and one bad line costs one line."""

import gzip
import json
from pathlib import Path

import pytest
from support.otlp_bodies import as_json, request, span, traces_of

from burnish.adapters.sources.jsonl import JsonlSource, write_jsonl
from burnish.adapters.sources.lines import read_lines
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Trace

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps([{"role": "user", "content": "Hé \n?"}])}


def _traces(count: int) -> list[Trace]:
    spans = [span(n, CHAT, trace=f"{n:032x}") for n in range(1, count + 1)]
    return traces_of(as_json(request(*spans)))


@pytest.mark.parametrize("name", ["traces.jsonl", "traces.jsonl.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    """Traces survive the way into a file and back, compressed or not, in batches."""
    traces = _traces(450)
    assert write_jsonl(tmp_path / name, traces) == 450
    batches = list(JsonlSource(tmp_path / name, "agent").read())
    assert [trace for batch in batches for trace in batch.traces] == traces
    assert [len(batch.traces) for batch in batches] == [200, 200, 50]


def test_a_compressed_file_is_compressed(tmp_path: Path) -> None:
    """A name that ends in .gz gives gzip."""
    write_jsonl(tmp_path / "t.jsonl.gz", _traces(1))
    assert gzip.decompress((tmp_path / "t.jsonl.gz").read_bytes()).startswith(b'{"trace_id"')


def test_a_bad_line_is_a_problem_with_its_number(tmp_path: Path) -> None:
    """Lines that are no JSON, no trace, or mix two traces are told with their place; their neighbours are read."""
    first, second = (trace.model_dump(mode="json") for trace in _traces(2))
    mixed = {**first, "spans": second["spans"]}
    lines = [
        json.dumps(first),
        "{broken",
        "",
        "[1]",
        json.dumps({**first, "started_at": "2026-01-01T00:00:00"}),
        json.dumps({**first, "surprise": 1}),
        json.dumps(mixed),
        json.dumps(second),
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    (batch,) = JsonlSource(tmp_path / "t.jsonl", "agent").read()
    assert [trace.trace_id for trace in batch.traces] == [first["trace_id"], second["trace_id"]]
    assert [problem.where for problem in batch.problems] == [f"t.jsonl:{number}" for number in (2, 4, 5, 6, 7)]
    told = [problem.reason for problem in batch.problems]
    assert told[0].startswith("not valid JSON")
    assert told[1] == "not a JSON object"
    assert "needs a time zone" in told[2]
    assert "surprise" in told[3]
    assert "belongs to another trace" in told[4]


def test_the_agent_is_the_one_whose_source_it_is(tmp_path: Path) -> None:
    """A file may be read under another name, and may leave agent and source out."""
    record = _traces(1)[0].model_dump(mode="json", exclude={"agent", "source"})
    (tmp_path / "t.jsonl").write_text(json.dumps(record))
    (batch,) = JsonlSource(tmp_path / "t.jsonl", "desk").read()
    assert (batch.traces[0].agent, batch.traces[0].source) == ("desk", "jsonl")


def test_a_file_cut_off_in_the_middle_gives_what_it_holds(tmp_path: Path) -> None:
    """A truncated gzip file yields the traces before the cut and one problem."""
    path = tmp_path / "t.jsonl.gz"
    write_jsonl(path, _traces(300))
    path.write_bytes(path.read_bytes()[:-40])
    batches = list(JsonlSource(path, "agent").read())
    assert sum(len(batch.traces) for batch in batches) >= 200
    assert ["cannot be read on" in str(problem) for batch in batches for problem in batch.problems] == [True]


def test_feedback_travels_on_the_line_of_its_trace(tmp_path: Path) -> None:
    """What was said of a trace is written beside it and read again with it."""
    (trace,) = _traces(1)
    said = [
        Feedback(trace_id=trace.trace_id, key="right", source=FeedbackSource.HUMAN, score=0.0, correction={"a": 1}),
        Feedback(trace_id=trace.trace_id, key="tone", source=FeedbackSource.EXTERNAL, value="cold", author="x"),
    ]
    write_jsonl(tmp_path / "t.jsonl", [(trace, said)])
    (batch,) = JsonlSource(tmp_path / "t.jsonl", "agent").read()
    assert (batch.traces, batch.feedback, batch.problems) == ([trace], said, [])


def test_bad_feedback_is_a_problem_of_its_line(tmp_path: Path) -> None:
    """A score that cannot be read is told rather than lost."""
    record = {**_traces(1)[0].model_dump(mode="json"), "feedback": [{"key": "right"}]}
    (tmp_path / "t.jsonl").write_text(json.dumps(record))
    (batch,) = JsonlSource(tmp_path / "t.jsonl", "agent").read()
    assert [str(problem) for problem in batch.problems] == ["t.jsonl:1: not a feedback: source: Field required"]


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path) -> None:
    """It is a problem, and the lines behind it are read."""
    lines = b"x" * 500 + b'\n{"a": 1}\n\n' + b"y" * 90
    (tmp_path / "t.jsonl").write_bytes(lines)
    with (tmp_path / "t.jsonl").open("rb") as file:
        assert list(read_lines(file, 64)) == [(1, None), (2, b'{"a": 1}\n'), (4, None)]
