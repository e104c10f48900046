"""What the pages find on the application."""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import State
from starlette.requests import Request

from burnish.drivers.web.kept import Kept
from burnish.loop.aligning.week import agent_of
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.domain.evaluators.base import Evaluator

__all__ = [
    "agent_filter",
    "all_agents",
    "config_of",
    "config_stamp",
    "evaluators_of",
    "fail_below",
    "kept_of",
    "known_agents",
    "store_of",
    "threshold",
]

RECENT = 100


def store_of(request: Request) -> "Store":
    """The store of the application."""
    store: Store = request.app.state.store
    return store


def kept_of(state: State) -> Kept:
    """The figures that take long to count."""
    kept: Kept = state.kept
    return kept


def known_agents(request: Request) -> list[str]:
    """The project's agents, and those that traces and recent nights name, sorted."""
    return all_agents(request.app.state)


def all_agents(state: State) -> list[str]:
    """`known_agents`, of an application's state."""
    store: Store = state.store
    names = set(state.agents)
    names |= set(map(agent_of, store.nights.agents(RECENT)))
    names |= set(store.traces.known_agents())
    return sorted(names)


def agent_filter(request: Request) -> str | None:
    """The agent asked for in the address, or None for all."""
    return request.query_params.get("agent") or None


def config_of(state: State, agent: str | None) -> AgentConfig | None:
    """The agent's file, if the project has one."""
    config: AgentConfig | None = state.agents.get(agent)
    return config


def threshold(request: Request, agent: str | None) -> float:
    """The score under which a trace of the agent counts as failing."""
    return fail_below(request.app.state, agent)


def fail_below(state: State, agent: str | None) -> float:
    """`threshold`, of an application's state."""
    config = config_of(state, agent)
    return config.improve.fail_below if config is not None else 0.5


def evaluators_of(state: State, agent: str) -> "list[Evaluator]":
    """The evaluators that the project's files give an agent, with their judge models; none without a file of it.

    Reads files: for what is kept. Raises ConfigError where one is wrong.
    """
    from burnish.loop.agent_evaluators import agent_evaluators

    config, settings = config_of(state, agent), state.settings
    folder: Path = settings.project / "config" / "evaluators"
    if config is None or not folder.is_dir():
        return []
    return agent_evaluators(config, settings)


def config_stamp(state: State) -> tuple[tuple[str, int], ...]:
    """Something that differs once a file of evaluators, rubrics or queues has changed."""
    config: Path = state.settings.project / "config"
    files = [*config.glob("evaluators/*.yaml"), *config.glob("rubrics/*.yaml"), config / "queues.yaml"]
    return tuple(sorted((str(file), file.stat().st_mtime_ns) for file in files if file.is_file()))
