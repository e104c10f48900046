"""Langfuse's own SDK and our connector put the same questions, and both understand the same answers.

The SDK is no dependency of burnish: `pip install --group contracts` brings it, and without it these tests skip.
"""

import gc
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.langfuse_server import PUBLIC, SECRET, FakeLangfuse, fake_langfuse, observation, score
from support.loopback import Asked

from burnish.adapters.sources import Annotation, Window
from burnish.adapters.sources.langfuse import LangfuseSource, open_langfuse
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.project import SourceConfig

api = pytest.importorskip("langfuse.api", reason="needs Langfuse's SDK (pip install --group contracts)")

START, END = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _sdk_tidied_up() -> Iterator[None]:
    """The SDK leaves connections to the garbage collector, which would warn of them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture
def server() -> Iterator[FakeLangfuse]:
    with fake_langfuse() as fake:
        yield fake


@pytest.fixture
def ours(server: FakeLangfuse) -> Iterator[LangfuseSource]:
    keys = {"LANGFUSE_PUBLIC_KEY": PUBLIC, "LANGFUSE_SECRET_KEY": SECRET}
    config = SourceConfig(
        kind="langfuse", url=server.url, environment="production", options={"expand_metadata": ["plan", "tier"]}
    )
    source = open_langfuse(SourceContext(config, "desk", Path(), keys.get))
    yield source
    source.close()


def sdk(server: FakeLangfuse) -> Any:
    return api.LangfuseAPI(base_url=server.url, username=PUBLIC, password=SECRET)


def asked_of(server: FakeLangfuse) -> list[Asked]:
    """What was asked since the last time."""
    asked = list(server.asked)
    server.asked.clear()
    return asked


def same_question(theirs: Asked, ours: Asked) -> None:
    assert (theirs.method, theirs.path) == (ours.method, ours.path)
    assert theirs.headers["authorization"] == ours.headers["authorization"]
    assert {name: _plain(value) for name, value in theirs.query.items()} == {
        name: _plain(value) for name, value in ours.query.items()
    }


def _plain(values: list[str]) -> list[Any]:
    return [datetime.fromisoformat(value) if value.endswith("Z") else value for value in values]


def test_observations_are_asked_for_as_the_sdk_asks(server: FakeLangfuse, ours: LangfuseSource) -> None:
    """Path, key pair and every parameter are the SDK's, on the first page and on those after it."""
    server.observations = [
        observation(f"o{n}", trace_id=f"t{n}", second=n, input={"n": n}, metadata={"plan": "gold"}) for n in range(700)
    ]
    batches = list(ours.read_window(Window(start=START, end=END)))
    first, second = asked_of(server)
    client = sdk(server)
    question = {
        "fields": first.query["fields"][0], "limit": 500, "environment": "production", "from_start_time": START,
        "to_start_time": END, "expand_metadata": "plan,tier",
    }  # fmt: skip
    page = client.observations.get_many(**question)
    rest = client.observations.get_many(**question, cursor=page.meta.cursor)
    for theirs, mine in zip(asked_of(server), (first, second), strict=True):
        same_question(theirs, mine)
    spans = {span.span_id: span for batch in batches for trace in batch.traces for span in trace.spans}
    listed = [*page.data, *rest.data]
    assert {one.id: (one.trace_id, one.start_time, one.name) for one in listed} == {
        span_id: (span.trace_id, span.started_at, span.name) for span_id, span in spans.items()
    }


def test_the_fakes_observations_and_scores_have_the_fields_of_the_sdks_models() -> None:
    """A field that Langfuse does not have would be an invention of our fake."""
    from langfuse.api.commons.types.observation_v2 import ObservationV2
    from langfuse.api.scores.types.base_score_v3 import BaseScoreV3
    from support.langfuse_server import _GROUPS

    known = {one.metadata[0].alias if one.metadata else name for name, one in ObservationV2.model_fields.items()}
    assert {name for group in _GROUPS.values() for name in group} <= known
    known = {one.metadata[0].alias if one.metadata else name for name, one in BaseScoreV3.model_fields.items()}
    assert set(score("1", 0.5)) <= known | {"value", "dataType"}


def test_scores_are_asked_for_as_the_sdk_asks(server: FakeLangfuse, ours: LangfuseSource) -> None:
    """For each source one question with the SDK's parameters; its models read every kind of score of our fake."""
    server.scores = [
        score("1", 0.5, span_id="o1"),
        score("2", "rude"),
        score("3", True),
        score("4", "better", dataType="CORRECTION", name="output"),
    ]
    feedback = [one for batch in ours.read_feedback(START, []) for one in batch.feedback]
    mine = asked_of(server)
    client = sdk(server)
    read = []
    for asked in mine:
        [since] = asked.query["fromTimestamp"]
        page = client.scores.get_many(
            limit=100, source=asked.query["source"][0], from_timestamp=datetime.fromisoformat(since),
            fields="details,subject,annotation", environment="production",
        )  # fmt: skip
        read.extend(page.data)
    for theirs, asked in zip(asked_of(server), mine, strict=True):
        same_question(theirs, asked)
    assert [0.5, "rude", True, "better"] == [one.value for one in read]
    assert [0.5, None, 1.0, None] == [one.score for one in feedback]
    assert [None, "rude", True, None] == [one.value for one in feedback]
    assert [None, None, None, "better"] == [one.correction for one in feedback]
    assert [one.subject.trace_id if one.subject.kind == "observation" else one.subject.id for one in read] == [
        one.trace_id for one in feedback
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"score": 0.5, "value": "wrong tool", "comment": "why"},
        {"value": "rude"},
        {"value": True},
        {"correction": "better"},
        {"comment": "look"},
    ],
)
def test_scores_are_written_as_the_sdk_writes_them(
    server: FakeLangfuse, ours: LangfuseSource, said: dict[str, Any]
) -> None:
    """The list that we send is the one that the SDK sends for the same scores, key for key."""
    from langfuse.api.scores import CreateScoreRequest

    feedback = Feedback(
        trace_id="t1", span_id="o1", key="correct", source=FeedbackSource.JUDGE, created_at=START, **said
    )
    [written] = ours.annotate([Annotation(feedback=feedback)])
    assert written.problem is None
    [mine] = asked_of(server)
    body = mine.body[0]
    request = CreateScoreRequest(
        id=body["id"], trace_id="t1", observation_id="o1", name=body["name"], value=body["value"],
        data_type=body["dataType"], comment=body.get("comment"), metadata=body["metadata"], timestamp=START,
    )  # fmt: skip
    answer = sdk(server).scores.create(request=[request])
    [theirs] = asked_of(server)
    assert "Accepted" == answer.message
    same_question(theirs, mine)
    sent = {name: value for name, value in theirs.body[0].items() if value is not None}
    assert {**sent, "timestamp": None} == {**body, "timestamp": None}
    assert datetime.fromisoformat(sent["timestamp"]) == datetime.fromisoformat(body["timestamp"])


def test_a_partial_refusal_is_what_the_sdk_knows_as_one(server: FakeLangfuse) -> None:
    """The fake's 207 is the SDK's CreateScoreBatchResults."""
    from langfuse.api.scores import CreateScoreRequest

    server.refused_names = {"bad"}
    requests = [
        CreateScoreRequest(id=name, trace_id="t1", name=name, value=1, timestamp=START) for name in ("ok", "bad")
    ]
    answer = sdk(server).scores.create(request=requests)
    assert (1, 1, ["score 1: no config fits"]) == (
        answer.accepted, answer.rejected, [error.message for error in answer.errors],
    )  # fmt: skip
