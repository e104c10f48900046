"""What comes in is screened here before it is stored: files, pulls, the endpoint and offline runs all pass it."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from burnish.domain.base import utc_now
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion, RunOutcome, Target
from burnish.domain.feedback import Feedback
from burnish.domain.redaction import Redactor
from burnish.domain.traces import Trace
from burnish.project import AgentConfig

__all__ = [
    "PreparedTraces",
    "ScreenedTarget",
    "Screens",
    "TakenByPart",
    "default_screens",
    "prepare_feedback",
    "prepare_traces",
]

# Counts of what was taken out, by trace and span ("" for the trace itself).
TakenByPart = dict[tuple[str, str], Counter[str]]


class PreparedTraces(NamedTuple):
    """Traces as they may be stored, what was taken out of their parts, and how many were too old to be kept."""

    traces: list[Trace]
    taken: TakenByPart
    expired: int = 0


class Screens:
    """The rules of each agent; those of an agent without a file are the defaults: secrets and personal data go."""

    def __init__(self, agents: Iterable[AgentConfig] = ()) -> None:
        self._default = Redactor()
        self._agents: dict[str, Redactor] = {}
        self._days: dict[str, float] = {}
        for config in agents:
            self._agents[config.name] = Redactor(config.redaction, config.limits)
            if config.retention.days is not None:
                self._days[config.name] = config.retention.days

    def of(self, agent: str) -> Redactor:
        """The rules for this agent's traces."""
        return self._agents.get(agent, self._default)

    def lets_go(self, agent: str) -> bool:
        """Whether the agent's traces are deleted after a while."""
        return agent in self._days

    def expired(self, trace: Trace, now: dt.datetime) -> bool:
        """Whether a trace is older than its agent's are kept: a source that tells everything would bring it back."""
        days = self._days.get(trace.agent)
        return days is not None and now - trace.started_at > dt.timedelta(days=days)


@cache
def default_screens() -> Screens:
    """The rules of agents without a file."""
    return Screens()


def prepare_traces(screens: Screens, traces: Iterable[Trace], now: dt.datetime | None = None) -> PreparedTraces:
    """The traces without what their agents' rules take out, in order; those past their retention are left out."""
    now = now or utc_now()
    kept: list[Trace] = []
    taken: TakenByPart = {}
    expired = 0
    for trace in traces:
        if screens.expired(trace, now):
            expired += 1
            continue
        after, found = screens.of(trace.agent).trace(trace)
        kept.append(after)
        for part, counts in found.items():
            taken[trace.trace_id, part] = counts
    return PreparedTraces(kept, taken, expired)


def prepare_feedback(
    screens: Screens, agent: str, items: Iterable[Feedback]
) -> tuple[list[Feedback], Mapping[str, int]]:
    """Feedback on an agent's traces without what its rules take out, and the counts of that by detector."""
    redactor = screens.of(agent)
    kept: list[Feedback] = []
    counts: Counter[str] = Counter()
    for item in items:
        after, found = redactor.feedback(item)
        kept.append(after)
        counts += found
    return kept, counts


class ScreenedTarget:
    """The agent, whose answers are screened before they are judged or stored."""

    def __init__(self, target: Target, redactor: Redactor) -> None:
        self._target = target
        self._redactor = redactor

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        """Run the agent; what it says is held against corrections that went through the same rules."""
        outcome = await self._target.run(version, example, salt)
        redact = self._redactor.value
        return outcome.model_copy(
            update={
                "output": redact(outcome.output),
                "error": redact(outcome.error),
                "trace": outcome.trace and self._redactor.trace(outcome.trace).trace,
            }
        )

    async def aclose(self) -> None:
        """Nothing of its own; the workshop closes the agent."""
