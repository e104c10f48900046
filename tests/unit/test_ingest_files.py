"""OTLP files, folders and patterns, and the source that an agent's file names."""

import gzip
import json
from pathlib import Path

import pytest
from support.otlp_bodies import TRACE, as_json, as_protobuf, request, span

from burnish.adapters.sources import Source, SourceContext, open_source
from burnish.adapters.sources.files import OtlpFilesSource
from burnish.errors import ConfigError
from burnish.project import SourceConfig

ROOT, CHILD = span(1, name="root"), span(2, name="child", parent=1)
OTHER = span(3, name="other", trace="c" * 32)


def _read(path: Path) -> tuple[list[tuple[str, ...]], list[str]]:
    batches = list(OtlpFilesSource(path, "desk").read())
    assert {trace.agent for batch in batches for trace in batch.traces} <= {"desk"}
    names = [tuple(step.name for step in trace.spans) for batch in batches for trace in batch.traces]
    return names, [str(problem) for batch in batches for problem in batch.problems]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", as_json(request(ROOT, CHILD))),
        ("a.json", json.dumps(request(ROOT, CHILD), indent=2).encode()),
        ("a.json", as_json(request(ROOT)) + b"\n" + as_json(request(CHILD))),
        ("a.jsonl", as_json(request(ROOT)) + b"\n\n" + as_json(request(CHILD)) + b"\n"),
        ("a.json.gz", gzip.compress(as_json(request(ROOT, CHILD)))),
        ("a.jsonl.gz", gzip.compress(as_json(request(CHILD)) + b"\n" + as_json(request(ROOT)))),
        ("a.pb", as_protobuf(request(ROOT, CHILD))),
        ("a.pb.gz", gzip.compress(as_protobuf(request(ROOT, CHILD)))),
    ],
)
def test_every_kind_of_file_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    """One request or one a line, JSON or protobuf, in gzip or not: the same trace comes out."""
    (tmp_path / name).write_bytes(content)
    assert _read(tmp_path / name) == ([("root", "child")], [])


def test_a_folder_and_a_pattern_mean_their_files(tmp_path: Path) -> None:
    """Folders are read with what is below them, other files are left alone, a trace may lie in two files."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.json").write_bytes(as_json(request(ROOT)))
    (tmp_path / "deep" / "b.pb").write_bytes(as_protobuf(request(CHILD)))
    (tmp_path / "deep" / "c.jsonl").write_bytes(as_json(request(OTHER)))
    (tmp_path / "README.md").write_text("not a trace")
    assert _read(tmp_path) == ([("root", "child"), ("other",)], [])
    assert _read(tmp_path / "deep" / "*.pb") == ([("child",)], [])
    assert _read(tmp_path / "**" / "*.json*") == ([("root",), ("other",)], [])


def test_a_bad_file_line_or_span_costs_itself_alone(tmp_path: Path) -> None:
    """Each problem names its file, and its line or span; everything else is read."""
    (tmp_path / "a.json").write_text("{ not json")
    (tmp_path / "b.jsonl").write_bytes(b"{broken\n" + as_json(request(ROOT, span(7, spanId="zz!"))) + b"\n[]\n")
    (tmp_path / "c.pb").write_bytes(b"\xff\xff")
    (tmp_path / "d.json.gz").write_bytes(b"not gzip")
    (tmp_path / "e.json.gz").write_bytes(gzip.compress(as_json(request(OTHER)))[:-12])
    (tmp_path / "f.json").write_bytes(as_json(request(OTHER)))
    traces, problems = _read(tmp_path)
    assert traces == [("root",), ("other",)]
    places = ["a.json", "b.jsonl:1", "b.jsonl:2, span 'step'", "b.jsonl:3", "c.pb", "d.json.gz", "e.json.gz"]
    assert [problem.split(": ")[0] for problem in problems] == places


def test_a_pattern_without_files_is_told(tmp_path: Path) -> None:
    """Nothing found is a problem for a pattern, and no problem for an empty folder."""
    assert _read(tmp_path) == ([], [])
    traces, (problem,) = _read(tmp_path / "*.json")
    assert (traces, "no file matches" in problem) == ([], True)


def test_many_spans_come_in_several_batches(tmp_path: Path) -> None:
    """About two thousand spans make a batch, whatever the number of lines."""
    lines = [as_json(request(*(span(n, trace=f"{k:032x}") for n in range(1, 101)))) for k in range(1, 51)]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    batches = list(OtlpFilesSource(tmp_path / "a.jsonl", "desk").read())
    assert [sum(len(trace.spans) for trace in batch.traces) for batch in batches] == [2000, 2000, 1000]


def test_the_source_of_an_agents_file(tmp_path: Path) -> None:
    """Paths are relative to the project, and the endpoint has nothing to pull."""
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "a.json").write_bytes(as_json(request(ROOT)))
    otlp = _opened(SourceConfig(kind="otlp", path="traces"), tmp_path)
    ((trace,),) = (batch.traces for batch in otlp.read())
    assert (otlp.name, trace.trace_id, trace.agent, trace.source) == ("otlp", TRACE, "desk", "otlp")
    assert _opened(SourceConfig(kind="jsonl", path=str(tmp_path / "traces")), Path()).name == "jsonl"
    assert list(_opened(SourceConfig(), tmp_path).read()) == []


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (SourceConfig(kind="otlp"), "needs path"),
        (SourceConfig(kind="jsonl", path="missing.jsonl"), "does not exist; looked at /"),
    ],
)
def test_a_wrong_source_is_refused_with_advice(tmp_path: Path, config: SourceConfig, reason: str) -> None:
    """A source without a path, or with one that is not there, is a mistake in the agent's file."""
    with pytest.raises(ConfigError, match=reason):
        _opened(config, tmp_path)


def _opened(config: SourceConfig, project: Path) -> Source:
    source = open_source(SourceContext(config, "desk", project, lambda name: None))
    assert isinstance(source, Source)
    return source
