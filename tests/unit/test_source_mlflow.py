"""MLflow as a source, against a loopback stand-in."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.trace_stores import START, Answer, FakeMlflow, client_of, mlflow_trace, served

from burnish.adapters.sources import SourceContext, open_source
from burnish.adapters.sources.base import (
    Annotates,
    Annotation,
    Batch,
    HearsPeople,
    KnownTrace,
    Window,
    WindowedSource,
    Written,
)
from burnish.adapters.sources.http import HttpClient
from burnish.adapters.sources.mlflow import MlflowSource
from burnish.adapters.sources.mlflow.api import MlflowApi
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Message, SpanKind, SpanStatus, TextPart, ToolCallPart, ToolUse, Trace, Usage
from burnish.errors import ConfigError, SourceError
from burnish.project import SourceConfig

ALL = Window(start=START - timedelta(days=1))


def _source(client: HttpClient, experiment: str = "7") -> MlflowSource:
    return MlflowSource(MlflowApi(client, experiment), "desk")


def _batches(store: FakeMlflow, window: Window = ALL) -> list[Batch]:
    with served(store) as url, client_of(url) as client:
        return list(_source(client).read_window(window))


def _ids(batches: list[Batch]) -> list[int]:
    return [int(trace.trace_id.removeprefix("tr-"), 16) - 1 for batch in batches for trace in batch.traces]


def _one(*spans: dict[str, Any], **info: Any) -> Trace:
    (batch,) = _batches(FakeMlflow(mlflow_trace(0, *spans, **info)))
    assert batch.problems == []
    (trace,) = batch.traces
    return trace


def _said(trace: int = 0, **fields: Any) -> Feedback:
    given = {"trace_id": f"tr-{trace + 1:032x}", "key": "correct", "source": FeedbackSource.JUDGE, "score": 0.25}
    return Feedback.model_validate({"author": "judge", **given, **fields})


def _assessed(**fields: Any) -> dict[str, Any]:
    moment = START.isoformat()
    source = {"source_type": "HUMAN", "source_id": "ann"}
    named = {"assessment_id": "a-1", "assessment_name": "correct", "last_update_time": moment, "valid": True}
    return {**named, "source": source, **fields}


def test_every_trace_of_the_window_comes_once_whatever_the_pages() -> None:
    """Also where more traces started in one millisecond than a page holds; the end of the window is left out."""
    times = [0, 1, 1, 1, 1, 1, 2, 3, 9]
    store = FakeMlflow(*(mlflow_trace(number, millis=millis) for number, millis in enumerate(times)), page=2)
    window = Window(start=START, end=START + timedelta(milliseconds=9))
    assert _ids(_batches(store, window)) == list(range(8))


def test_traces_deleted_between_pages_take_no_others_with_them() -> None:
    """MLflow's page tokens count rows: with them the trace after each border would be skipped."""
    store = FakeMlflow(*(mlflow_trace(number) for number in range(8)), page=2)

    def delete() -> None:
        searches = len(store.paths("POST"))
        if searches > 1:
            store.traces.pop(f"tr-{searches - 1:032x}", None)

    store.before_search = delete
    assert set(_ids(_batches(store))) >= set(range(3, 8))


def test_a_page_token_that_comes_twice_ends_the_pull() -> None:
    """Within one millisecond tokens are followed; one that leads back is an error and no circle."""
    store = FakeMlflow(*(mlflow_trace(number, millis=5) for number in range(9)), page=2)
    store.tokens = lambda token: "2"
    with served(store) as url, client_of(url) as client, pytest.raises(SourceError, match="cursor '2' twice"):
        list(_source(client).read_window(ALL))


def test_failures_are_waited_out() -> None:
    """A 429 at the start and a 500 in the middle cost time and no trace, whichever request they meet."""
    store = FakeMlflow(*(mlflow_trace(number) for number in range(4)), page=2)
    store.faults = [Answer(429, headers={"Retry-After": "3"}), None, Answer(500)]
    waits: list[float] = []
    with served(store) as url, client_of(url, waits) as client:
        assert _ids(list(_source(client).read_window(ALL))) == [0, 1, 2, 3]
    assert waits == [3.0, 1.0]


def test_a_span_of_the_sdk_becomes_a_call_with_messages_tokens_and_cost() -> None:
    """Chat messages in inputs and outputs, tokens, cost, model; the trace keeps its id, session, user and tags."""
    call = {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"order": "W1"}'}}
    trace = _one(
        {"name": "agent", "mlflow.spanType": "AGENT", "mlflow.spanInputs": {"question": "Where is W1?"}},
        {
            "parent": 1,
            "mlflow.spanType": "CHAT_MODEL",
            "mlflow.spanInputs": {"messages": [{"role": "user", "content": "Where is W1?"}], "temperature": 0.2},
            "mlflow.spanOutputs": {
                "choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [call]}}]
            },
            "mlflow.chat.tokenUsage": {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 4},
            "mlflow.llm.cost": {"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75},
            "mlflow.llm.model": "gpt-x",
            "mlflow.llm.provider": "openai",
        },
        {
            "name": "find_order",
            "parent": 1,
            "mlflow.spanType": "TOOL",
            "mlflow.spanInputs": {"order": "W1"},
            "mlflow.spanOutputs": {"status": "sent"},
            "status": {"code": "STATUS_CODE_ERROR", "message": "late"},
        },
        trace_metadata={"mlflow.trace.session": "s1", "mlflow.trace.user": "u1", "mlflow.trace.sizeBytes": "9"},
        tags={"team": "desk", "mlflow.linkedPrompts": '[{"name": "greeting", "version": "3"}]'},
    )
    agent, chat, tool = trace.spans
    assert trace.trace_id == chat.trace_id == f"tr-{1:032x}"
    assert (trace.session_id, trace.user_id, trace.metadata) == ("s1", "u1", {"team": "desk"})
    assert (trace.prompt_name, trace.prompt_version, trace.input) == ("greeting", "3", {"question": "Where is W1?"})
    assert (agent.kind, chat.kind, chat.model, chat.provider) == (SpanKind.AGENT, SpanKind.LLM, "gpt-x", "openai")
    assert chat.input_messages == (Message(role="user", parts=(TextPart(text="Where is W1?"),)),)
    asked = ToolCallPart(name="find_order", arguments={"order": "W1"}, id="c1")
    assert chat.output_messages == (Message(role="assistant", parts=(asked,)),)
    assert chat.usage == Usage(input_tokens=10, output_tokens=3, cache_read_tokens=4)
    assert (chat.cost_usd, chat.attributes["mlflow.spanInputs"]) == (0.75, {"temperature": 0.2})
    assert tool.tool == ToolUse(name="find_order", arguments={"order": "W1"}, result={"status": "sent"})
    assert (tool.status, tool.status_message, tool.parent_id) == (SpanStatus.ERROR, "late", agent.span_id)


def test_a_span_that_came_over_otlp_is_read_by_its_convention() -> None:
    """What MLflow adds in its own names is no second conversation and no second count; its price is kept."""
    trace = _one(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
            "gen_ai.usage.input_tokens": 7,
            "mlflow.spanType": "CHAT_MODEL",
            "mlflow.spanInputs": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
            "mlflow.chat.tokenUsage": {"input_tokens": 7, "total_tokens": 7},
            "mlflow.llm.cost": {"total_cost": 0.5},
            "mlflow.llm.model": "gpt-x",
        }
    )
    (span,) = trace.spans
    assert [message.text for message in span.input_messages] == ["Hi"]
    assert (span.usage, span.cost_usd, span.input) == (Usage(input_tokens=7), 0.5, None)
    assert [name for name in span.attributes if name.startswith("mlflow.")] == []


def test_langchain_messages_keep_their_roles() -> None:
    """LangChain says the role as a type, in lists of lists, and wraps its answers."""
    trace = _one(
        {
            "mlflow.spanType": "CHAT_MODEL",
            "mlflow.spanInputs": [[{"type": "system", "content": "Be kind."}, {"type": "human", "content": "Hi"}]],
            "mlflow.spanOutputs": {"generations": [[{"text": "Hello", "message": {"type": "ai", "content": "Hello"}}]]},
        }
    )
    (span,) = trace.spans
    said = [(message.role, message.text) for message in span.input_messages + span.output_messages]
    assert said == [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello")]


def test_assessments_come_with_the_traces_and_apart() -> None:
    """People and evaluators apart, numbers as scores, words as labels, an expectation as correction.

    Left out: what another replaced, an evaluator's crash, and burnish's own.
    """
    judge = {"source": {"source_type": "LLM_JUDGE", "source_id": "judge@v1"}}
    store = FakeMlflow(
        mlflow_trace(
            0,
            assessments=[
                _assessed(feedback={"value": False}, rationale="too late"),
                _assessed(feedback={"value": 0.5}, **judge),
                _assessed(feedback={"value": "rude"}, assessment_name="tone", span_id="1" * 16),
                _assessed(expectation={"value": "On Monday."}, assessment_name="expected"),
                _assessed(expectation={"serialized_value": {"value": '{"a": 1}'}}, assessment_name="object"),
                _assessed(feedback={"value": True}, valid=False),
                _assessed(feedback={"value": None, "error": {"error_code": "ValueError"}}, **judge),
                _assessed(feedback={"value": 1.0}, metadata={"burnish.feedback_id": "x"}),
            ],
        ),
        mlflow_trace(1, assessments=[_assessed(feedback={"value": 1}, last_update_time="some day"), _assessed()]),
    )
    with served(store) as url, client_of(url) as client:
        source = _source(client)
        (batch,) = source.read_window(ALL)
        known = [KnownTrace(f"tr-{number + 1:032x}", []) for number in range(3)]
        (asked,) = source.read_feedback(START, iter(known))
        (later,) = source.read_feedback(START + timedelta(days=1), known)
    assert list(batch.feedback) == list(asked.feedback)
    assert (list(later.feedback), asked.traces) == ([], [])
    assert [(item.source.value, item.author, item.key, item.span_id) for item in asked.feedback] == [
        ("human", "mlflow/ann", "correct", None),
        ("external", "mlflow/judge@v1", "correct", None),
        ("human", "mlflow/ann", "tone", "1" * 16),
        ("human", "mlflow/ann", "expected", None),
        ("human", "mlflow/ann", "object", None),
    ]
    assert [(item.score, item.value, item.comment, item.correction) for item in asked.feedback] == [
        (None, False, "too late", None),
        (0.5, None, None, None),
        (None, "rude", None, None),
        (None, None, None, "On Monday."),
        (None, None, None, {"a": 1}),
    ]
    assert [problem.where for problem in asked.problems] == [f"an assessment of tr-{2:032x} in MLflow"]


def test_traces_without_all_their_spans_are_named() -> None:
    """One that is still coming in, and one whose spans the REST API does not give."""
    store = FakeMlflow(
        mlflow_trace(0), mlflow_trace(1), mlflow_trace(2, tags={"mlflow.trace.spansLocation": "ARTIFACT"})
    )
    store.incomplete = {f"tr-{2:032x}"}
    batches = _batches(store)
    assert _ids(batches) == [0]
    assert [str(problem) for batch in batches for problem in batch.problems] == [
        f"trace tr-{3:032x} in MLflow: its spans lie in the artifact store, from which MLflow's REST API gives none",
        f"trace tr-{2:032x} in MLflow: MLflow has not all of its spans yet; it comes with a later pull",
    ]


def _write(store: FakeMlflow, *feedback: Feedback) -> list[Written]:
    with served(store) as url, client_of(url) as client:
        return list(_source(client).annotate([Annotation(feedback=item) for item in feedback]))


def test_what_is_written_twice_stands_once_as_written_last() -> None:
    """MLflow has no key of the writer's own: burnish looks for its id and changes what is there."""
    store = FakeMlflow(mlflow_trace(0))
    expected = _said(key="expected", score=None, correction="On Monday.", source=FeedbackSource.HUMAN)
    first = _write(store, _said(value="late", comment="so"), expected)
    assert _write(store, _said(score=0.75), expected) == first
    assert [written.remote_id for written in first] == ["a-0", "a-1"]
    score, correction = store.assessments(f"tr-{1:032x}")
    assert (score["feedback"], score["rationale"], score["source"]["source_type"]) == (
        {"value": 0.75},
        "so",
        "LLM_JUDGE",
    )
    assert correction["expectation"] == {"value": "On Monday."}


def test_a_write_whose_answer_was_lost_is_not_made_twice() -> None:
    """The server carried it out and then failed: before the next try burnish looks, and finds it."""
    store = FakeMlflow(mlflow_trace(0))
    store.after = [None, Answer(502)]
    (written,) = _write(store, _said())
    assert (written.problem, written.remote_id) == (None, "a-0")
    assert len(store.assessments(f"tr-{1:032x}")) == 1


def test_a_write_that_failed_is_made_again() -> None:
    """Where the look finds nothing, the assessment is made."""
    store = FakeMlflow(mlflow_trace(0))
    store.faults = [None, Answer(503)]
    (written,) = _write(store, _said())
    assert (written.problem, len(store.assessments(f"tr-{1:032x}"))) == (None, 1)


def test_an_assessment_of_a_lost_trace_does_not_cost_its_neighbours() -> None:
    """The problem says that the trace is gone; the others are written."""
    store = FakeMlflow(mlflow_trace(0))
    gone, there = _write(store, _said(trace=5), _said())
    assert gone.problem == f"MLflow has no trace tr-{6:032x} (any more)"
    assert there.remote_id == "a-0"


def test_five_lines_of_config_open_it(tmp_path: Path) -> None:
    """By the experiment's name, with user and password from the variable; the source can do all three."""
    store = FakeMlflow(mlflow_trace(0))
    with served(store) as url:
        config = SourceConfig(kind="mlflow", url=url, project="desk", api_key_env="DESK_KEY")
        source = open_source(SourceContext(config, "desk", tmp_path, {"DESK_KEY": "ann:s3cret"}.get))
        assert isinstance(source, WindowedSource)
        assert isinstance(source, HearsPeople)
        assert isinstance(source, Annotates)
        assert _ids(list(source.read_window(ALL))) == [0]
        source.close()
    sent = store.requests[0].headers["authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"ann:s3cret"


def test_an_experiment_that_does_not_exist_is_said() -> None:
    """A wrong name is wiring, not weather."""
    with (
        served(FakeMlflow()) as url,
        client_of(url) as client,
        pytest.raises(ConfigError, match="no experiment 'nope'"),
    ):
        list(_source(client, "nope").read_window(ALL))
