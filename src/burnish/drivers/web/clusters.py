"""Pages of failure clusters."""

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.proposals import Cluster
from burnish.drivers.web.render import address, page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of

__all__ = ["show", "show_list"]

SHOWN = 50


def show_list(request: Request) -> Response:
    """The clusters of each agent's newest night, or of the night in the address."""
    agent = agent_filter(request)
    night = request.query_params.get("night") or None
    clusters = store_of(request).clusters.list(agent=agent, night=night)
    largest = max((cluster.size for cluster in clusters), default=1)
    return page(
        request,
        "clusters.html",
        clusters=clusters,
        largest=largest,
        agents=known_agents(request),
        asked={"agent": agent or "", "night": night or ""},
    )


def show(request: Request) -> Response:
    """One cluster with its traces and the proposals that came from it."""
    store = store_of(request)
    cluster = store.clusters.get(request.path_params["cluster_id"])
    limit = len(cluster.trace_ids) if request.query_params.get("all") == "1" else SHOWN
    proposals = [
        proposal for proposal in store.proposals.list(agent=cluster.agent) if cluster.id in proposal.cluster_ids
    ]
    return page(
        request,
        "cluster.html",
        cluster=cluster,
        traces=list(store.traces.load(cluster.trace_ids[:limit])),
        left=max(0, len(cluster.trace_ids) - limit),
        proposals=proposals,
        more=address(request, all="1"),
        before=_before(store.clusters.previous(cluster.agent, cluster.night), cluster),
    )


def _before(previous: list[Cluster], cluster: Cluster) -> int | None:
    """How large the same cluster was on the night before, if it was there."""
    return next((old.size for old in previous if old.id == cluster.id), None)
