"""Pages of proposals."""

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.proposals import Cluster, ProposalStatus
from burnish.drivers.diffs import diff_files
from burnish.drivers.web.effect import effect_picture
from burnish.drivers.web.render import page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of
from burnish.errors import NotFoundError
from burnish.loop.aligning.week import with_judges

__all__ = ["show", "show_list"]


def show_list(request: Request) -> Response:
    """Proposals, newest first, filtered by agent, night and status."""
    agent = agent_filter(request)
    night = request.query_params.get("night") or None
    known = [status.value for status in ProposalStatus]
    status = request.query_params.get("status")
    status = status if status in known else None
    return page(
        request,
        "proposals.html",
        proposals=store_of(request).proposals.list(
            agent=with_judges(agent), night=night, status=ProposalStatus(status) if status else None
        ),
        agents=known_agents(request),
        statuses=known,
        asked={"agent": agent or "", "night": night or "", "status": status or ""},
    )


def show(request: Request) -> Response:
    """One proposal: diff, evidence, verdict with its reasons."""
    store = store_of(request)
    proposal = store.proposals.get(request.path_params["proposal_id"])
    verdict = store.proposals.verdict(proposal.id)
    pulls = [pull for pull in store.pull_requests.list(agent=proposal.agent) if pull.proposal_id == proposal.id]
    comparison = verdict.comparison if verdict is not None else None
    return page(
        request,
        "proposal.html",
        proposal=proposal,
        files=diff_files(proposal.edits),
        clusters=[found for one in proposal.cluster_ids if (found := _cluster(request, one)) is not None],
        verdict=verdict,
        comparisons=([comparison] if comparison is not None else []) + list(verdict.guards if verdict else ()),
        picture=effect_picture(comparison) if comparison is not None else None,
        pulls=pulls,
    )


def _cluster(request: Request, cluster_id: str) -> Cluster | None:
    try:
        return store_of(request).clusters.get(cluster_id)
    except NotFoundError:
        return None  # a later night may have replaced it
