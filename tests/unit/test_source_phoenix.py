"""Phoenix as a source, against a loopback stand-in."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.trace_stores import START, TRACE, Answer, FakePhoenix, client_of, phoenix_span, served

from burnish.adapters.sources import SourceContext, open_source
from burnish.adapters.sources.base import Annotates, Annotation, HearsPeople, KnownTrace, Window, WindowedSource
from burnish.adapters.sources.http import RefusedError
from burnish.adapters.sources.phoenix import PhoenixSource, open_phoenix
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Span, SpanKind, SpanStatus, ToolUse
from burnish.errors import SourceError
from burnish.project import SourceConfig

ALL = Window(start=START - timedelta(days=1))
OTHER = "c" * 32


def _spans(store: FakePhoenix, window: Window = ALL, waits: list[float] | None = None) -> list[Span]:
    with served(store) as url, client_of(url, waits) as client:
        batches = list(PhoenixSource(client, "default", "desk").read_window(window))
    assert [problem for batch in batches for problem in batch.problems] == []
    assert {trace.agent for batch in batches for trace in batch.traces} <= {"desk"}
    return [span for batch in batches for trace in batch.traces for span in trace.spans]


def _one(**fields: object) -> Span:
    (span,) = _spans(FakePhoenix(phoenix_span(1, **fields)))
    return span


def _said(score: float = 0.25, **fields: object) -> Feedback:
    given = {"trace_id": TRACE, "key": "correct", "source": FeedbackSource.JUDGE, "score": score, "author": "judge"}
    return Feedback.model_validate(given | fields)


def test_every_span_of_the_window_comes_once_whatever_the_pages() -> None:
    """Five spans in pages of two, one before and one at the end of the window: the three inside come, each once."""
    store = FakePhoenix(*(phoenix_span(number) for number in range(5)), page=2)
    window = Window(start=START + timedelta(seconds=1), end=START + timedelta(seconds=4))
    assert [span.name for span in _spans(store, window)] == ["step 1", "step 2", "step 3"]
    assert len(store.requests) == 2


def test_a_span_that_is_stored_between_two_pages_comes_too() -> None:
    """Pages follow the order of storing, so that a late span stands at the end even where it started first."""
    store = FakePhoenix(*(phoenix_span(number) for number in (2, 3, 4)), page=2)
    answer = store.answer

    def late(request: object) -> Answer:
        given = answer(request)  # type: ignore[arg-type]
        if len(store.requests) == 1:
            store.spans.append(phoenix_span(1))
        return given

    store.answer = late  # type: ignore[method-assign]
    assert sorted(span.name for span in _spans(store)) == ["step 1", "step 2", "step 3", "step 4"]


def test_failures_are_waited_out_as_the_server_asks() -> None:
    """429 with Retry-After, then 503: the wait that was asked for, then the usual one, and nothing is lost."""
    store = FakePhoenix(phoenix_span(1))
    store.faults = [Answer(429, headers={"Retry-After": "17"}), Answer(503)]
    waits: list[float] = []
    assert [span.name for span in _spans(store, waits=waits)] == ["step 1"]
    assert waits == [17.0, 2.0]


def test_a_cursor_that_comes_twice_ends_the_pull() -> None:
    """What came before is kept; the error names the cursor instead of turning in a circle."""
    store = FakePhoenix(*(phoenix_span(number) for number in range(1, 7)), page=2)
    store.cursors = lambda cursor: "2"
    with served(store) as url, client_of(url) as client:
        batches = PhoenixSource(client, "default", "desk").read_window(ALL)
        seen = [span.name for _ in range(2) for trace in next(batches).traces for span in trace.spans]
        with pytest.raises(SourceError, match="cursor '2' twice"):
            next(batches)
    assert seen == ["step 1", "step 2", "step 3", "step 4"]


def test_a_server_that_stays_down_is_an_error_after_the_attempts() -> None:
    """The error says what failed, how often, and with what."""
    store = FakePhoenix()
    store.faults = [Answer(500, b"broken")] * 9
    with (
        served(store) as url,
        client_of(url, attempts=3) as client,
        pytest.raises(SourceError, match=r"/v1/projects/default/spans failed 3 times.*500 broken"),
    ):
        list(PhoenixSource(client, "default", "desk").read_window(ALL))


@pytest.mark.parametrize(("status", "advice"), [(401, "check the key"), (404, "check url and project")])
def test_a_refusal_is_not_tried_again_and_advises(status: int, advice: str) -> None:
    """A wrong key or project does not pass by waiting."""
    store = FakePhoenix()
    store.faults = [Answer(status, b"no")]
    with served(store) as url, client_of(url) as client, pytest.raises(RefusedError, match=advice):
        list(PhoenixSource(client, "default", "desk").read_window(ALL))
    assert len(store.requests) == 1


def test_a_refusal_in_html_is_told_in_a_line_of_words() -> None:
    """Proxies and wrong addresses answer with pages; an error is one line all the same."""
    store = FakePhoenix()
    store.faults = [Answer(404, b"<!doctype html>\n<title>404</title>\n<h1>Not Found</h1>")]
    with (
        served(store) as url,
        client_of(url) as client,
        pytest.raises(RefusedError, match="answered 404 404 Not Found; check url and project"),
    ):
        list(PhoenixSource(client, "default", "desk").read_window(ALL))


@pytest.mark.parametrize(
    ("environment", "advice"),
    [({}, "it asks for a key: set PHOENIX_API_KEY"), ({"PHOENIX_API_KEY": "x"}, "check the key in PHOENIX_API_KEY")],
)
def test_a_refused_key_is_named_by_its_variable(environment: dict[str, str], advice: str) -> None:
    """Where there is none, the advice is to set it."""
    store = FakePhoenix()
    store.faults = [Answer(401, b"no")]
    with served(store) as url:
        config = SourceConfig(kind="phoenix", url=url)
        source = open_phoenix(SourceContext(config, "desk", Path(), environment.get))
        with pytest.raises(RefusedError, match=advice):
            list(source.read_window(ALL))
        source.close()


def test_a_tool_span_has_its_arguments_together_again() -> None:
    """Phoenix shows a tool's parameters leaf by leaf; they are one object, lists and all."""
    attributes = {
        "tool.name": "find_order",
        "tool.parameters.order": "W1",
        "tool.parameters.lines.0.sku": "a",
        "tool.parameters.lines.1.sku": "b",
        "output.value": '{"status": "sent"}',
        "gen_ai.operation.name": "execute_tool",
    }
    span = _one(span_kind="TOOL", attributes=attributes)
    arguments = {"order": "W1", "lines": [{"sku": "a"}, {"sku": "b"}]}
    assert span.tool == ToolUse(name="find_order", arguments=arguments, result={"status": "sent"})


def test_a_model_call_keeps_messages_tokens_and_no_invented_output() -> None:
    """Phoenix gives a GenAI call an output of the answer's id and model, which is none."""
    attributes = {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Where is W1?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "On its way.",
        "llm.token_count.prompt": 7,
        "llm.token_count.completion": 3,
        "gen_ai.response.id": "r1",
        "gen_ai.response.model": "gpt-x-2026",
        "llm.model_name": "gpt-x",
        "output.value": '{"id": "r1", "model": "gpt-x-2026"}',
        "output.mime_type": "application/json",
    }
    span = _one(span_kind="LLM", attributes=attributes)
    assert (span.kind, span.model, span.output) == (SpanKind.LLM, "gpt-x-2026", None)
    assert [message.text for message in span.input_messages + span.output_messages] == ["Where is W1?", "On its way."]
    assert span.usage is not None
    assert (span.usage.input_tokens, span.usage.output_tokens) == (7, 3)


def test_an_exception_and_a_status_come_through() -> None:
    """The event of an exception is kept, and an open span has no end."""
    event = {"name": "exception", "timestamp": None, "attributes": {"exception.type": "ValueError"}}
    span = _one(status_code="ERROR", status_message="no such order", end_time=None, events=[event])
    assert (span.status, span.status_message, span.ended_at) == (SpanStatus.ERROR, "no such order", None)
    assert span.attributes["exception.type"] == "ValueError"


def test_an_unusable_span_costs_itself_alone() -> None:
    """Each is a problem that names it; its neighbours are kept."""
    broken = phoenix_span(2, start_time="yesterday"), phoenix_span(3, context={"span_id": "z", "trace_id": TRACE})
    store = FakePhoenix(phoenix_span(1), phoenix_span(4))
    with served(store) as url, client_of(url) as client:
        store.answer = lambda request: Answer(  # type: ignore[method-assign]
            body={"data": [*store.spans, *broken, "?", {"id": "x"}], "next_cursor": None}
        )
        (batch,) = PhoenixSource(client, "default", "desk").read_window(ALL)
    assert [span.name for trace in batch.traces for span in trace.spans] == ["step 1", "step 4"]
    assert [problem.reason for problem in batch.problems] == [
        "Invalid isoformat string: 'yesterday'",
        "id 'z' is not hex",
        "is not an object",
        "lacks 'context'",
    ]


def test_people_are_heard_and_evaluators_told_apart() -> None:
    """Human annotations are people's, others an evaluator's of that store; burnish's own and empty ones stay out."""
    store = FakePhoenix(phoenix_span(1), phoenix_span(2, trace=OTHER))
    span, trace = {"span_id": f"{1:016x}"}, {"trace_id": OTHER}
    with served(store) as url, client_of(url) as client:
        source = PhoenixSource(client, "default", "desk")
        assert len(list(source.annotate([Annotation(feedback=_said(span_id=f"{1:016x}"))]))) == 1
        for kind, item in (
            ("span", {**span, "annotator_kind": "HUMAN", "result": {"label": "wrong", "score": 0.0}, "user_id": "U1"}),
            ("span", {**span, "annotator_kind": "LLM", "identifier": "v3", "result": {"score": 0.5}}),
            ("span", {**span, "annotator_kind": "CODE", "identifier": "v4", "result": {}}),
            ("trace", {**trace, "annotator_kind": "HUMAN", "result": {"explanation": "too late"}}),
        ):
            client.call(
                "POST",
                f"/v1/{kind}_annotations",
                params={"sync": "true"},
                json={"data": [{"name": "correct", "identifier": "", **item}]},
            )
        known = [KnownTrace(TRACE, [f"{1:016x}"]), KnownTrace(OTHER, [f"{2:016x}"])]
        heard = [item for batch in source.read_feedback(START, iter(known)) for item in batch.feedback]
        assert next(source.read_feedback(START + timedelta(days=1), known)).feedback == []
    assert [(item.trace_id, item.source, item.author, item.version) for item in heard] == [
        (TRACE, FeedbackSource.HUMAN, "phoenix/U1", ""),
        (TRACE, FeedbackSource.EXTERNAL, "phoenix/llm", "v3"),
        (OTHER, FeedbackSource.HUMAN, "phoenix/human", ""),
    ]
    assert [(item.score, item.value, item.comment) for item in heard] == [
        (0.0, "wrong", None),
        (0.5, None, None),
        (None, None, "too late"),
    ]
    assert {item.created_at for item in heard} == {START}


def test_what_is_written_twice_stands_once_as_written_last() -> None:
    """On spans and on traces, and the id of the annotation is the same both times."""
    store = FakePhoenix(phoenix_span(1))
    with served(store) as url, client_of(url) as client:
        source = PhoenixSource(client, "default", "desk")
        both = [Annotation(feedback=_said(span_id=f"{1:016x}")), Annotation(feedback=_said(comment="so", value=True))]
        first = list(source.annotate(both))
        again = [Annotation(feedback=item.feedback.model_copy(update={"score": 0.75})) for item in both]
        assert list(source.annotate(again)) == first
    assert [written.problem for written in first] == [None, None]
    assert len({written.remote_id for written in first}) == 2
    assert {key[0]: item["result"] for key, item in store.annotations.items()} == {
        "span": {"score": 0.75, "label": None, "explanation": None},
        "trace": {"score": 0.75, "label": "true", "explanation": "so"},
    }
    assert all(key[3].startswith("burnish:") for key in store.annotations)


def test_an_annotation_on_a_lost_span_does_not_cost_its_neighbours() -> None:
    """Phoenix refuses a request with one unknown span as a whole; each is then written by itself."""
    store = FakePhoenix(phoenix_span(1))
    there, gone = _said(span_id=f"{1:016x}"), _said(span_id=f"{9:016x}")
    with served(store) as url, client_of(url) as client:
        source = PhoenixSource(client, "default", "desk")
        written = {item.feedback_id: item for item in source.annotate([Annotation(feedback=f) for f in (gone, there)])}
    assert written[there.id].problem is None
    assert "0000000000000009 do not exist" in str(written[gone.id].problem)
    assert len(store.annotations) == 1


def test_five_lines_of_config_open_it(tmp_path: Path) -> None:
    """The key comes from the named variable and is sent as a bearer token; the source can do all three."""
    store = FakePhoenix(phoenix_span(1))
    with served(store) as url:
        config = SourceConfig(kind="phoenix", url=url + "/", project="default", api_key_env="DESK_KEY")
        source = open_source(SourceContext(config, "desk", tmp_path, {"DESK_KEY": "s3cret"}.get))
        assert isinstance(source, WindowedSource)
        assert isinstance(source, HearsPeople)
        assert isinstance(source, Annotates)
        assert len(list(source.read_window(ALL))) == 1
        source.close()
    assert store.requests[0].headers["authorization"] == ("Bearer s3cret")
    assert "s3cret" not in json.dumps(store.requests[0].query)
