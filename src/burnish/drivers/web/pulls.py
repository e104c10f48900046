"""Pages of pull requests; for the local forge they are where its pull requests live."""

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.proposals import Proposal, PullRequest, PullRequestState
from burnish.drivers.diffs import diff_files
from burnish.drivers.web.render import page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of
from burnish.errors import NotFoundError
from burnish.loop.aligning.week import with_judges

__all__ = ["show", "show_list"]


def show_list(request: Request) -> Response:
    """Pull requests, newest first."""
    agent = agent_filter(request)
    state = request.query_params.get("state")
    state = state if state in [one.value for one in PullRequestState] else None
    return page(
        request,
        "pulls.html",
        pulls=store_of(request).pull_requests.list(
            agent=with_judges(agent), state=PullRequestState(state) if state else None
        ),
        agents=known_agents(request),
        asked={"agent": agent or "", "state": state or ""},
    )


def show(request: Request) -> Response:
    """One pull request, by number or id; a number that several agents use gives a list to choose from."""
    store = store_of(request)
    reference = request.path_params["reference"]
    agent = agent_filter(request)
    fitting = _numbered(store.pull_requests.list(agent=with_judges(agent)), reference)
    if len(fitting) > 1:
        return page(
            request,
            "pulls.html",
            pulls=fitting,
            agents=known_agents(request),
            asked={"agent": agent or "", "state": ""},
        )
    pull = fitting[0] if fitting else store.pull_requests.get(reference)
    proposal = _proposal(request, pull.proposal_id)
    return page(
        request,
        "pull.html",
        pull=pull,
        proposal=proposal,
        files=diff_files(proposal.edits) if proposal is not None else [],
    )


def _numbered(pulls: list[PullRequest], reference: str) -> list[PullRequest]:
    number = reference.removeprefix("#")
    return [pull for pull in pulls if pull.number is not None and str(pull.number) == number]


def _proposal(request: Request, proposal_id: str) -> Proposal | None:
    try:
        return store_of(request).proposals.get(proposal_id)
    except NotFoundError:
        return None
