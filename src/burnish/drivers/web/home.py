"""The first page: every agent at a glance."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.listing import MetricSummary, TraceQuery
from burnish.domain.nights import Night
from burnish.domain.proposals import PullRequest, PullRequestState
from burnish.drivers.web.counts import summary_of
from burnish.drivers.web.kept import Found
from burnish.drivers.web.render import page
from burnish.drivers.web.wiring import known_agents, store_of
from burnish.loop.aligning.week import with_judges

__all__ = ["show"]


@dataclass(frozen=True, slots=True)
class AgentCard:
    """One agent: how many traces, its newest scores, clusters, nights and open pull requests."""

    name: str
    configured: bool
    metric: str | None
    traces: int
    metrics: Found[list[MetricSummary]]
    clusters: int
    nights: list[Night]
    open_pulls: list[PullRequest]


def show(request: Request) -> Response:
    """The agents with their last nights, open pull requests and counts."""
    store = store_of(request)
    configured = request.app.state.agents
    cards = [
        AgentCard(
            name=name,
            configured=name in configured,
            metric=configured[name].improve.fails_on if name in configured else None,
            traces=store.traces.count(TraceQuery(agent=name)),
            metrics=summary_of(request, name),
            clusters=len(store.clusters.list(agent=name)),
            nights=store.nights.list(agent=name, limit=5),
            open_pulls=store.pull_requests.list(agent=with_judges(name), state=PullRequestState.OPEN),
        )
        for name in known_agents(request)
    ]
    return page(
        request,
        "home.html",
        cards=cards,
        pending=any(card.metrics.pending for card in cards),
        host=request.headers.get("host", ""),
    )
