"""LangSmith's own SDK and our connector put the same questions, and both understand the same answers.

The SDK is no dependency of burnish: `pip install --group contracts` brings it, and without it these tests skip.
"""

import asyncio
import gc
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.langsmith_server import KEY, PROJECT, PROJECT_ID, FakeLangsmith, fake_langsmith, given, run, uuid_of
from support.loopback import Asked

from burnish.adapters.sources import Annotation, Window
from burnish.adapters.sources.langsmith import LangsmithSource, open_langsmith
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.project import SourceConfig

langsmith = pytest.importorskip("langsmith", reason="needs LangSmith's SDK (pip install --group contracts)")

START, END = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _sdk_tidied_up() -> Iterator[None]:
    """The SDK leaves connections to the garbage collector, which would warn of them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture(params=[False, True], ids=["v2", "v1"])
def server(request: pytest.FixtureRequest) -> Iterator[FakeLangsmith]:
    with fake_langsmith(older=request.param) as fake:
        fake.runs = [
            run("t1", inputs={"input": "Hi"}, metadata={"user_id": "u1"}, total_cost=0.1, prompt_tokens=3),
            run("call", above=("t1",), second=1, run_type="LLM", prompt_token_details={"raw": {"cache_read": 1}}),
        ]
        yield fake


@pytest.fixture
def ours(server: FakeLangsmith) -> Iterator[LangsmithSource]:
    config = SourceConfig(kind="langsmith", url=server.url, project=PROJECT)
    source = open_langsmith(SourceContext(config, "desk", Path(), {"LANGSMITH_API_KEY": KEY}.get))
    yield source
    source.close()


def sdk(server: FakeLangsmith) -> Any:
    return langsmith.Client(api_url=server.url, api_key=KEY, auto_batch_tracing=False)


def asked_of(server: FakeLangsmith) -> list[Asked]:
    """What was asked since the last time."""
    asked = list(server.asked)
    server.asked.clear()
    return asked


def same_door(theirs: Asked, ours: Asked) -> None:
    assert (theirs.method, theirs.path) == (ours.method, ours.path)
    assert theirs.headers["x-api-key"] == ours.headers["x-api-key"]


async def queried(client: Any, **question: Any) -> list[Any]:
    return [one async for one in client.runs.query(**question)]


def test_runs_are_asked_for_as_the_sdk_asks(server: FakeLangsmith, ours: LangsmithSource) -> None:
    """Path, header and the keys of the body are the SDK's; the project's look-up too."""
    [batch] = ours.read_window(Window(start=START, end=END))
    mine = [asked for asked in asked_of(server) if not (server.older and asked.path.startswith("/api/v2"))]
    client = sdk(server)
    if server.older:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK's own: list_runs is deprecated
            listed = list(
                client.list_runs(project_name=PROJECT, start_time=START, filter=f'lt(start_time, "{END.isoformat()}")')
            )
    else:
        client.read_project(project_name=PROJECT)
        bounds = {"min_start_time": START, "max_start_time": END}
        selects = mine[1].body["selects"]
        listed = asyncio.run(queried(client, project_ids=[PROJECT_ID], page_size=1000, selects=selects, **bounds))
    lookup, query = asked_of(server)
    same_door(lookup, mine[0])
    assert lookup.query["name"] == mine[0].query["name"]
    same_door(query, mine[1])
    assert set(mine[1].body) - {"limit"} == set(query.body)
    if server.older:
        assert set(mine[1].body["select"]) <= set(query.body["select"])
        assert query.body["session"] == mine[1].body["session"]
    else:
        assert query.body["project_ids"] == mine[1].body["project_ids"]
        assert query.body["page_size"] == mine[1].body["page_size"]
    for key in ("start_time", "min_start_time", "max_start_time"):
        if key in query.body:
            assert datetime.fromisoformat(query.body[key]) == datetime.fromisoformat(mine[1].body[key])
    spans = [span for trace in batch.traces for span in trace.spans]
    assert [str(one.id) for one in listed] == [span.span_id for span in spans]
    assert [one.start_time.replace(tzinfo=UTC) for one in listed] == [span.started_at for span in spans]


def test_every_field_that_we_select_is_one_of_the_api(server: FakeLangsmith, ours: LangsmithSource) -> None:
    """LangSmith answers 400 to a name that it does not know."""
    from langsmith.types.run_select_field import RunSelectField

    list(ours.read_window(Window(start=START, end=END)))
    bodies = [asked.body for asked in asked_of(server) if asked.path == "/api/v2/runs/query"]
    if not server.older:
        assert set(bodies[0]["selects"]) <= set(RunSelectField.__args__)


def test_the_fakes_runs_are_runs_for_the_sdk(server: FakeLangsmith) -> None:
    """What our fake answers with has no field that the SDK's model does not know."""
    from langsmith.types.run import Run

    for one in server.runs:
        assert set(one) <= set(Run.model_fields)
        Run.model_validate(one, strict=False)


def test_feedback_is_asked_for_as_the_sdk_asks(server: FakeLangsmith, ours: LangsmithSource) -> None:
    """The list of feedback has the SDK's path and paging, and its model reads our fake's answers."""
    server.feedback = {one["id"]: one for one in [given("helpful", score=0.5, comment="so so")]}
    [batch] = ours.read_feedback(START, [])
    mine = asked_of(server)[-1]
    client = sdk(server)
    [listed] = list(client.list_feedback(session=[PROJECT_ID], min_created_at=START.isoformat()))
    [theirs] = asked_of(server)
    same_door(theirs, mine)
    assert {**mine.query, "min_created_at": None, "run": None} | {"include_user_names": None} == {
        **theirs.query, "min_created_at": None, "run": None, "include_user_names": None,
    }  # fmt: skip
    [feedback] = batch.feedback
    assert (listed.key, listed.score, str(listed.trace_id)) == (feedback.key, feedback.score, feedback.trace_id)


def test_feedback_is_written_as_the_sdk_writes_it(server: FakeLangsmith, ours: LangsmithSource) -> None:
    """POST and PATCH have the SDK's paths and keys, and the kept retention its value."""
    feedback = Feedback(
        trace_id=uuid_of("t1"), span_id=uuid_of("call"), key="correct", source=FeedbackSource.JUDGE, score=0.5,
        value="wrong tool", comment="why", correction={"a": 1}, author="judge",
    )  # fmt: skip
    [written] = ours.annotate([Annotation(feedback=feedback)])
    [_] = ours.annotate([Annotation(feedback=feedback, remote_id=written.remote_id)])
    _, created, updated = asked_of(server)
    server.feedback.clear()
    client = sdk(server)
    client.create_feedback(
        run_id=uuid_of("call"), trace_id=uuid_of("t1"), session_id=PROJECT_ID, key="correct", score=0.5,
        value="wrong tool", comment="why", correction={"a": 1}, feedback_source_type="model",
        feedback_id=created.body["id"], extend_trace_retention=False,
        source_info=created.body["feedback_source"]["metadata"],
    )  # fmt: skip
    client.update_feedback(created.body["id"], score=0.5, value="wrong tool", comment="why", correction={"a": 1})
    create, update = asked_of(server)
    same_door(create, created)
    stamped = {name: value for name, value in create.body.items() if name not in ("created_at", "modified_at")}
    assert stamped == created.body
    same_door(update, updated)
    assert update.body == updated.body
