"""LangSmith: windows, feedback and annotations against a loopback server that is as strict as the real one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.langsmith_server import KEY, PROJECT, PROJECT_ID, FakeLangsmith, fake_langsmith, given, run, uuid_of
from support.loopback import Answer

from burnish.adapters.sources import Annotates, Annotation, HearsPeople, Window, WindowedSource, open_source
from burnish.adapters.sources.http import HttpClient
from burnish.adapters.sources.langsmith import LangsmithSource, open_langsmith
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.merging import merge
from burnish.domain.traces import (
    ImagePart,
    ReasoningPart,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    Trace,
    Usage,
)
from burnish.errors import ConfigError, SourceError
from burnish.project import SourceConfig

DAY = Window(start=datetime(2026, 11, 20, tzinfo=UTC), end=datetime(2026, 11, 21, tzinfo=UTC))
KEYS = {"LANGSMITH_API_KEY": KEY}
OPENED: list[LangsmithSource] = []


@pytest.fixture(autouse=True)
def _closed_afterwards() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def server() -> Iterator[FakeLangsmith]:
    with fake_langsmith() as fake:
        yield fake


def context(url: str, keys: dict[str, str] = KEYS, **config: Any) -> SourceContext:
    settings = {"project": PROJECT, **config}
    return SourceContext(SourceConfig(kind="langsmith", url=url, **settings), "desk", Path(), keys.get)


def opened(server: FakeLangsmith, waits: list[float] | None = None, **config: Any) -> LangsmithSource:
    slept = [] if waits is None else waits
    OPENED.append(open_langsmith(context(server.url, **config), partial(HttpClient, sleep=slept.append)))
    return OPENED[-1]


def traces_in(source: LangsmithSource, window: Window = DAY) -> dict[str, Trace]:
    joined: dict[str, Trace] = {}
    for batch in source.read_window(window):
        assert [] == batch.problems
        for trace in batch.traces:
            known = joined.get(trace.trace_id)
            joined[trace.trace_id] = trace if known is None else merge(known, trace)
    return joined


def serialised(kind: str, **fields: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", kind], "kwargs": fields}


def a_conversation() -> list[dict[str, Any]]:
    """An agent of LangGraph's: a call that asks for a tool, and the tool."""
    return [
        run(
            "t1",
            inputs={"messages": [{"type": "human", "content": "Where is it?"}]},
            outputs={"messages": [serialised("HumanMessage", content="Where is it?"),
                                  serialised("AIMessage", content="On its way.")]},
            thread_id="s1",
            tags=["vip"],
            prompt_tokens=100,
            completion_tokens=10,
            total_cost="0.002",
            metadata={
                "user_id": "u1", "environment": "production", "revision_id": "1.4",
                "lc_hub_repo": "desk", "lc_hub_commit_hash": "abc123", "plan": "gold",
            },
        ),
        run("node", above=("t1",), second=1),
        run(
            "call",
            above=("t1", "node"),
            second=2,
            run_type="LLM",
            inputs={"messages": [[serialised("SystemMessage", content="Be brief."),
                                  serialised("HumanMessage", content=[
                                      {"type": "text", "text": "Where is it?"},
                                      {"type": "image_url", "image_url": {"url": "https://shop.example/p.png"}},
                                  ])]]},
            outputs={"generations": [[{"text": "", "message": serialised(
                "AIMessage",
                content=[{"type": "thinking", "thinking": "Look it up."},
                         {"type": "tool_use", "id": "c1", "name": "track", "input": {"order": 7}}],
                tool_calls=[{"name": "track", "args": {"order": 7}, "id": "c1", "type": "tool_call"}],
            )}]]},
            metadata={"ls_model_name": "claude-5", "ls_provider": "anthropic"},
            extra={"invocation_params": {"tools": [{"name": "track"}], "temperature": 0}},
            prompt_tokens=100,
            completion_tokens=10,
            prompt_token_details={"raw": {"cache_read": 30, "cache_creation": 5}},
            completion_token_details={"raw": {"reasoning": 4}},
            total_cost=0.002,
        ),
        run(
            "track",
            above=("t1", "node"),
            second=3,
            run_type="TOOL",
            status="ERROR",
            error="TimeoutError: late",
            inputs={"input": '{"order": 7}'},
            outputs={"output": serialised("ToolMessage", content='{"state": "sent"}', tool_call_id="c1", name="track")},
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("older", [False, True])
def test_a_trace_is_put_together_from_its_runs(older: bool) -> None:
    """Both versions of the API give the same trace: parents, messages, tools, tokens, facts."""
    with fake_langsmith(older=older) as server:
        server.runs = a_conversation()
        if older:  # v1 has the thread in the metadata alone
            server.runs[0]["metadata"]["thread_id"] = "s1"
        source = opened(server)
        trace = traces_in(source)[uuid_of("t1")]
    root, node, call, tool = trace.spans
    assert (None, root.span_id, node.span_id, node.span_id) == (
        root.parent_id, node.parent_id, call.parent_id, tool.parent_id,
    )  # fmt: skip
    assert ("desk", "langsmith", "t1", "u1", "s1", "production", "1.4", "desk", "abc123") == (
        trace.agent, trace.source, trace.name, trace.user_id, trace.session_id, trace.environment, trace.release,
        trace.prompt_name, trace.prompt_version,
    )  # fmt: skip
    assert ("Where is it?", "On its way.", "gold", ["vip"]) == (
        trace.input, trace.output, trace.metadata["plan"], trace.metadata["tags"],
    )  # fmt: skip
    assert (SpanKind.CHAIN, SpanKind.LLM, SpanKind.TOOL) == (root.kind, call.kind, tool.kind)
    assert ("claude-5", "anthropic") == (call.model, call.provider)
    assert ["system", "user"] == [message.role for message in call.input_messages]
    assert (TextPart(text="Where is it?"), ImagePart(uri="https://shop.example/p.png")) == call.input_messages[1].parts
    [answer] = call.output_messages
    assert (
        ReasoningPart(text="Look it up."),
        ToolCallPart(name="track", arguments={"order": 7}, id="c1"),
    ) == answer.parts
    assert [{"name": "track"}] == call.attributes["gen_ai.tool.definitions"]
    assert tool.tool is not None
    assert ("track", {"order": 7}, {"state": "sent"}, "c1") == (
        tool.tool.name, tool.tool.arguments, tool.tool.result, tool.tool.call_id,
    )  # fmt: skip
    assert (SpanStatus.ERROR, "TimeoutError: late", SpanStatus.OK) == (tool.status, tool.status_message, root.status)


def test_sums_of_the_steps_around_a_call_do_not_count_twice(server: FakeLangsmith) -> None:
    """LangSmith gives the root the sums of what is below it."""
    server.runs = a_conversation()
    trace = traces_in(opened(server))[uuid_of("t1")]
    expected = Usage(input_tokens=100, output_tokens=10, cache_read_tokens=30, cache_write_tokens=5, reasoning_tokens=4)
    assert expected == trace.usage
    assert 0.002 == trace.cost_usd


def test_tokens_come_from_the_logged_message_where_the_run_has_none(server: FakeLangsmith) -> None:
    """A wrapped client's usage stands in its response."""
    usage = {"input_tokens": 12, "output_tokens": 3, "input_token_details": {"cache_read": 4}}
    message = {"role": "assistant", "content": "Hello."}
    outputs = {"choices": [{"message": message}], "usage_metadata": usage}
    server.runs = [run("t1", run_type="LLM", inputs={"messages": [{"role": "user", "content": "Hi"}]}, outputs=outputs)]
    trace = traces_in(opened(server))[uuid_of("t1")]
    assert Usage(input_tokens=12, output_tokens=3, cache_read_tokens=4) == trace.usage
    assert ("Hi", "Hello.") == (trace.input, trace.output)


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ({"prompts": ["Hi"]}, {"generations": [[{"text": "Hello."}]]}, ["user Hi", "assistant Hello."]),
        ({"input": "Hi"}, {"output": "Hello."}, ["user Hi", "assistant Hello."]),
        (
            {"messages": [{"type": "human", "data": {"content": "Hi"}}]},
            {"message": {"role": "assistant", "content": "Hello."}},
            ["user Hi", "assistant Hello."],
        ),
        (
            {"instructions": "Be brief.", "input": [{"role": "user", "content": "Hi"}], "model": "m"},
            {"output": [{"type": "message", "role": "assistant",
                         "content": [{"type": "output_text", "text": "Hello."}]}]},
            ["system Be brief.", "user Hi", "assistant Hello."],
        ),
        ({"messages": [["Hi"]]}, {"answer": 42}, ["user Hi", 'assistant {"answer": 42}']),
    ],
)  # fmt: skip
def test_a_call_logged_in_any_form_has_messages(
    server: FakeLangsmith, inputs: Any, outputs: Any, expected: list[str]
) -> None:
    """Completions, wrapped functions, dumped messages and the Responses API; what is unknown is shown as it came."""
    server.runs = [run("t1", run_type="LLM", inputs=inputs, outputs=outputs)]
    [span] = traces_in(opened(server))[uuid_of("t1")].spans
    said = [f"{message.role} {message.text}" for message in (*span.input_messages, *span.output_messages)]
    assert expected == said


def test_pages_cut_a_trace_anywhere_and_it_is_whole_again(server: FakeLangsmith) -> None:
    """With one run a page the joined trace is the same, also when the root comes last."""
    server.runs = a_conversation()
    whole = traces_in(opened(server))
    server.runs.reverse()
    assert whole == traces_in(opened(server, options={"page_size": 1}))


def test_both_time_bounds_are_always_sent(server: FakeLangsmith) -> None:
    """Without them LangSmith takes the last day; a window without an end is asked up to now."""
    server.runs = a_conversation()
    assert 1 == len(traces_in(opened(server), Window(start=DAY.start)))
    body = server.asked[-1].body
    assert "2026-11-20T00:00:00.000000Z" == body["min_start_time"]
    assert "2026-11-24" <= body["max_start_time"]
    assert [PROJECT_ID] == body["project_ids"]


def test_a_server_without_v2_is_asked_in_pages_of_100_with_both_bounds() -> None:
    """That it has none is found out once a connection; v1 has no end, so that it is a filter."""
    with fake_langsmith(older=True) as server:
        server.runs = [run(f"r{n}", trace=f"r{n}", second=n) for n in range(250)]
        source = opened(server)
        assert 250 == len(traces_in(source))
        assert 60 == len(traces_in(source, Window(start=DAY.start, end=datetime(2026, 11, 20, 10, 1, tzinfo=UTC))))
    assert 1 == sum(asked.path == "/api/v2/runs/query" for asked in server.asked)


def test_too_many_requests_and_errors_are_waited_out(server: FakeLangsmith) -> None:
    """429 waits as long as it asks; 500 and 524 are tried again."""
    server.runs = a_conversation()
    server.plan = [Answer(429, None, {"Retry-After": "9"}), Answer(500), Answer(524)]
    waits: list[float] = []
    assert 1 == len(traces_in(opened(server, waits)))
    assert (3, 9.0) == (len(waits), waits[0])


def test_a_cursor_that_comes_twice_is_an_error(server: FakeLangsmith) -> None:
    """A server whose pages go in a circle is not read for ever."""
    server.runs = [run(f"r{n}", second=n) for n in range(9)]
    server.repeating = True
    with pytest.raises(SourceError, match="in a circle"):
        traces_in(opened(server, options={"page_size": 2}))


def test_an_unknown_project_is_an_error_with_advice(server: FakeLangsmith) -> None:
    """The project's name is looked up once; its id needs no look-up."""
    with pytest.raises(SourceError, match=r"no project 'other'.*region"):
        traces_in(opened(server, project="other"))
    server.asked.clear()
    traces_in(opened(server, project=PROJECT_ID))
    assert ["/api/v2/runs/query"] == [asked.path for asked in server.asked]


def test_a_run_without_a_start_is_a_problem_and_its_neighbours_stay(server: FakeLangsmith) -> None:
    """What cannot be mapped is named."""
    server.runs = [run("t1"), run("t2", trace="t2")]
    del server.runs[1]["id"]
    [batch] = opened(server).read_window(DAY)
    assert [uuid_of("t1")] == [trace.trace_id for trace in batch.traces]
    assert ["has no id or start_time"] == [problem.reason for problem in batch.problems]


def feedback_in(source: LangsmithSource, since: datetime = DAY.start) -> list[Feedback]:
    batches = list(source.read_feedback(since, []))
    assert [] == [problem for batch in batches for problem in batch.problems]
    return sorted((one for batch in batches for one in batch.feedback), key=lambda one: one.key)


def hold(server: FakeLangsmith, *feedback: dict[str, Any]) -> None:
    server.feedback = {one["id"]: one for one in feedback}


def test_feedback_is_of_whom_its_source_says(server: FakeLangsmith) -> None:
    """People in LangSmith's pages, the agent's users, and evaluators are told apart; corrections are corrections."""
    hold(
        server,
        given("a grade", on="call", score=0.5, comment="so so", correction={"state": "lost"},
              feedback_source={"type": "app", "user_id": "7", "user_name": "Ann", "metadata": {}}),
        given("b label", kind="model", value="rude"),
        given("c thumbs", kind="api", score=True),
        given("d other", kind="api", score=0),
        given("e online", kind="auto_eval", score=1),
        given("z ours", kind="model", feedback_source={"type": "model", "metadata": {"burnish": "x"}}),
        given("z project", run_id=None, trace_id=None),
    )  # fmt: skip
    grade, label, thumbs, other, online = feedback_in(opened(server, options={"user_keys": ["c thumbs"]}))
    assert (FeedbackSource.HUMAN, 0.5, "so so", "langsmith/Ann", uuid_of("call"), uuid_of("t1")) == (
        grade.source, grade.score, grade.comment, grade.author, grade.span_id, grade.trace_id,
    )  # fmt: skip
    assert {"state": "lost"} == grade.correction
    assert (FeedbackSource.EXTERNAL, "rude", None, "langsmith/model") == (
        label.source, label.value, label.span_id, label.author,
    )  # fmt: skip
    assert (FeedbackSource.USER, 1.0) == (thumbs.source, thumbs.score)
    assert (FeedbackSource.EXTERNAL, 0.0, FeedbackSource.EXTERNAL) == (other.source, other.score, online.source)


def test_all_pages_of_feedback_are_read(server: FakeLangsmith) -> None:
    """LangSmith gives at most 100 at once."""
    hold(server, *(given(f"{n:03}", score=1) for n in range(230)))
    assert 230 == len(feedback_in(opened(server)))


def test_what_was_changed_on_old_feedback_comes_where_its_key_is_watched(server: FakeLangsmith) -> None:
    """The list of feedback knows when it was created; changes are found by the key's condition on runs."""
    server.runs = [run("t1")]
    hold(server, given("helpful", score=0.2, created_at="2026-11-01T00:00:00+00:00",
                       modified_at="2026-11-20T12:00:00+00:00"))  # fmt: skip
    assert [] == feedback_in(opened(server))
    [changed] = feedback_in(opened(server, options={"feedback_keys": ["helpful"]}, feedback_days=4000))
    assert 0.2 == changed.score


def some_feedback(**fields: Any) -> Feedback:
    told: dict[str, Any] = {"key": "correct", "score": 0.123456, "author": "judge", "version": "3"} | fields
    told = {"trace_id": uuid_of("t1"), "source": FeedbackSource.JUDGE} | told
    return Feedback(**told)


def test_annotations_are_written_once_however_often(server: FakeLangsmith) -> None:
    """A second time changes the first: with the id that was kept, and without it after a crash."""
    server.runs = [run("t1")]
    feedback = some_feedback()
    [written] = opened(server).annotate([Annotation(feedback=feedback)])
    [stored] = server.feedback.values()
    assert (stored["id"], None) == (written.remote_id, written.problem)
    assert (0.1235, "correct", False) == (stored["score"], stored["key"], stored["extend_trace_retention"])
    told = {"burnish": feedback.id, "source": "judge", "author": "judge", "version": "3"}
    assert told == stored["feedback_source"]["metadata"]
    later = feedback.model_copy(update={"score": 0.75})
    [_] = opened(server).annotate([Annotation(feedback=later, remote_id=written.remote_id)])
    [again] = opened(server).annotate([Annotation(feedback=feedback.model_copy(update={"score": 1.0}))])
    [stored] = server.feedback.values()
    assert (1.0, None) == (stored["score"], again.problem)


def test_what_burnish_wrote_does_not_come_back(server: FakeLangsmith) -> None:
    """Our own feedback is not feedback from the store."""
    server.runs = [run("t1")]
    list(opened(server).annotate([Annotation(feedback=some_feedback())]))
    assert 1 == len(server.feedback)
    assert [] == feedback_in(opened(server))


def test_deleted_feedback_is_written_anew_and_a_lost_run_is_a_problem(server: FakeLangsmith) -> None:
    """What somebody deleted in LangSmith is created again; where the run is gone, its neighbours are still written."""
    server.runs = [run("t1")]
    gone, here = some_feedback(trace_id=uuid_of("t9")), some_feedback()
    lost, written = opened(server).annotate(
        [Annotation(feedback=gone), Annotation(feedback=here, remote_id=uuid_of("deleted"))]
    )
    assert "404" in str(lost.problem)
    assert (None, True) == (written.problem, written.remote_id in server.feedback)


def test_five_lines_of_config_open_it(server: FakeLangsmith) -> None:
    """The kind is registered; a missing key or project is an error with advice, and a key never shows in one."""
    source = open_source(context(server.url))
    assert isinstance(source, LangsmithSource)
    assert isinstance(source, WindowedSource)
    assert isinstance(source, HearsPeople)
    assert isinstance(source, Annotates)
    source.close()
    with pytest.raises(ConfigError, match="LANGSMITH_API_KEY"):
        open_source(context(server.url, {}))
    with pytest.raises(ConfigError, match="needs project"):
        open_source(context(server.url, project=None))
    wrong = open_langsmith(context(server.url, {"LANGSMITH_API_KEY": "lsv2_secret"}))
    OPENED.append(wrong)
    with pytest.raises(SourceError, match="check the key") as error:
        traces_in(wrong)
    assert "lsv2_secret" not in str(error.value)


@pytest.mark.parametrize("ending", ["", "/api", "/api/v1"])
def test_a_self_hosted_address_may_be_given_with_its_path(ending: str) -> None:
    """v2 is always below /api/v2; the older endpoints are where the given address says."""
    asked: list[str] = []

    def recording(url: str, **settings: Any) -> HttpClient:
        asked.append(url)
        return HttpClient(url, **settings)

    source = open_langsmith(context(f"https://langsmith.example{ending}"), recording)
    OPENED.append(source)
    assert ["https://langsmith.example"] == asked
