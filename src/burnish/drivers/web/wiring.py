"""What the pages find on the application."""

from typing import TYPE_CHECKING

from starlette.requests import Request

from burnish.domain.listing import TraceQuery

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["agent_filter", "known_agents", "store_of", "threshold"]

RECENT = 500


def store_of(request: Request) -> "Store":
    """The store of the application."""
    store: Store = request.app.state.store
    return store


def known_agents(request: Request) -> list[str]:
    """The project's agents, and those that recent traces and nights name, sorted."""
    store = store_of(request)
    names = set(request.app.state.agents)
    names |= {night.agent for night in store.nights.list(limit=RECENT)}
    names |= {trace.agent for trace in store.traces.list(TraceQuery(limit=RECENT))}
    return sorted(names)


def agent_filter(request: Request) -> str | None:
    """The agent asked for in the address, or None for all."""
    return request.query_params.get("agent") or None


def threshold(request: Request, agent: str | None) -> float:
    """The score under which a trace of the agent counts as failing."""
    config = request.app.state.agents.get(agent)
    return config.improve.fail_below if config is not None else 0.5
