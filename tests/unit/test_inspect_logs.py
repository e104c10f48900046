"""Inspect's logs: every sample a trace with what the agent did, scores beside it, and no log that breaks the pull."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.inspect_logs import EVALUATION, at, event, model, sample, span, write_eval, write_zstandard
from support.shared_data import shared

from burnish.adapters.sources import Batch, SourceContext, open_source
from burnish.adapters.sources.inspect import InspectSource, archive, conversation
from burnish.adapters.sources.inspect.zstd_entries import zstd
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import ReasoningPart, Span, SpanKind, SpanStatus, TextPart, ToolCallPart, ToolUse, Trace
from burnish.errors import ConfigError
from burnish.project import SourceConfig


def read(path: Path, **options: Any) -> Batch:
    """Everything a path holds, as one batch."""
    batches = list(InspectSource(path, "desk", **options).read())
    traces = [trace for batch in batches for trace in batch.traces]
    problems = [problem for batch in batches for problem in batch.problems]
    return Batch(traces, problems, [item for batch in batches for item in batch.feedback])


def one(tmp_path: Path, **fields: Any) -> tuple[Trace, list[Feedback]]:
    """The trace and the feedback of one sample."""
    (trace,), problems, feedback = read(write_eval(tmp_path / "one.eval", sample(**fields)))
    assert problems == []
    return trace, list(feedback)


def named(trace: Trace, name: str) -> list[Span]:
    return [span for span in trace.spans if span.name == name]


def test_a_sample_is_a_trace(tmp_path: Path) -> None:
    """The task asks and answers; its metadata, target and commit come along; an attachment stands in its place."""
    trace, _ = one(tmp_path)
    assert (trace.agent, trace.source, trace.name, trace.status) == ("desk", "inspect", "desk", SpanStatus.OK)
    assert (trace.input, trace.output) == ("Where is order 7?", "It is in transit.")
    assert trace.release == "abc1234"
    assert trace.metadata == {
        "region": "north",
        "inspect.task": "desk",
        "inspect.eval_id": "eval-1",
        "inspect.model": "openai/gpt-4.1-mini",
        "inspect.sample_id": 1,
        "inspect.epoch": 1,
        "inspect.target": "in transit",
    }


def test_events_become_spans_in_their_places(tmp_path: Path) -> None:
    """Agents, calls and tools lie in one another as they ran; the span around a tool's event is the tool's own."""
    trace, _ = one(tmp_path)
    root, solvers, agent, first, tool, second = trace.spans
    assert [span.kind for span in trace.spans] == [
        SpanKind.AGENT,
        SpanKind.CHAIN,
        SpanKind.AGENT,
        SpanKind.LLM,
        SpanKind.TOOL,
        SpanKind.LLM,
    ]
    parents = {span.span_id: span.parent_id for span in trace.spans}
    assert [parents[step.span_id] for step in (root, solvers)] == [None, root.span_id]
    assert [parents[step.span_id] for step in (agent, first, tool, second)] == [solvers.span_id, *[agent.span_id] * 3]
    assert tool.tool == ToolUse(name="find_order", arguments={"order": 7}, result="in transit", call_id="c1")
    assert (trace.latency_s, first.latency_s, tool.latency_s) == (4.2, 1.0, 0.5)
    assert trace.tool_uses() == (tool.tool,)
    assert [offered.name for offered in first.tool_definitions] == ["find_order"]


def test_messages_keep_their_parts(tmp_path: Path) -> None:
    """Reasoning, calls, results and texts are told apart, and the call's id joins call and result."""
    trace, _ = one(tmp_path)
    user, call, result, answer = trace.messages()
    assert (user.role, user.text) == ("user", "Where is order 7?")
    assert call.parts == (
        ReasoningPart(text="Look it up."),
        ToolCallPart(name="find_order", arguments={"order": 7}, id="c1"),
    )
    assert (result.role, result.parts[0].model_dump()) == (
        "tool",
        {"type": "tool_result", "result": "in transit", "id": "c1", "name": "find_order"},
    )
    assert answer.parts == (TextPart(text="It is in transit."),)


def test_tokens_from_a_cache_are_input(tmp_path: Path) -> None:
    """Inspect counts cached input apart, we count it in; a log that counted it in already is told by its total."""
    trace, _ = one(tmp_path)
    usage = trace.spans[3].usage
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens, usage.reasoning_tokens) == (50, 40, 5, 3)
    assert trace.cost_usd == 0.25
    counted_in = {"input_tokens": 50, "output_tokens": 5, "total_tokens": 55, "input_tokens_cache_read": 40}
    trace, _ = one(tmp_path, events=[model("e1", 1, [], None, usage=counted_in)])
    assert trace.usage.input_tokens == 50


def test_what_scorers_do_is_no_part_of_the_trace(tmp_path: Path) -> None:
    """A grader's call would count as the agent's and tell it the target."""
    trace, _ = one(tmp_path)
    assert "The target" not in trace.model_dump_json(exclude={"metadata"})
    assert named(trace, "scorers") == []
    steps = [
        {"event": "step", "action": "begin", "type": "solver", "name": "generate", "timestamp": at(1)},
        model("e1", 1, [], None, span_id=None),
        {"event": "step", "action": "end", "type": "solver", "name": "generate", "timestamp": at(2)},
        {"event": "step", "action": "begin", "type": "scorer", "name": "match", "timestamp": at(3)},
        model("e2", 3, [], None, span_id=None),
        {"event": "step", "action": "end", "type": "scorer", "name": "match", "timestamp": at(4)},
    ]
    trace, _ = one(tmp_path, events=steps)
    assert [span.name for span in trace.spans] == ["desk", "generate", "openai/gpt-4.1-mini"]
    assert trace.spans[2].parent_id == trace.spans[1].span_id


def test_events_inside_tools_of_old_logs_are_read(tmp_path: Path) -> None:
    """Before spans, a tool kept the events of what it started in itself."""
    inner = [model("e2", 2, [], None, span_id=None)]
    tool = event("tool", "e1", 1, id="c", function="ask_expert", arguments={}, result="x", events=inner)
    trace, _ = one(tmp_path, events=[tool])
    assert trace.spans[2].parent_id == trace.spans[1].span_id == named(trace, "ask_expert")[0].span_id


def test_messages_of_the_pool_are_put_back(tmp_path: Path) -> None:
    """Newer logs store each message once and calls refer to ranges of them; ranges that lead nowhere say nothing."""
    pool = [{"role": "user", "content": text} for text in ("one", "two", "three")]
    call = model("e1", 1, [], None) | {"input": [], "input_refs": [[0, 1], [2, 3], [2, 9], ["a", 1]]}
    trace, _ = one(tmp_path, events=[call], events_data={"messages": pool, "calls": []})
    assert [message.text for message in trace.spans[1].input_messages] == ["one", "three"]


def test_a_log_without_events_keeps_its_conversation(tmp_path: Path) -> None:
    """The messages are one call, and the sample's usage is that call's."""
    usage = {"openai/gpt-4.1-mini": {"input_tokens": 7, "output_tokens": 2}}
    trace, _ = one(tmp_path, events=[], model_usage=usage)
    assert [message.role for message in trace.messages()] == ["user", "assistant", "tool", "assistant"]
    assert (trace.usage.total, trace.spans[1].model) == (9, "openai/gpt-4.1-mini")


def test_errors_and_limits_are_told(tmp_path: Path) -> None:
    """A crash is the trace's error and a tool's the tool's; a limit is no error but stands in the metadata."""
    failing = event("tool", "e1", 1, id="c", function="pay", arguments={}, result="")
    failing["error"] = {"type": "timeout", "message": "took too long"}
    trace, _ = one(tmp_path, error={"message": "boom", "traceback": "…"}, events=[failing])
    assert (trace.error, trace.spans[1].status_message) == ("boom", "took too long")
    trace, _ = one(tmp_path, limit={"type": "token", "limit": 500})
    assert (trace.error, trace.metadata["inspect.limit"]) == (None, {"type": "token", "limit": 500})


@pytest.mark.parametrize(
    ("value", "score", "label"),
    [
        ("C", 1.0, "C"),
        ("I", 0.0, "I"),
        ("P", 0.5, "P"),
        ("N", 0.0, "N"),
        ("yes", 1.0, "yes"),
        ("0.25", 0.25, None),
        (0.75, 0.75, None),
        (True, 1.0, True),
        ("polite", None, "polite"),
    ],
)
def test_a_scorers_value_is_a_score_or_a_label(tmp_path: Path, value: Any, score: float | None, label: Any) -> None:
    """Grades follow Inspect's own reading of them; other words are labels."""
    trace, (feedback,) = one(tmp_path, scores={"match": {"value": value, "explanation": "so"}})
    assert (feedback.score, feedback.value, feedback.comment) == (score, label, "so")
    assert (feedback.trace_id, feedback.key, feedback.author) == (trace.trace_id, "match", "inspect/match")
    assert (feedback.source, feedback.created_at) == (FeedbackSource.EXTERNAL, trace.ended_at)


def test_a_score_of_several_values_is_several(tmp_path: Path) -> None:
    """An object or a list of values gives one piece of feedback a value."""
    _, feedback = one(tmp_path, scores={"rubric": {"value": {"tone": 1, "facts": 0}}, "each": {"value": ["C", "I"]}})
    assert {item.key: item.score for item in feedback} == {
        "rubric.tone": 1.0,
        "rubric.facts": 0.0,
        "each.0": 1.0,
        "each.1": 0.0,
    }


@pytest.mark.parametrize("value", [float("nan"), None, {}, []])
def test_a_scorer_that_measured_nothing_says_nothing(tmp_path: Path, value: Any) -> None:
    """A grader that failed is no score of 0."""
    assert one(tmp_path, scores={"match": {"value": value, "explanation": "no verdict"}})[1] == []


def test_a_score_that_a_person_edited_is_theirs(tmp_path: Path) -> None:
    """The person's score is a person's, and the scorer's own stays beside it."""
    edited = {
        "value": "C",
        "explanation": "as expected",
        "history": [
            {"value": "I", "explanation": "not the same text"},
            {"value": "C", "provenance": {"author": "ada", "reason": "means the same", "timestamp": at(50)}},
        ],
    }
    _, (person, scorer) = one(tmp_path, scores={"match": edited})
    assert (person.source, person.author, person.score, person.comment) == (
        FeedbackSource.HUMAN,
        "ada",
        1.0,
        "means the same",
    )
    assert (scorer.source, scorer.score, scorer.comment) == (FeedbackSource.EXTERNAL, 0.0, "not the same text")


def test_a_target_is_metadata_unless_asked_to_be_a_correction(tmp_path: Path) -> None:
    """What a sample aims at may be a rule for a grader: only on request it is what the output should have been."""
    path = write_eval(tmp_path / "a.eval", sample(target=["in transit", "on its way"]))
    assert [item.correction for item in read(path).feedback] == [None]
    correction = read(path, target="correction").feedback[-1]
    assert (correction.source, correction.key, correction.correction) == (FeedbackSource.HUMAN, "target", "in transit")


def test_reading_again_gives_the_same(tmp_path: Path) -> None:
    """Ids hold still, also in a retry's log under another name; samples and epochs are told apart without uuids."""
    path = write_eval(tmp_path / "a.eval", sample(1), sample(2), sample(1, epoch=2, uuid=None))
    first = read(path)
    copy = write_eval(tmp_path / "b.eval", sample(1), sample(2), sample(1, epoch=2, uuid=None))
    assert read(copy) == first
    assert len({trace.trace_id for trace in first.traces}) == 3
    assert len({item.id for item in first.feedback}) == 3


def test_json_logs_are_read_and_other_files_of_the_folder_passed_over(tmp_path: Path) -> None:
    """The older form holds the same samples; what Inspect writes beside its logs is none."""
    (tmp_path / "old.json").write_text(json.dumps({"version": 1, "eval": EVALUATION, "samples": [sample(), "no"]}))
    (tmp_path / "logs.json").write_text("{}")
    write_eval(tmp_path / "new.eval", sample())
    traces, problems, _ = read(tmp_path)
    assert traces[0] == traces[1]
    assert [str(problem) for problem in problems] == ["old.json, sample 2: not a JSON object"]


def test_a_running_evaluation_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    """Before the end there is no header, but a journal that says the same."""
    assert len(read(write_eval(tmp_path / "a.eval", sample(), header="_journal/start.json")).traces) == 1


@pytest.mark.parametrize("cut", [1, 3])
def test_zstandard_entries_are_read(tmp_path: Path, cut: int) -> None:
    """Newer Inspect compresses with Zstandard, long entries in several frames."""
    contents = {"header.json": {"eval": EVALUATION}, "samples/1_epoch_1.json": sample()}
    entries = {}
    for name, value in contents.items():
        content = json.dumps(value).encode()
        size = -(-len(content) // cut)
        frames = [zstd.compress(content[begin : begin + size]) for begin in range(0, len(content), size)]
        entries[name] = [content, *frames]
    (trace,), problems, _ = read(write_zstandard(tmp_path / "z.eval", entries))
    assert (trace.output, problems) == ("It is in transit.", [])


def test_a_broken_zstandard_entry_costs_its_sample(tmp_path: Path) -> None:
    """Garbage, a cut frame and a wrong checksum are problems."""
    good, text = json.dumps({"eval": EVALUATION}).encode(), b'{"a": 1}'
    entries = {
        "header.json": [good, zstd.compress(good)],
        "samples/1_epoch_1.json": [text, b"garbage"],
        "samples/2_epoch_1.json": [text, zstd.compress(text)[:-3]],
        "samples/3_epoch_1.json": [text, zstd.compress(b'{"a": 2}')],
    }
    traces, problems, _ = read(write_zstandard(tmp_path / "z.eval", entries))
    told = [problem.reason for problem in problems]
    assert traces == []
    assert ["no Zstandard data" in told[0], "ends in the middle" in told[1], "checksum" in told[2]] == [True] * 3


def test_an_archive_that_unpacks_without_end_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that promises, or without a word holds, more than the limit is a problem, in either compression."""
    monkeypatch.setattr(archive, "MAX_SAMPLE_BYTES", 20_000)
    bomb = b" " * 30_000
    path = write_eval(tmp_path / "a.eval", sample())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("samples/2_epoch_1.json", bomb)
    header = json.dumps({"eval": EVALUATION}).encode()
    lies = {"header.json": [header, zstd.compress(header)], "samples/3_epoch_1.json": [b"x", zstd.compress(bomb)]}
    write_zstandard(tmp_path / "b.eval", lies)
    traces, problems, _ = read(tmp_path)
    assert len(traces) == 1
    assert ["20,000" in problem.reason for problem in problems] == [True, True]


def test_attachments_are_put_back_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long text that is referred to over and over does not fill the memory."""
    monkeypatch.setattr(conversation, "_MAX_ATTACHED", 5000)
    ask = {"role": "user", "content": [{"type": "text", "text": "attachment://a"}] * 8}
    trace, _ = one(tmp_path, input=[ask], attachments={"a": "x" * 1000}, events=[], messages=[], output={})
    assert trace.input == "\n".join(["x" * 1000] * 5 + ["attachment://a"] * 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no zip", "cannot be read: File is not a zip file"),
        (b"", "cannot be read"),
    ],
)
def test_a_file_that_is_no_log_is_a_problem(tmp_path: Path, content: bytes, reason: str) -> None:
    """Its neighbours are read."""
    (tmp_path / "a.eval").write_bytes(content)
    (tmp_path / "b.json").write_text('{"results": []}')
    with zipfile.ZipFile(tmp_path / "c.eval", "w") as opened:
        opened.writestr("readme", "x")
    write_eval(tmp_path / "d.eval", sample())
    traces, problems, _ = read(tmp_path)
    assert len(traces) == 1
    assert [reason in problems[0].reason, "no 'eval' object" in problems[1].reason] == [True, True]
    assert "no header.json" in problems[2].reason


def test_samples_in_chunks_are_told(tmp_path: Path) -> None:
    """A form that is not read is not passed over in silence."""
    path = write_eval(tmp_path / "a.eval", sample())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("samples/2_epoch_1/sample.json", "{}")
        opened.writestr("samples/2_epoch_1/events/0.json", "[]")
    _, (problem,), _ = read(path)
    assert "stored in chunks" in str(problem)


def test_a_sample_without_id_or_time_is_a_problem(tmp_path: Path) -> None:
    """Neither can be made up: the same sample would be another one on every pull."""
    log = {"eval": {"task": "t"}, "samples": [{"epoch": 1}, {"id": 1}]}
    (tmp_path / "a.json").write_text(json.dumps(log))
    _, problems, _ = read(tmp_path)
    assert ["neither uuid nor id" in problems[0].reason, "nothing says when" in problems[1].reason] == [True, True]


def test_options_are_checked(tmp_path: Path) -> None:
    """A wrong word in the agent's file is told with what there is."""
    write_eval(tmp_path / "a.eval", sample())

    def opened(**options: Any) -> Any:
        config = SourceConfig(kind="inspect", path="a.eval", options=options)
        return open_source(SourceContext(config, "desk", tmp_path, lambda name: None))

    assert len(next(opened(target="correction").read()).feedback) == 2
    with pytest.raises(ConfigError, match=r"'tarjet'.*knows target"):
        opened(tarjet="correction")
    with pytest.raises(ConfigError, match="'metadata' or 'correction'"):
        opened(target="gold")


def test_real_logs_are_read_whole() -> None:
    """Inspect's own logs give a trace and a score a sample, their tokens, and the accuracy that their headers say."""
    folder = shared("otel/inspect_ai_eval_logs")
    for path in sorted(folder.glob("*.eval")):
        with zipfile.ZipFile(path) as opened:
            header = json.loads(opened.read("header.json"))
            samples = [json.loads(opened.read(name)) for name in opened.namelist() if name.startswith("samples/")]
        traces, problems, feedback = read(path)
        assert (len(traces), problems) == (header["results"]["total_samples"], [])
        metrics = header["results"]["scores"][0]["metrics"]
        assert sum(item.score or 0.0 for item in feedback) / len(feedback) == pytest.approx(
            metrics["accuracy"]["value"]
        )
        said = {trace.trace_id: trace for trace in traces}
        assert len(said) == len(traces)
        for trace, logged in zip(traces, samples, strict=True):
            calls = [one for one in logged["events"] if one["event"] == "model"]
            own = [call for call in calls if call["span_id"] not in _scoring(logged)]
            spent = sum(call["output"]["usage"]["total_tokens"] for call in own)
            assert (len(list(trace.model_calls())), trace.usage.total) == (len(own), spent)
            assert trace.output == logged["output"]["completion"]


def _scoring(logged: dict[str, Any]) -> set[str]:
    return {one["id"] for one in logged["events"] if one["event"] == "span_begin" and "scorer" in one["type"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("attachment://long"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(sorted({*sample(), "score", "error", "limit", "started_at", "completed_at", "events_data"}))
EVENT_KEYS = st.sampled_from(
    (
        *("event", "id", "span_id", "parent_id", "type", "action", "timestamp", "completed", "input", "output"),
        *("events", "input_refs", "arguments", "result", "error", "function", "tools", "model", "name", "uuid"),
    )
)
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "tool", "assistant", "x"]), "content": JSON}) | JSON
EVENT = st.builds(
    lambda base, changed: {**base, **changed},
    st.sampled_from(sample()["events"]),
    st.dictionaries(EVENT_KEYS, JSON | st.lists(MESSAGE, max_size=3), max_size=4),
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, JSON | st.lists(MESSAGE, max_size=3), max_size=5), st.none() | st.lists(EVENT, max_size=6))
def test_any_sample_is_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, changed: dict[str, Any], events: Any
) -> None:
    """Whatever stands in a log, a sample gives a trace that can be stored, or a problem; never another error."""
    logged = {**sample(), **changed, **({} if events is None else {"events": events})}
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_text(json.dumps({"eval": EVALUATION, "samples": [logged]}))
    traces, problems, feedback = read(path, target="correction")
    assert len(traces) + len(problems) == 1
    for trace in traces:
        assert Trace.model_validate_json(trace.model_dump_json()).trace_id == trace.trace_id
        assert {item.trace_id for item in feedback} <= {trace.trace_id}
        known = {span.span_id for span in trace.spans}
        assert {span.parent_id for span in trace.spans if span.parent_id} <= known


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.eval", "a.json"]))
def test_any_bytes_are_read_or_told(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    """A file of anything gives problems."""
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    traces, problems, _ = read(path)
    assert (traces, len(problems)) == ([], 1)


def test_spans_of_a_broken_log_close_nothing_else(tmp_path: Path) -> None:
    """An end without a beginning, a span in itself and one that never ends are taken as they are."""
    events = [
        event("span_end", "e0", 0, id="s0", span_id="s0"),
        span("loop", "s1", 1, type="agent", parent_id="s1"),
        span("open", "s2", 2, type="agent", parent_id="nowhere"),
    ]
    trace, _ = one(tmp_path, events=events)
    opened = named(trace, "loop") + named(trace, "open")
    assert [span.ended_at for span in opened] == [None, None]
    assert {span.parent_id for span in opened} == {trace.spans[0].span_id}
