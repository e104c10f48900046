"""The composition root: wires one agent's ports once from Settings and its file.

Steps get a `Workshop` and ask it for what they need; nothing is opened before it is asked for. Only this module and
`settings` read the environment.
"""

import asyncio
import datetime as dt
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.domain.base import Value, content_hash, utc_now
from burnish.domain.chat import ChatModel
from burnish.domain.datasets import Example
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.experiments import AgentVersion, RunOutcome
from burnish.domain.traces import Trace
from burnish.errors import ConfigError
from burnish.loop.agent_evaluators import agent_evaluators, judge_models
from burnish.loop.lease import hold
from burnish.loop.metrics import check_metrics
from burnish.loop.screen import ScreenedTarget, Screens
from burnish.project import AgentConfig, ModelConfig, agent_names, load_agent
from burnish.settings import Settings

if TYPE_CHECKING:
    from burnish.adapters.llm.budget import Budget
    from burnish.adapters.llm.embedded import EmbeddedServer
    from burnish.adapters.llm.lanes import Lanes
    from burnish.adapters.llm.registry import NightModel
    from burnish.adapters.publishing.git import AgentRepository
    from burnish.adapters.sources import Source, WindowedSource
    from burnish.adapters.store import OpenStore, Store
    from burnish.adapters.targets.registry import OfflineTarget
    from burnish.domain.forges import Forge

__all__ = [
    "Endpoint",
    "Workshop",
    "booked_night",
    "endpoint_tokens",
    "open_source",
    "open_store",
    "open_workshop",
    "project_agents",
]

_servers: dict[Path, "EmbeddedServer"] = {}


class Endpoint(Value):
    """Where a model answers."""

    base_url: str | None
    api_key: str
    model: str
    local: bool = False


def project_agents(settings: Settings | None = None) -> list[str]:
    """The agents of the project.

    Raises ConfigError where there are none.
    """
    settings = settings or Settings()
    found = agent_names(settings.project)
    if not found:
        raise ConfigError(f"no agents in {settings.project.resolve() / 'config' / 'agents'}; `burnish init` writes one")
    return found


def open_store(settings: Settings | None = None) -> "Store":
    """The store the settings name, migrated to this version."""
    from burnish.adapters.store import Store

    return Store.open((settings or Settings()).store_url)


def open_source(settings: Settings, config: AgentConfig) -> "Source | WindowedSource":
    """Where an agent's traces come from; a WindowedSource is the caller's to close.

    Raises ConfigError where the agent's [source] is wrong.
    """
    from burnish.adapters.sources import SourceContext, open_source

    return open_source(SourceContext(config.source, config.name, settings.project, settings.variable))


def endpoint_tokens(settings: Settings, agents: Mapping[str, AgentConfig]) -> dict[str, str]:
    """The token each agent sends its traces with, of those whose source is the endpoint and names a variable.

    Raises ConfigError where a named variable is not set: without its token an agent's endpoint would stand open.
    """
    tokens: dict[str, str] = {}
    for name, config in agents.items():
        variable = config.source.api_key_env
        if config.source.kind == "endpoint" and variable:
            tokens[name] = settings.variable(variable) or ""
            if not tokens[name]:
                raise ConfigError(
                    f"[source] of agent '{name}' names the environment variable {variable}, which is not set"
                )
    return tokens


@asynccontextmanager
async def booked_night(agent: str, day: dt.date | None = None) -> AsyncIterator[str]:
    """Begin or take up a night of `agent`, hold its lease while the block runs, and give its id.

    Without a date: the agent's unfinished night of the last day, else today's (UTC).
    """
    with open_store() as store:
        load_agent(Settings().project, agent)
        if day is None:
            unfinished = store.nights.unfinished(agent)
            recent = unfinished is not None and utc_now() - unfinished.started_at < dt.timedelta(days=1)
            day = dt.date.fromisoformat(unfinished.date) if unfinished is not None and recent else utc_now().date()
        night = store.nights.begin(agent, day)
        async with hold(store, night.id):
            yield night.id


@asynccontextmanager
async def open_workshop(agent: str, night: str, settings: Settings | None = None) -> AsyncIterator["Workshop"]:
    """Open what a stage of `night` needs and close it again."""
    settings = settings or Settings()
    config = load_agent(settings.project, agent)
    with open_store(settings) as store:
        workshop = Workshop(settings, config, store, night)
        try:
            yield workshop
        finally:
            await workshop.aclose()


class _WithinBudget:
    """An agent that calls its model by itself reserves nothing, so it is asked here whether anything is left.

    Asked once there is a place for the run, of which there are `places`: what waits has spent nothing yet.
    """

    def __init__(self, target: "OfflineTarget", budget: "Budget", places: int) -> None:
        self._target = target
        self._budget = budget
        self._places = asyncio.Semaphore(places)

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        """Run the agent, or raise BudgetExceededError once its calls so far have spent the budget."""
        async with self._places:
            self._budget.check()
            return await self._target.run(version, example, salt)

    async def aclose(self) -> None:
        """Nothing of its own; the workshop closes the agent."""


class Workshop:
    """One agent's ports for one night."""

    def __init__(self, settings: Settings, config: AgentConfig, store: "Store", night: str) -> None:
        self.settings = settings
        self.config = config
        self.store = store
        self.night = night
        self._closing = AsyncExitStack()
        self._models: list[NightModel] = []

    async def aclose(self) -> None:
        """Close whatever was opened."""
        await self._closing.aclose()

    @cached_property
    def open_store(self) -> "OpenStore":
        """The part of the store for curating, discovering and proposing, which nothing held out can be asked of."""
        from burnish.adapters.store import OpenStore

        return OpenStore(self.store)

    @cached_property
    def budget(self) -> "Budget":
        """What this night may spend, less what it has spent before."""
        from burnish.adapters.llm.budget import Budget

        calls, dollars = self.store.calls.spent(self.night)
        return Budget(self.config.budget, spent_calls=calls, spent_usd=dollars)

    @cached_property
    def _lanes(self) -> "dict[str | None, Lanes]":
        """Calls in flight at once, by endpoint."""
        from burnish.adapters.llm.lanes import Lanes

        return defaultdict(lambda: Lanes(self.settings.model_concurrency))

    @cached_property
    def evaluators(self) -> list[Evaluator]:
        """The agent's evaluators.

        Raises ConfigError where the metric to improve is not among them.
        """
        found = agent_evaluators(self.config, self.settings)
        check_metrics(self.config, found)
        return found

    @cached_property
    def judge(self) -> ChatModel:
        """The model that judges, and behind it those that judges may name."""
        from burnish.adapters.llm.routed import RoutedModel

        named = judge_models(self.config, self.settings).named
        usual = self._model("judge")
        return RoutedModel(usual, {label: self._model(alias) for alias, label in named.items()}) if named else usual

    @cached_property
    def proposer(self) -> ChatModel:
        """The model that names clusters and drafts proposals."""
        return self._model("proposer")

    @cached_property
    def target(self) -> "OfflineTarget":
        """The way to run the agent offline."""
        from burnish.adapters.sources.otlp import spans_from_body
        from burnish.adapters.targets.registry import open_target

        config = self.config.target
        target = open_target(
            config.model_copy(update={"environment": self._environment(config.environment)}),
            self.config.name,
            model=lambda: self._model("target"),
            parse_spans=spans_from_body,
            environ=dict(os.environ),
            temperature=self._model_config("target").temperature,
            max_tokens=self._model_config("target").max_tokens,
        )
        self._closing.push_async_callback(target.aclose)
        found = target if config.kind == "prompt" else _WithinBudget(target, self.budget, config.concurrency)
        return ScreenedTarget(found, self.screens.of(self.config.name))

    @cached_property
    def screens(self) -> Screens:
        """What is taken out of traces and feedback before they are stored, judged or shown to a model."""
        return Screens([self.config])

    def open_source(self) -> "Source | WindowedSource":
        """Where the agent's traces come from, opened anew; a WindowedSource is the caller's to close."""
        return open_source(self.settings, self.config)

    @cached_property
    def embedder(self) -> Any:
        """The embedder of the agent's file."""
        from burnish.domain.clustering.embed import open_embedder

        return open_embedder(self.config.cluster.embedder)

    @cached_property
    def repository(self) -> "AgentRepository":
        """The agent's repository, fetched."""
        from burnish.adapters.publishing.registry import open_repository

        repository = open_repository(self.config, self.settings)
        self._closing.callback(repository.close)
        return repository

    @cached_property
    def forge(self) -> "Forge":
        """Where pull requests go."""
        from burnish.adapters.publishing.registry import open_forge

        forge = open_forge(self.config, self.store.pull_requests, self.settings)
        close = getattr(forge, "close", None)
        if close is not None:
            self._closing.callback(close)
        return forge

    @cached_property
    def base_commit(self) -> str:
        """The commit this night works against, fixed when first asked for: a later push does not mix versions."""
        booked = self.store.nights.get(self.night).stages.get("base")
        if booked is None:
            booked = {"commit": self.repository.base_commit}
            self.store.nights.save_stage(self.night, "base", booked)
        return str(booked["commit"])

    async def book_calls(self) -> None:
        """Store what the models of this workshop have answered so far, with its price."""
        for model in self._models:
            await model.flush()

    def accounts(self, trace: Trace) -> None:
        """Book the calls that the agent made by itself; the prompt target's go through our own port."""
        if self.config.target.kind == "prompt":
            return
        for span in trace.model_calls():
            self.store.calls.record(
                purpose="target",
                model=span.model or "",
                usage=span.usage or trace.usage,
                cost_usd=span.cost_usd,
                latency_s=span.latency_s or 0.0,
                night=self.night,
                key=f"{trace.trace_id}/{span.span_id}",
            )
            self.budget.charge(1, span.cost_usd)

    def endpoint(self, role: str) -> Endpoint:
        """Where the model of a role answers: the agent's file, then the settings, then the embedded model."""
        config = self._model_config(role)
        settings = self.settings
        name = config.name or settings.model
        if config.base_url or config.api_key_env or settings.model_base_url or settings.model_api_key:
            # The settings' key belongs to the settings' endpoint: another host named in the file never gets it.
            ours = settings.model_api_key is not None and config.base_url in (None, settings.model_base_url)
            key = settings.model_api_key.get_secret_value() if ours and settings.model_api_key else "none"
            if config.api_key_env:
                key = settings.variable(config.api_key_env) or ""
                if not key:
                    raise ConfigError(f"[models.{role}] names api_key_env = '{config.api_key_env}', which is not set")
            if name is None:
                raise ConfigError(f"no model is named: set name in [models.{role}] or BURNISH_MODEL")
            return Endpoint(base_url=config.base_url or settings.model_base_url, api_key=key, model=name)
        return self._embedded()

    @property
    def models_print(self) -> str:
        """Hash of what decides which models answer and how: runs under another one are no runs of this measurement."""
        settings = self.settings
        roles = {role: model.model_dump(mode="json") for role, model in self.config.models.items()}
        return content_hash(roles, settings.model_base_url, settings.model, settings.embedded_model)

    def _model_config(self, role: str) -> ModelConfig:
        return self.config.models.get(role) or self.config.models.get("target") or ModelConfig()

    def _embedded(self) -> Endpoint:
        from burnish.adapters.llm import weights
        from burnish.adapters.llm.embedded import EmbeddedServer

        name = self.settings.embedded_model
        path = weights.find(name, self.settings.models_dir.expanduser())
        if path is None:
            raise ConfigError(
                "no model is configured and the embedded one is not here yet: run `burnish model fetch`, "
                "or set BURNISH_MODEL_BASE_URL and BURNISH_MODEL_API_KEY"
            )
        server = _servers.get(path)
        if server is None:  # one server a process, shared by all stages; it ends with the process
            server = _servers[path] = EmbeddedServer(path, alias=name)
            server.start()
        return Endpoint(base_url=server.base_url, api_key="none", model=name, local=True)

    def _model(self, role: str) -> ChatModel:
        from burnish.adapters.llm.registry import open_model

        endpoint = self.endpoint(role)
        model = open_model(
            endpoint.model,
            self._model_config(role),
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            local=endpoint.local,
            lanes=self._lanes[endpoint.base_url],
            timeout_s=self.settings.model_timeout_s,
            budget=self.budget,
            cache=self.store.calls,
            night=self.night,
            accounts=self.store.calls,
        )
        self._closing.push_async_callback(model.aclose)
        self._models.append(model)
        return model

    def _environment(self, given: dict[str, str]) -> dict[str, str]:
        """Fill the `$model.*` values of an agent's environment, so that it calls the model burnish was given."""
        if not any(value.startswith("$model.") for value in given.values()):
            return given
        endpoint = self.endpoint("target")
        known = {
            "$model.base_url": endpoint.base_url or "https://api.openai.com/v1",
            "$model.api_key": endpoint.api_key,
            "$model.name": endpoint.model,
        }
        unknown = sorted(value for value in given.values() if value.startswith("$model.") and value not in known)
        if unknown:
            raise ConfigError(f"[target.environment] has {unknown[0]}; known are {', '.join(known)}")
        return {name: known.get(value, value) for name, value in given.items()}
