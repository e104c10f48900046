"""Langfuse: windows, scores and annotations against a loopback server that is as strict as the real one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.langfuse_server import PUBLIC, SECRET, FakeLangfuse, fake_langfuse, observation, score
from support.loopback import Answer

from burnish.adapters.sources import Annotates, Annotation, HearsPeople, Window, WindowedSource, open_source
from burnish.adapters.sources.http import HttpClient
from burnish.adapters.sources.langfuse import LangfuseSource, open_langfuse
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.merging import merge
from burnish.domain.traces import SpanKind, SpanStatus, Trace
from burnish.errors import ConfigError, SourceError
from burnish.project import SourceConfig

DAY = Window(start=datetime(2026, 11, 20, tzinfo=UTC), end=datetime(2026, 11, 21, tzinfo=UTC))
KEYS = {"LANGFUSE_PUBLIC_KEY": PUBLIC, "LANGFUSE_SECRET_KEY": SECRET}


OPENED: list[LangfuseSource] = []


@pytest.fixture(autouse=True)
def _closed_afterwards() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def server() -> Iterator[FakeLangfuse]:
    with fake_langfuse() as fake:
        yield fake


def context(url: str, keys: dict[str, str] = KEYS, **config: Any) -> SourceContext:
    return SourceContext(SourceConfig(kind="langfuse", url=url, **config), "desk", Path(), keys.get)


def opened(server: FakeLangfuse, waits: list[float] | None = None, **config: Any) -> LangfuseSource:
    slept = [] if waits is None else waits
    OPENED.append(open_langfuse(context(server.url, **config), partial(HttpClient, sleep=slept.append)))
    return OPENED[-1]


def traces_in(source: LangfuseSource, window: Window = DAY) -> dict[str, Trace]:
    joined: dict[str, Trace] = {}
    for batch in source.read_window(window):
        assert [] == batch.problems
        for trace in batch.traces:
            known = joined.get(trace.trace_id)
            joined[trace.trace_id] = trace if known is None else merge(known, trace)
    return joined


def a_conversation() -> list[dict[str, Any]]:
    whole = {"traceName": "desk", "userId": "u1", "sessionId": "s1", "release": "1.4", "tags": ["vip"]}
    return [
        observation("root", type="AGENT", input={"q": "Where is it?"}, output="On its way.", metadata={"plan": "gold"})
        | whole,
        observation(
            "call",
            second=1,
            type="GENERATION",
            parentObservationId="root",
            input=[{"role": "user", "content": "Where is it?"}],
            output={"role": "assistant", "content": "On its way."},
            model="gpt-5.5",
            usageDetails={
                "input": 70,
                "input_cached_tokens": 30,
                "output": 8,
                "output_reasoning_tokens": 2,
                "total": 110,
            },
            totalCost=0.002,
            promptName="desk",
            promptVersion=7,
        )
        | whole,
        observation(
            "tool",
            second=2,
            type="TOOL",
            name="track",
            parentObservationId="root",
            input={"order": 7},
            output={"state": "sent"},
            level="ERROR",
            statusMessage="late",
        )
        | whole,
    ]


def test_a_trace_is_put_together_from_its_observations(server: FakeLangfuse) -> None:
    """Facts of the trace, calls with their tokens, tools and errors come from a window of observations."""
    server.observations = a_conversation()
    source = opened(server)
    assert isinstance(source, WindowedSource)
    assert isinstance(source, HearsPeople)
    assert isinstance(source, Annotates)
    trace = traces_in(source)["t1"]
    root, call, tool = trace.spans
    assert ("desk", "langfuse", "desk", "u1", "s1", "production", "1.4", "desk", "7") == (
        trace.agent, trace.source, trace.name, trace.user_id, trace.session_id, trace.environment, trace.release,
        trace.prompt_name, trace.prompt_version,
    )  # fmt: skip
    assert ({"q": "Where is it?"}, "On its way.") == (trace.input, trace.output)
    assert {"plan": "gold", "tags": ["vip"]} == trace.metadata
    assert (SpanKind.AGENT, SpanKind.LLM, SpanKind.TOOL) == (root.kind, call.kind, tool.kind)
    assert call.usage is not None
    assert (100, 10, 30, 2) == (
        call.usage.input_tokens, call.usage.output_tokens, call.usage.cache_read_tokens, call.usage.reasoning_tokens,
    )  # fmt: skip
    assert ("gpt-5.5", 0.002) == (call.model, call.cost_usd)
    assert tool.tool is not None
    assert ("track", {"order": 7}, {"state": "sent"}) == (tool.tool.name, tool.tool.arguments, tool.tool.result)
    assert (SpanStatus.ERROR, "late", SpanStatus.UNSET) == (tool.status, tool.status_message, root.status)


def test_pages_cut_a_trace_anywhere_and_it_is_whole_again(server: FakeLangfuse) -> None:
    """With one observation a page, in the server's order (latest first), the joined trace is the same."""
    server.observations = a_conversation()
    whole = traces_in(opened(server))
    assert whole == traces_in(opened(server, options={"page_size": 1}))


def test_a_window_is_half_open(server: FakeLangfuse) -> None:
    """What starts at the window's end belongs to the next window."""
    server.observations = [observation("a"), observation("b", trace_id="t2", second=5)]
    window = Window(start=datetime(2026, 11, 20, 10, tzinfo=UTC), end=datetime(2026, 11, 20, 10, 0, 5, tzinfo=UTC))
    assert {"t1"} == set(traces_in(opened(server), window))


def test_time_bounds_are_always_sent_and_never_inside_a_filter(server: FakeLangfuse) -> None:
    """Langfuse's filter would take precedence over the bounds."""
    traces_in(opened(server, environment="production"))
    [asked] = server.asked
    assert {"fields", "limit", "fromStartTime", "toStartTime", "environment"} == set(asked.query)


def test_long_metadata_comes_whole_where_its_key_is_named(server: FakeLangfuse) -> None:
    """Langfuse cuts metadata at 200 characters unless the key is named in options."""
    server.observations = [observation("a", metadata={"plan": "x" * 300})]
    assert 200 == len(str(traces_in(opened(server))["t1"].metadata["plan"]))
    assert 300 == len(str(traces_in(opened(server, options={"expand_metadata": ["plan"]}))["t1"].metadata["plan"]))


def test_too_many_requests_and_errors_are_waited_out(server: FakeLangfuse) -> None:
    """429 waits as long as it asks; 500 and time-outs are tried again."""
    server.observations = a_conversation()
    server.plan = [Answer(429, None, {"Retry-After": "17"}), Answer(500), Answer(524)]
    waits: list[float] = []
    assert {"t1"} == set(traces_in(opened(server, waits)))
    assert 17.0 == waits[0]
    assert 3 == len(waits)


def test_a_page_that_times_out_is_asked_for_smaller(server: FakeLangfuse) -> None:
    """A server that cannot answer 500 rows with their contents is asked for fewer, and all of them arrive."""
    server.observations = [observation(f"o{n}", trace_id=f"t{n}", second=n) for n in range(90)]
    server.most_with_io = 40
    assert 90 == len(traces_in(opened(server)))
    assert {"500", "125", "31"} == {asked.query["limit"][0] for asked in server.asked}


def test_a_cursor_that_comes_twice_is_an_error(server: FakeLangfuse) -> None:
    """A server whose pages go in a circle is not read for ever."""
    server.observations = [observation(f"o{n}", second=n) for n in range(9)]
    server.repeating = True
    with pytest.raises(SourceError, match="in a circle"):
        traces_in(opened(server, options={"page_size": 2}))


def test_a_wrong_key_is_an_error_that_says_so(server: FakeLangfuse) -> None:
    """It is neither tried again nor taken for an older server."""
    source = open_langfuse(context(server.url, KEYS | {"LANGFUSE_SECRET_KEY": "sk-lf-other"}))
    OPENED.append(source)
    with pytest.raises(SourceError, match="check the key"):
        traces_in(source)
    assert 1 == len(server.asked)


def test_pixels_and_characters_that_no_store_takes_stay_out(server: FakeLangfuse) -> None:
    """An inlined image is a note of its size; NUL and lone surrogates do not cost the span."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}
    server.observations = [
        observation("a", type="GENERATION", name="bad \ud800 \x00 name", input=[{"role": "user", "content": [image]}])
    ]
    [span] = traces_in(opened(server))["t1"].spans
    assert len(span.model_dump_json()) < 1000
    assert "bad \ufffd \ufffd name" == span.name


def test_an_observation_without_a_start_is_a_problem_and_its_neighbours_stay(server: FakeLangfuse) -> None:
    """What cannot be mapped is named."""
    server.observations = [observation("a"), observation("b")]
    server.observations[1]["traceId"] = None
    [batch] = opened(server).read_window(DAY)
    assert ["t1"] == [trace.trace_id for trace in batch.traces]
    assert ["observation b of trace None: has no traceId, id or startTime"] == [str(one) for one in batch.problems]


def older_trace(trace_id: str, **fields: Any) -> dict[str, Any]:
    observations = [{**one, "traceId": trace_id} for one in a_conversation()]
    for one in observations:
        del one["traceName"], one["userId"], one["sessionId"], one["release"], one["tags"], one["isRootObservation"]
    return {
        "id": trace_id,
        "timestamp": "2026-11-20T10:00:00.000Z",
        "name": "desk",
        "userId": "u1",
        "sessionId": "s1",
        "release": "1.4",
        "version": None,
        "environment": "production",
        "tags": ["vip"],
        "input": {"messages": [{"role": "user", "content": "Where is it?"}]},
        "output": "On its way.",
        "metadata": {"plan": "gold"},
        "observations": observations,
    } | fields


def test_a_server_of_v3_is_read_trace_by_trace() -> None:
    """Where v2 is missing, whole traces come with the same facts; that is decided once a connection."""
    with fake_langfuse(older=True) as server:
        server.traces = [older_trace(f"t{n}") for n in range(130)]
        source = opened(server)
        traces = traces_in(source)
        traces_in(source)
    assert 130 == len(traces)
    trace = traces["t0"]
    assert ("Where is it?", "On its way.", "desk", "u1", "s1") == (
        trace.input, trace.output, trace.name, trace.user_id, trace.session_id,
    )  # fmt: skip
    assert {"plan": "gold", "tags": ["vip"]} == trace.metadata
    assert 3 == len(trace.spans)
    assert 1 == sum(asked.path.endswith("/v2/observations") for asked in server.asked)


def test_an_endpoint_that_is_not_switched_on_is_a_missing_one() -> None:
    """A 501 is no fault that passes: the older endpoint is asked at once."""
    with fake_langfuse(older=True) as server:
        server.traces = [older_trace("t1")]
        server.plan = [Answer(501, {"message": "not available on this deployment"})]
        waits: list[float] = []
        assert {"t1"} == set(traces_in(opened(server, waits)))
    assert [] == waits


def feedback_in(source: LangfuseSource) -> list[Feedback]:
    since = datetime(2026, 11, 20, tzinfo=UTC)
    batches = list(source.read_feedback(since, []))
    assert [] == [problem for batch in batches for problem in batch.problems]
    return sorted((one for batch in batches for one in batch.feedback), key=lambda one: one.key)


@pytest.mark.parametrize("older", [False, True])
def test_scores_are_feedback_of_whom_their_source_says(older: bool) -> None:
    """People's annotations, the agent's users' scores, and evaluators' are told apart; corrections are corrections."""
    with fake_langfuse(older=older) as server:
        server.scores = [
            score("1", 0.5, name="a grade", authorUserId="ann", comment="so so", span_id="call"),
            score("2", "rude", name="b label", source="EVAL"),
            score("3", True, name="c thumbs", source="API"),
            score("4", 0.1, name="d other", source="API"),
            score("5", '{"state": "lost"}', name="output", dataType="CORRECTION"),
            score("burnish-77", 1.0, name="z ours", source="API"),
            score("6", 1.0, name="z session", subject={"kind": "session", "id": "s1"}),
        ]
        if older:
            server.scores.pop()
        grade, label, thumbs, other, correction = feedback_in(
            opened(server, options={"user_scores": ["c thumbs"]}),
        )
    assert (FeedbackSource.HUMAN, 0.5, "so so", "langfuse/ann", "call", "t1") == (
        grade.source, grade.score, grade.comment, grade.author, grade.span_id, grade.trace_id,
    )  # fmt: skip
    assert (FeedbackSource.EXTERNAL, "rude", "langfuse/eval") == (label.source, label.value, label.author)
    assert (FeedbackSource.USER, 1.0, "langfuse/api") == (thumbs.source, thumbs.score, thumbs.author)
    assert FeedbackSource.EXTERNAL is other.source
    assert ({"state": "lost"}, None) == (correction.correction, correction.score)


def test_all_pages_of_scores_are_read_and_peoples_from_further_back(server: FakeLangfuse) -> None:
    """A page holds 100; an annotation that was edited keeps its timestamp of last week."""
    server.scores = [score(str(n), 1.0, name=f"{n:03}", source="API") for n in range(230)]
    server.scores.append(score("old", 0.0, name="xxx", timestamp="2026-11-12T00:00:00.000Z"))
    assert 231 == len(feedback_in(opened(server)))


def some_feedback(number: int = 1, **fields: Any) -> Feedback:
    told = {"key": "correct", "score": 0.25, "author": "judge", "version": "3"} | fields
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    return Feedback(trace_id=f"t{number}", source=FeedbackSource.JUDGE, created_at=moment, **told)


def test_annotations_are_written_once_however_often(server: FakeLangfuse) -> None:
    """Written again, also with a later time and by another process, a score replaces itself."""
    first = some_feedback()
    [written] = opened(server).annotate([Annotation(feedback=first)])
    assert (first.id, None) == (written.feedback_id, written.problem)
    again = first.model_copy(update={"score": 0.75, "created_at": datetime(2026, 11, 23, tzinfo=UTC)})
    [_] = opened(server).annotate([Annotation(feedback=again, remote_id=written.remote_id)])
    [stored] = server.written.values()
    assert (0.75, "NUMERIC", "correct", "t1") == (
        stored["value"], stored["dataType"], stored["name"], stored["traceId"],
    )  # fmt: skip
    assert {"burnish": first.id, "source": "judge", "author": "judge", "version": "3"} == stored["metadata"]


def test_what_burnish_wrote_does_not_come_back(server: FakeLangfuse) -> None:
    """Our own scores are not feedback from the store."""
    list(opened(server).annotate([Annotation(feedback=some_feedback())]))
    [stored] = server.written.values()
    server.scores = [score(stored["id"], stored["value"], metadata=stored["metadata"], source="API")]
    assert [] == feedback_in(opened(server))


def test_a_partly_refused_list_is_told_item_by_item(server: FakeLangfuse) -> None:
    """207 counts refusals and does not name them: each is asked by itself once, and no more."""
    server.refused_names = {"bad"}
    given = [some_feedback(n, key="bad") if n == 2 else some_feedback(n) for n in range(5)]
    written = list(opened(server).annotate([Annotation(feedback=one) for one in given]))
    assert [one.id for one in given] == [one.feedback_id for one in written]
    assert [None, None, "refused: score 0: no config fits", None, None] == [one.problem for one in written]
    assert 1 + 5 == len(server.asked)
    assert 4 == len(server.written)


def test_a_server_before_v5_takes_scores_one_by_one() -> None:
    """The list is refused, the first by itself is not: from then on each goes by itself."""
    with fake_langfuse(older=True) as server:
        server.refused_names = {"bad"}
        given = [some_feedback(n, key="bad") if n == 2 else some_feedback(n) for n in range(60)]
        written = list(opened(server).annotate([Annotation(feedback=one) for one in given]))
    assert [given[2].id] == [one.feedback_id for one in written if one.problem is not None]
    assert 59 == len(server.written)
    assert 1 == sum(isinstance(asked.body, list) for asked in server.asked)


@pytest.mark.parametrize(
    ("said", "value", "kind"),
    [
        ({"score": None, "value": "rude"}, "rude", "CATEGORICAL"),
        ({"score": None, "value": True}, 1, "BOOLEAN"),
        ({"score": None, "correction": {"state": "lost"}}, '{"state": "lost"}', "CORRECTION"),
        ({"score": None, "comment": "look here"}, "look here", "TEXT"),
        ({"score": 1.0, "value": "good"}, 1.0, "NUMERIC"),
    ],
)
def test_labels_corrections_and_comments_go_back_too(
    server: FakeLangfuse, said: dict[str, Any], value: Any, kind: str
) -> None:
    """A score has one value; what it is follows from what the feedback says."""
    [written] = opened(server).annotate([Annotation(feedback=some_feedback(**said))])
    [stored] = server.written.values()
    assert (None, value, kind) == (written.problem, stored["value"], stored["dataType"])


def test_five_lines_of_config_open_it(server: FakeLangfuse) -> None:
    """The kind is registered, and a missing key or a misspelt option is an error with advice."""
    source = open_source(context(server.url))
    assert isinstance(source, LangfuseSource)
    source.close()
    with pytest.raises(ConfigError, match="LANGFUSE_PUBLIC_KEY"):
        open_source(context(server.url, {}))
    with pytest.raises(ConfigError, match="did you mean 'user_scores'"):
        open_source(context(server.url, options={"user_score": ["x"]}))
    with pytest.raises(ConfigError, match="from 1 to 1000"):
        open_source(context(server.url, options={"page_size": 2000}))
