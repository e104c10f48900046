"""Pages of datasets: what they hold, how they changed, how used they are. Held-out examples are only counted."""

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.datasets import Split, SplitRule
from burnish.domain.wear import worn_text
from burnish.drivers.web.render import page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of

__all__ = ["show", "show_list"]


def show_list(request: Request) -> Response:
    """Datasets with their examples by split."""
    agent = agent_filter(request)
    return page(
        request,
        "datasets.html",
        datasets=store_of(request).datasets.list(agent),
        splits=list(Split),
        agents=known_agents(request),
        asked={"agent": agent or ""},
    )


def show(request: Request) -> Response:
    """One dataset: versions and wear."""
    store = store_of(request)
    agent, name = request.path_params["agent"], request.path_params["name"]
    dataset = store.datasets.get(agent, name)
    config = request.app.state.agents.get(agent)
    wear = store.datasets.wear(agent, name, config.splits if config is not None else SplitRule())
    return page(
        request,
        "dataset.html",
        dataset=dataset,
        splits=list(Split),
        versions=store.datasets.versions(agent, name),
        wear=wear,
        warning=worn_text(wear),
    )
