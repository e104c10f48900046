from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.databases import sqlite_url
from support.store_samples import judged, trace

from burnish.adapters.store import OpenStore, Store
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.clustering.embed import TfidfEmbedder, WordLlamaEmbedder
from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.traces import SpanStatus
from burnish.errors import ModelError
from burnish.loop.discover import discover
from burnish.project import AgentConfig, ClusterConfig, ImproveConfig, RepositoryConfig, TargetConfig

CONFIG = AgentConfig(
    name="support",
    repository=RepositoryConfig(url="/nowhere"),
    target=TargetConfig(),
    improve=ImproveConfig(metric="helpful"),
)
FORMS = (
    "my refund of the order for {} has not been paid back to my card",
    "I cannot log in, the password reset link for {} does nothing",
    "the parcel for {} was delivered to a wrong address in another town",
)
CODES = (
    "Anna",
    "Bernard",
    "Chloe",
    "Dimitri",
    "Esther",
    "Fabian",
    "Greta",
    "Johannes",
    "Ingrid",
    "Jonas",
    "Kat",
    "Lea",
)
EMBEDDER = WordLlamaEmbedder()


class Model:
    name = "fake"
    strong = False

    def __init__(self, error: ModelError | None = None) -> None:
        self._error = error
        self.asked: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        if self._error is not None:
            raise self._error
        if request.purpose == "summarise":
            return ChatReply(
                text="",
                model="fake",
                parsed={"summary": "refund" if "refund" in request.messages[1].text else "log in"},
            )
        return ChatReply(text="", model="fake", parsed={"title": "A title", "description": "What it is."})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(sqlite_url(tmp_path))
    yield opened
    opened.close()


def fill(store: Store, per_form: int = 6, start: int = 0, score: float = 0.0) -> None:
    numbers = range(start, start + per_form)
    names = [(f"t{form}-{n}", FORMS[form].format(CODES[n])) for form in range(3) for n in numbers]
    store.traces.add([trace(name, input=text, output="no idea") for name, text in names])
    store.feedback.add([judged(name, score) for name, _ in names])


async def test_failing_traces_are_grouped_named_and_saved(store: Store) -> None:
    """Three ways of failing are three clusters with keywords for names; what passes is not looked at."""
    fill(store)
    store.traces.add([trace("good", input="refund was quick, thank you")])
    store.feedback.add([judged("good", 1.0)])
    summary = await discover(OpenStore(store), CONFIG, "support/2026-02-01", None, EMBEDDER)
    found = store.clusters.list("support", "support/2026-02-01")
    assert (summary.failing, summary.clusters, summary.new, summary.unclustered) == (18, 3, 3, 0)
    assert sorted(sorted({trace_id[:2] for trace_id in c.trace_ids}) for c in found) == [["t0"], ["t1"], ["t2"]]
    assert {c.size for c in found} == {6}
    assert "refund" in " ".join(c.name for c in found)


async def test_a_crash_of_the_agent_is_a_failure_without_a_score(store: Store) -> None:
    """Traces that ended in an error are clustered although no evaluator scored them."""
    ended: dict[str, Any] = {"output": None, "status": SpanStatus.ERROR, "status_message": "tool timed out"}
    store.traces.add([trace(f"e{n}", input="x", **ended) for n in range(4)])
    summary = await discover(OpenStore(store), CONFIG, "support/2026-02-01", None, EMBEDDER)
    assert (summary.failing, summary.clusters, summary.largest) == (4, 1, 4)


async def test_clusters_keep_their_ids_from_night_to_night(store: Store) -> None:
    """With half of the members new, every cluster is recognised; a second run of a night changes nothing."""
    fill(store)
    await discover(OpenStore(store), CONFIG, "support/2026-02-01", None, EMBEDDER)
    first = {c.id for c in store.clusters.list("support", "support/2026-02-01")}
    fill(store, start=6)
    summary = await discover(OpenStore(store), CONFIG, "support/2026-02-02", None, EMBEDDER)
    second = store.clusters.list("support", "support/2026-02-02")
    assert (summary.kept, summary.new, {c.id for c in second}) == (3, 0, first)
    assert await discover(OpenStore(store), CONFIG, "support/2026-02-02", None, EMBEDDER) == summary
    assert store.clusters.list("support", "support/2026-02-02") == second


async def test_centroids_bound_to_one_night_are_not_kept(store: Store) -> None:
    """TF-IDF vectors of two nights cannot be compared; members alone recognise the clusters."""
    fill(store)
    await discover(OpenStore(store), CONFIG, "support/2026-02-01", None, TfidfEmbedder())
    fill(store, start=6)
    summary = await discover(OpenStore(store), CONFIG, "support/2026-02-02", None, TfidfEmbedder())
    assert {c.centroid for c in store.clusters.list("support")} == {()}
    assert summary.kept == 3


async def test_held_out_examples_and_their_look_alikes_stay_out(store: Store) -> None:
    """Neither the trace behind a held-out example, nor the same input, nor a near-duplicate reaches a cluster."""
    fill(store)
    sealed = FORMS[0].format(CODES[1])
    store.traces.add([trace("again", input=sealed), trace("alike", input=sealed + " pls")])
    store.feedback.add([judged("again", 0.0), judged("alike", 0.0)])
    example = Example(id=Example.id_for("support", sealed), input=sealed, expected="x", trace_id="t0-1", group="g")
    store.datasets.add("support", "main", [(example, Split.HELD_OUT)])
    config = CONFIG.model_copy(update={"splits": SplitRule(near_duplicate=0.95, group_by=("text",))})
    summary = await discover(OpenStore(store), config, "support/2026-02-01", None, EMBEDDER)
    members = {trace_id for c in store.clusters.list("support") for trace_id in c.trace_ids}
    assert members & {"t0-1", "again", "alike"} == set()
    assert summary.sealed == 1


async def test_traces_of_held_out_users_stay_out(store: Store) -> None:
    """Where examples are grouped by user, a held-out user's other traces stay unseen as well."""
    fill(store)
    store.traces.add([trace(f"u{n}", input=FORMS[0].format(CODES[n + 9]), user_id="u1") for n in range(3)])
    store.feedback.add([judged(f"u{n}", 0.0) for n in range(3)])
    example = Example(id="e", input="else", metadata={"user": "u1"}, group="g")
    store.datasets.add("support", "main", [(example, Split.HELD_OUT)])
    config = CONFIG.model_copy(update={"splits": SplitRule(group_by=("user", "text"))})
    assert (await discover(OpenStore(store), config, "support/2026-02-01", None, EMBEDDER)).sealed == 3


async def test_a_model_names_and_summarises(store: Store) -> None:
    """With a model, clusters carry its title; with summarise = "model", its sentences are what is grouped."""
    fill(store)
    config = CONFIG.model_copy(update={"cluster": ClusterConfig(summarise="model")})
    model = Model()
    summary = await discover(OpenStore(store), config, "support/2026-02-01", model, EMBEDDER)
    assert {c.name for c in store.clusters.list("support")} == {"A title"}
    assert sorted({request.purpose for request in model.asked}) == ["name", "summarise"]
    assert summary.failures == {}


async def test_a_failing_model_is_counted_and_does_not_stop_the_night(store: Store) -> None:
    """Clusters are found and named by keywords; the summary says what the model said."""
    fill(store)
    summary = await discover(OpenStore(store), CONFIG, "support/2026-02-01", Model(ModelError("no server")), EMBEDDER)
    assert (summary.clusters, summary.failures) == (3, {"ModelError: no server": 3})
    assert "A title" not in {c.name for c in store.clusters.list("support")}


async def test_a_night_without_failures_has_no_clusters(store: Store) -> None:
    """Nothing failing: nothing is embedded, and the night's list is empty."""
    fill(store, score=1.0)
    summary = await discover(OpenStore(store), CONFIG, "support/2026-02-01", None, EMBEDDER)
    assert (summary.failing, summary.clusters, store.clusters.list("support")) == (0, 0, [])
