"""The part of the store that curating, discovering and proposing get: nothing that is held out can be asked of it.

These are types of their own, not the store with advice: there is no method here that reads a held-out example, a trace
behind one or with its input, what was said of such a trace, a run, a verdict, or what became of a proposal.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from burnish.adapters.store.datasets import Placement
from burnish.adapters.store.trace_lists import unsealed
from burnish.domain.datasets import Example, SplitRule, VisibleSplit
from burnish.domain.feedback import Feedback
from burnish.domain.listing import TraceQuery
from burnish.domain.proposals import Cluster, Proposal, ProposalStatus
from burnish.domain.splitting import Placed
from burnish.domain.traces import Trace

if TYPE_CHECKING:
    from burnish.adapters.store.store import Store

__all__ = ["OpenClusters", "OpenDatasets", "OpenFeedback", "OpenProposals", "OpenStore", "OpenTraces"]


class OpenTraces:
    """Production traces that are neither behind a held-out example nor have the input of one."""

    __slots__ = ("__database", "__traces")

    def __init__(self, store: "Store") -> None:
        self.__database = store._database
        self.__traces = store.traces

    def visible(self, trace_ids: Collection[str]) -> set[str]:
        """Those of the ids that may be looked at."""
        with self.__database.read() as connection:
            return unsealed(connection, list(trace_ids))

    def ids(self, query: TraceQuery) -> list[str]:
        """Ids of the visible production traces that fit, newest first, whatever the query says of those two."""
        return self.__traces.ids(query.model_copy(update={"visible": True, "origin": "production"}))

    def load(self, trace_ids: Sequence[str]) -> Iterator[Trace]:
        """The visible ones of the traces in the order asked; the others are skipped as unknown ids are."""
        allowed = self.visible(trace_ids)
        return self.__traces.load([one for one in trace_ids if one in allowed])


class OpenFeedback:
    """What was said of visible traces."""

    __slots__ = ("__feedback", "__traces")

    def __init__(self, store: "Store", traces: OpenTraces) -> None:
        self.__feedback = store.feedback
        self.__traces = traces

    def for_traces(self, trace_ids: Sequence[str]) -> dict[str, list[Feedback]]:
        """Feedback by trace, oldest first; every id asked for is a key, with nothing where the trace is not visible."""
        allowed = self.__traces.visible(trace_ids)
        said = self.__feedback.for_traces([one for one in trace_ids if one in allowed])
        return {one: said.get(one, []) for one in trace_ids}

    def corrections(self, agent: str) -> list[Feedback]:
        """The newest correction a person gave to each visible trace of the agent, oldest first."""
        found = self.__feedback.corrections(agent)
        allowed = self.__traces.visible([item.trace_id for item in found])
        return [item for item in found if item.trace_id in allowed]

    def criteria(self, agent: str) -> dict[str, tuple[str, ...]]:
        """What people said a good output must meet, by visible trace of the agent."""
        found = self.__feedback.criteria(agent)
        allowed = self.__traces.visible(list(found))
        return {trace_id: texts for trace_id, texts in found.items() if trace_id in allowed}


class OpenDatasets:
    """Train and dev examples; held-out ones go in and only counts come out."""

    __slots__ = ("__datasets",)

    def __init__(self, store: "Store") -> None:
        self.__datasets = store.datasets

    def examples(self, agent: str, name: str, split: VisibleSplit) -> list[Example]:
        """Train or dev examples in use, oldest first. Raises InputError for the held-out split."""
        return self.__datasets.examples(agent, name, split)

    def place(
        self, agent: str, name: str, examples: Sequence[Example], rule: SplitRule, shown: Sequence[Placed] = ()
    ) -> Placement:
        """Find the split of each example and add it."""
        return self.__datasets.place(agent, name, examples, rule, shown)

    def refresh_sealed(self, agent: str, name: str) -> int:
        """Give held-out examples the newest corrections; how many that changed."""
        return self.__datasets.refresh_sealed(agent, name)

    def sealed_origins(self, agent: str, name: str) -> dict[str, int]:
        """How many held-out examples came from corrections, failing and passing traces."""
        return self.__datasets.sealed_origins(agent, name)

    def hidden(self, agent: str, name: str, traces: Sequence[Trace], rule: SplitRule) -> set[str]:
        """Ids of those traces that would give a held-out example away."""
        return self.__datasets.hidden(agent, name, traces, rule)

    def group_count(self, agent: str, name: str) -> int:
        """How many groups there are over all splits."""
        return len(self.__datasets.groups(agent, name))


class OpenClusters:
    """Clusters, which are made of visible traces only."""

    __slots__ = ("__clusters",)

    def __init__(self, store: "Store") -> None:
        self.__clusters = store.clusters

    def save(self, agent: str, night: str, clusters: Sequence[Cluster]) -> None:
        """Replace the clusters of this agent and night."""
        self.__clusters.save(agent, night, clusters)

    def previous(self, agent: str, night: str) -> list[Cluster]:
        """Clusters of the newest earlier night that had any, largest first."""
        return self.__clusters.previous(agent, night)

    def list(self, agent: str, night: str) -> list[Cluster]:
        """Clusters of one night, largest first."""
        return self.__clusters.list(agent, night)

    def members(self, agent: str) -> set[str]:
        """Ids of all traces that any cluster of the agent ever held."""
        return self.__clusters.members(agent)


class OpenProposals:
    """Which diffs were drafted, and none of what was measured or decided about them."""

    __slots__ = ("__proposals",)

    def __init__(self, store: "Store") -> None:
        self.__proposals = store.proposals

    def add(self, items: Sequence[Proposal]) -> None:
        """Store proposals; one that is there stays as it is."""
        self.__proposals.add(items)

    def list(self, agent: str) -> list[Proposal]:
        """The agent's proposals, newest first, as they were drafted: those that apply as drafted, whatever came after.

        Whether the gate accepted a proposal says how held-out examples came out.
        """
        return [_as_drafted(item) for item in self.__proposals.list(agent)]


class OpenStore:
    """What may be read and written while nothing that is held out may be known."""

    __slots__ = ("clusters", "datasets", "feedback", "proposals", "traces")

    def __init__(self, store: "Store") -> None:
        self.traces = OpenTraces(store)
        self.feedback = OpenFeedback(store, self.traces)
        self.datasets = OpenDatasets(store)
        self.clusters = OpenClusters(store)
        self.proposals = OpenProposals(store)


def _as_drafted(item: Proposal) -> Proposal:
    if item.status is ProposalStatus.INVALID:
        return item
    return item.model_copy(update={"status": ProposalStatus.DRAFTED, "status_reason": ""})
