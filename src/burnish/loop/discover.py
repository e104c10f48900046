"""Find what fails alike: tonight's failing traces, grouped, named, and recognised from the night before."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Value, content_hash, utc_now
from burnish.domain.chat import ChatModel
from burnish.domain.clustering import summarise
from burnish.domain.datasets import DATASET
from burnish.domain.feedback import PEOPLE, Feedback
from burnish.domain.listing import TraceQuery
from burnish.domain.proposals import Cluster
from burnish.domain.traces import SpanStatus, Trace
from burnish.errors import ModelError
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import OpenStore
    from burnish.domain.clustering.embed import Embedder, Vectors
    from burnish.domain.clustering.group import Grouping
    from burnish.domain.clustering.name import ClusterName

__all__ = ["DiscoverSummary", "discover"]

READ = 4  # times the clustering limit: what is read of a night with very many failures
BATCH = 200


class DiscoverSummary(Value):
    """What was found. `sealed` counts failing traces left out because they resemble a held-out example.

    `kept` and `new` count clusters recognised from an earlier night and those that were not. `failures` says why a
    model could not summarise or name, each reason once, with its count.
    """

    failing: int = 0
    sealed: int = 0
    clusters: int = 0
    kept: int = 0
    new: int = 0
    unclustered: int = 0
    largest: int = 0
    silhouette: float | None = None
    embedder: str = ""
    failures: dict[str, int] = {}


async def discover(
    store: "OpenStore", config: AgentConfig, night: str, model: ChatModel | None, embedder: "Embedder"
) -> DiscoverSummary:
    """Group the agent's visible failing production traces and save the clusters of this night, replacing its own.

    Failing means that the newest score of the metric is under `fail_below`, that a person said so (a label under one of
    the keys in [gate.judges]), or that the agent ended with an error.
    Without a model, clusters are named by their keywords. Raises ConfigError where the embedder cannot work; a model
    that fails is counted and never stops the night.
    """
    failures: dict[str, int] = {}
    failing = _failing(store, config)
    summaries, sealed = await _summaries(store, config, failing, model, failures)
    found, silhouette = (
        await _clusters(summaries, config, night, model, embedder, failures) if summaries else ([], None)
    )
    clusters, kept = _recognised(store.clusters.previous(config.name, night), found)
    store.clusters.save(config.name, night, clusters)
    clustered = sum(cluster.size for cluster in clusters)
    return DiscoverSummary(
        failing=len(failing),
        sealed=sealed,
        clusters=len(clusters),
        kept=kept,
        new=len(clusters) - kept,
        unclustered=len(summaries) - clustered,
        largest=max((cluster.size for cluster in clusters), default=0),
        silhouette=silhouette,
        embedder=embedder.name,
        failures=failures,
    )


async def _clusters(
    summaries: dict[str, str],
    config: AgentConfig,
    night: str,
    model: ChatModel | None,
    embedder: "Embedder",
    failures: dict[str, int],
) -> tuple[list[Cluster], float | None]:
    """Named clusters of the summaries by trace id, and the silhouette of the cut."""
    ids, texts = list(summaries), list(summaries.values())
    vectors, grouping = await asyncio.to_thread(_group, texts, config, embedder)
    members = [_central_first(grouping, label, vectors) for label in range(len(grouping.centroids))]
    names = await _names([[texts[row] for row in rows] for rows in members], model)
    for name in names:
        if name.failure is not None:
            failures[name.failure] = failures.get(name.failure, 0) + 1
    clusters = [
        _cluster(config.name, night, name, [ids[row] for row in sorted(rows)], _kept(grouping, label, embedder))
        for label, (name, rows) in enumerate(zip(names, members, strict=True))
    ]
    return clusters, grouping.silhouette


def _failing(store: "OpenStore", config: AgentConfig) -> list[str]:
    """Ids of failing traces, newest first within each kind of failure."""
    # A model summary a trace costs a call each, so only as many as one clustering takes.
    most = config.cluster.limit * (1 if config.cluster.summarise == "model" else READ)
    ended = TraceQuery(agent=config.name, visible=True, settled=utc_now() - config.source.settle_after, limit=most)
    keys = dict.fromkeys((config.improve.fails_on, *config.gate.judges.label_keys))
    low = [
        trace_id
        for key in keys
        for trace_id in store.traces.ids(ended.model_copy(update={"below": (key, config.improve.fail_below)}))
    ]
    broken = store.traces.ids(ended.model_copy(update={"status": SpanStatus.ERROR}))
    return list(dict.fromkeys([*low, *broken]))


async def _summaries(
    store: "OpenStore", config: AgentConfig, trace_ids: Sequence[str], model: ChatModel | None, failures: dict[str, int]
) -> tuple[dict[str, str], int]:
    """Summaries by trace id, and how many traces were left out for resembling a held-out example."""
    found: dict[str, str] = {}
    sealed = 0
    for batch in _batches(store.traces.load(trace_ids)):
        # The store leaves out held-out inputs themselves; their look-alikes would give them away just as well.
        hidden = store.datasets.hidden(config.name, DATASET, batch, config.splits)
        shown = [trace for trace in batch if trace.trace_id not in hidden]
        sealed += len(batch) - len(shown)
        said = store.feedback.for_traces([trace.trace_id for trace in shown])
        items = [_telling(said.get(trace.trace_id, []), config.improve.fail_below) for trace in shown]
        written = await asyncio.gather(
            *(_summary(config, trace, some, model) for trace, some in zip(shown, items, strict=True))
        )
        for trace, (text, failure) in zip(shown, written, strict=True):
            found[trace.trace_id] = text
            if failure is not None:
                failures[failure] = failures.get(failure, 0) + 1
    return found, sealed


async def _summary(
    config: AgentConfig, trace: Trace, feedback: Sequence[Feedback], model: ChatModel | None
) -> tuple[str, str | None]:
    if model is None or config.cluster.summarise == "text":
        return summarise.text(trace, feedback), None
    try:
        return await summarise.sentence(model, trace, feedback), None
    except ModelError as error:
        return summarise.text(trace, feedback), f"{type(error).__name__}: {error}"


def _telling(feedback: Iterable[Feedback], limit: float) -> list[Feedback]:
    """What says something of the failure: people's words and machine feedback that is not a pass."""
    return [f for f in feedback if f.source in PEOPLE or (f.score is not None and f.score < limit)]


def _group(texts: Sequence[str], config: AgentConfig, embedder: "Embedder") -> "tuple[Vectors, Grouping]":
    from burnish.domain.clustering.group import group

    vectors = embedder.embed(texts)
    return vectors, group(vectors, config.cluster.minimum_size, config.cluster.limit)


def _central_first(grouping: "Grouping", label: int, vectors: "Vectors") -> list[int]:
    """Rows of a group, the most typical first, so that a name is drawn from those."""
    nearness = vectors @ grouping.centroids[label]
    return sorted(grouping.members(label), key=lambda row: (-float(nearness[row]), row))


async def _names(groups: Sequence[Sequence[str]], model: ChatModel | None) -> "list[ClusterName]":
    from burnish.domain.clustering.name import keywords, name_cluster

    words = keywords(groups)
    return list(
        await asyncio.gather(*(name_cluster(texts, some, model) for texts, some in zip(groups, words, strict=True)))
    )


def _kept(grouping: "Grouping", label: int, embedder: "Embedder") -> tuple[float, ...]:
    """The centroid where it means the same tomorrow, rounded to what a float32 holds."""
    if not embedder.comparable:
        return ()
    return tuple(round(float(value), 6) for value in grouping.centroids[label])


def _cluster(
    agent: str, night: str, name: "ClusterName", trace_ids: Sequence[str], centroid: tuple[float, ...]
) -> Cluster:
    return Cluster(
        id=content_hash("cluster", agent, night, sorted(trace_ids)),
        agent=agent,
        name=name.title,
        description=name.description,
        trace_ids=tuple(trace_ids),
        size=len(trace_ids),
        centroid=centroid,
        keywords=name.keywords,
        night=night,
    )


def _recognised(previous: Sequence[Cluster], current: Sequence[Cluster]) -> tuple[list[Cluster], int]:
    """The current clusters, with the ids of those that they continue, and how many continue one."""
    from burnish.domain.clustering.group import Earlier, match

    pairs = match(
        [Earlier(cluster.trace_ids, cluster.centroid) for cluster in previous],
        [Earlier(cluster.trace_ids, cluster.centroid) for cluster in current],
    )
    clusters = [
        cluster if at is None else cluster.model_copy(update={"id": previous[at].id})
        for cluster, at in zip(current, pairs, strict=True)
    ]
    return clusters, sum(at is not None for at in pairs)


def _batches(traces: Iterable[Trace]) -> Iterator[list[Trace]]:
    batch: list[Trace] = []
    for trace in traces:
        batch.append(trace)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
