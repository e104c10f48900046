"""Pages of nights."""

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from burnish.drivers.web.render import page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of
from burnish.loop.aligning.week import with_judges
from burnish.loop.candidates import taken_up

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.domain.proposals import Proposal

__all__ = ["show", "show_list"]

SHOWN = 100


def show_list(request: Request) -> Response:
    """Nights, and the weeks in which judges were improved, newest first."""
    agent = agent_filter(request)
    return page(
        request,
        "nights.html",
        nights=store_of(request).nights.list(agent=with_judges(agent), limit=SHOWN),
        agents=known_agents(request),
        asked={"agent": agent or ""},
    )


def show(request: Request) -> Response:
    """One night: its report, its stages, what its model calls cost, and what came of it."""
    store = store_of(request)
    agent, date = request.path_params["agent"], request.path_params["date"]
    night = store.nights.get(f"{agent}/{date}")
    report = night.stages.get("report", {}).get("markdown")
    return page(
        request,
        "night.html",
        night=night,
        report=report if isinstance(report, str) else None,
        stages=[(name, _facts(summary)) for name, summary in night.stages.items() if name != "report"],
        calls=store.calls.totals(night.id),
        clusters=store.clusters.list(agent=agent, night=night.id),
        proposals=_proposals(store, agent, night.id),
        experiments=store.experiments.list(agent=agent, night=night.id),
    )


def _proposals(store: "Store", agent: str, night: str) -> "list[Proposal]":
    """What the night drafted, newest first, and what it took up from earlier ones."""
    drafted = store.proposals.list(agent=agent, night=night)
    known = {proposal.id for proposal in drafted}
    return [*drafted, *(store.proposals.get(i) for i in taken_up(store, night).proposals if i not in known)]


def _facts(summary: dict[str, Any]) -> list[tuple[str, Any]]:
    """Single values first; what is nested comes after them."""
    plain = [(key, value) for key, value in summary.items() if not isinstance(value, dict | list)]
    return plain + [(key, value) for key, value in summary.items() if isinstance(value, dict | list)]
