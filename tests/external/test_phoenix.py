"""The Phoenix source against a real Phoenix, started out of its own virtual environment (`make integration`)."""

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from support.replayed import EVER, compared, directly, generated_bodies, in_project, pulled, recorded_bodies
from support.servers import PhoenixServer, venv_of

from burnish.adapters.sources.base import Annotation, KnownTrace
from burnish.adapters.sources.http import HttpClient
from burnish.adapters.sources.phoenix import PhoenixSource
from burnish.domain.base import utc_now
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.retrying import Backoff
from burnish.domain.traces import Trace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhoenixServer]:
    """A running Phoenix, or a skip that says how to get one."""
    venv = venv_of("phoenix")
    if venv is None:
        pytest.skip("needs Phoenix: `make integration` installs it and names it in BURNISH_PHOENIX_VENV")
    with PhoenixServer(venv, tmp_path_factory.mktemp("phoenix")) as running:
        yield running


@pytest.fixture
def source_of(server: PhoenixServer) -> Iterator[Callable[..., PhoenixSource]]:
    """Opens the source of a project; patient enough for a server that starts anew."""
    with HttpClient(server.url, attempts=300, backoff=Backoff(first_s=0.5, cap_s=1.0)) as client:
        yield lambda project, **settings: PhoenixSource(client, project, "desk", **settings)


def _sent(server: PhoenixServer, project: str, bodies: list[bytes]) -> dict[str, Trace]:
    """Send, and wait until Phoenix has stored it all: it takes spans faster than it stores them."""
    own = directly(bodies)
    wanted = sum(len(trace.spans) for trace in own.values())
    for body in bodies:
        server.send(in_project(body, project))
    limit = time.monotonic() + 240
    while (stored := _count(server, project)) < wanted:
        assert time.monotonic() < limit, f"Phoenix stored {stored} of {wanted} spans"
        time.sleep(0.5)
    return own


def _count(server: PhoenixServer, project: str) -> int:
    stored, cursor = 0, None
    while True:
        asked = {"limit": "1000", **({"cursor": cursor} if cursor else {})}
        answer = httpx.get(f"{server.url}/v1/projects/{project}/spans", params=asked, timeout=60)
        if answer.status_code == 404:  # the project is made with its first span
            return 0
        stored += len(answer.json()["data"])
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return stored


@pytest.mark.parametrize("kind", ["recorded", "generated"])
def test_spans_come_back_as_our_endpoint_reads_them(
    server: PhoenixServer, source_of: Callable[..., PhoenixSource], kind: str
) -> None:
    """Parents, kinds, messages, tools, tokens and outcomes of real instrumentations, by way of Phoenix and without."""
    own = _sent(server, kind, recorded_bodies() if kind == "recorded" else generated_bodies(1))
    found = pulled(source_of(kind))
    assert set(found) == set(own)
    for trace_id, trace in own.items():
        assert {span.span_id: compared(span) for span in trace.spans} == {
            span_id: compared(span) for span_id, span in found[trace_id].items()
        }


def test_a_persons_word_there_is_heard_here(server: PhoenixServer, source_of: Callable[..., PhoenixSource]) -> None:
    """On a span and on a trace; an evaluator's is told from a person's."""
    own = _sent(server, "heard", generated_bodies(2)[:1])
    trace = next(iter(own.values()))
    root = trace.spans[0].span_id
    started = utc_now()
    for kind, item in (
        ("span", {"span_id": root, "annotator_kind": "HUMAN", "result": {"label": "wrong", "score": 0.0}}),
        ("span", {"span_id": root, "annotator_kind": "LLM", "result": {"score": 0.5}, "identifier": "v3"}),
        ("trace", {"trace_id": trace.trace_id, "annotator_kind": "HUMAN", "result": {"explanation": "too late"}}),
    ):
        body = {"data": [{"name": "correct", **item}]}
        httpx.post(f"{server.url}/v1/{kind}_annotations?sync=true", json=body, timeout=60).raise_for_status()
    known = [KnownTrace(id_, [span.span_id for span in other.spans]) for id_, other in own.items()]
    heard = [item for batch in source_of("heard").read_feedback(started, known) for item in batch.feedback]
    assert {(item.source.value, item.span_id, item.score, item.value, item.comment) for item in heard} == {
        ("human", root, 0.0, "wrong", None),
        ("external", root, 0.5, None, None),
        ("human", None, None, None, "too late"),
    }
    assert {item.trace_id for item in heard} == {trace.trace_id}


def test_what_is_written_back_twice_stands_once(server: PhoenixServer, source_of: Callable[..., PhoenixSource]) -> None:
    """On a span and on a trace, as it was written last, and burnish does not hear itself."""
    own = _sent(server, "written", generated_bodies(3)[:1])
    trace = next(iter(own.values()))
    said = Feedback(trace_id=trace.trace_id, key="helpful", source=FeedbackSource.JUDGE, score=0.25, author="judge")
    there = said.model_copy(update={"span_id": trace.spans[1].span_id})
    gone = said.model_copy(update={"span_id": "f" * 16})
    source = source_of("written")
    first = list(source.annotate([Annotation(feedback=item) for item in (said, there, gone)]))
    again = [Annotation(feedback=item.model_copy(update={"score": 0.75})) for item in (said, there)]
    assert {item.remote_id for item in source.annotate(again)} == {
        item.remote_id for item in first if item.problem is None
    }
    assert [item.feedback_id for item in first if item.problem] == [gone.id]
    for kind, target in (("trace", trace.trace_id), ("span", trace.spans[1].span_id)):
        path = f"{server.url}/v1/projects/written/{kind}_annotations"
        (stands,) = httpx.get(path, params={f"{kind}_ids": target}, timeout=60).json()["data"]
        assert (stands["name"], stands["annotator_kind"], stands["result"]["score"]) == ("helpful", "LLM", 0.75)
    known = [KnownTrace(trace.trace_id, [span.span_id for span in trace.spans])]
    assert [item for batch in source.read_feedback(trace.started_at, known) for item in batch.feedback] == []


def test_a_server_killed_during_the_pull_costs_no_span(
    server: PhoenixServer, source_of: Callable[..., PhoenixSource]
) -> None:
    """Killed with a page handed out and started again: the pull waits, goes on, and every span comes once."""
    own = _sent(server, "killed", generated_bodies(4))
    batches = source_of("killed", page=200).read_window(EVER)
    found = [span.span_id for trace in next(batches).traces for span in trace.spans]
    server.kill()
    starting = threading.Timer(1.0, server.start)
    starting.start()
    found += [span.span_id for batch in batches for trace in batch.traces for span in trace.spans]
    starting.join()
    assert sorted(found) == sorted(span.span_id for trace in own.values() for span in trace.spans)
