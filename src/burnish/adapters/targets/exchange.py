"""What the targets with processes of their own share: one question, one answer, and what a broken exchange means."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from burnish.adapters.targets.environment import agent_environment
from burnish.adapters.targets.outcome import RunRecord
from burnish.adapters.targets.pool import ProcessPool
from burnish.adapters.targets.process import AgentProcess, ProcessDiedError
from burnish.adapters.targets.spans import ParseSpans
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion, RunOutcome
from burnish.errors import TargetError
from burnish.project import TargetConfig

__all__ = ["ProcessTarget"]


class ProcessTarget:
    """Runs an agent in long-lived processes, `concurrency` runs at once, each process serving many runs.

    A time-out or a process ended by a signal leaves the run unmeasured; a process that exits by itself is the agent's
    failure. `environ` is our own environment, of which the agent gets what `agent_environment` says. To be used
    inside one event loop and closed with `aclose`.
    """

    def __init__(
        self,
        config: TargetConfig,
        environ: Mapping[str, str],
        *,
        agent: str = "agent",
        parse_spans: ParseSpans | None = None,
    ) -> None:
        self._config = config
        self._agent = agent
        self._parse_spans = parse_spans
        self._home = tempfile.TemporaryDirectory(prefix="burnish-agent-")
        try:
            self._environment = agent_environment(config, environ, Path(self._home.name))
        except TargetError:
            self._home.cleanup()
            raise
        self._pool = ProcessPool(config.concurrency, self._start)
        self._count = 0

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        """Run the agent once. Raises TargetError where it cannot be started at all."""
        self._count += 1
        number = str(self._count)
        # Made anew once a process is free: the wait for one is no part of the agent's time.
        record = RunRecord(self._agent, version, example, salt, utc_now())
        try:
            async with self._pool.process(version) as process:
                record = RunRecord(self._agent, version, example, salt, utc_now())
                answer = await self._exchange(process, {"id": number, "input": example.input, "salt": salt})
        except _BrokenExchangeError as broken:
            reason = str(broken)
            return record.unmeasured(reason) if broken.unmeasured else record.failed(reason, utc_now())
        return self._outcome(record, answer)

    async def aclose(self) -> None:
        """Kill the processes and remove their home folder."""
        await self._pool.aclose()
        self._home.cleanup()

    async def _exchange(self, process: AgentProcess, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._config.timeout_s):
                await process.send(message)
                answer = await process.receive()
                while answer.get("id") != message["id"]:  # a print that happens to be JSON
                    answer = await process.receive()
                return answer
        except TimeoutError as error:
            reason = f"no answer within {self._config.timeout_s:g} s"
            raise _BrokenExchangeError(reason + _quote(process), unmeasured=True) from error
        except ProcessDiedError as error:
            reason = f"the agent's process broke off: {error}"
            raise _BrokenExchangeError(reason + _quote(process), unmeasured=process.signalled) from error

    def _outcome(self, record: RunRecord, answer: Mapping[str, Any]) -> RunOutcome:
        raise NotImplementedError

    async def _start(self, version: AgentVersion) -> AgentProcess:
        raise NotImplementedError


class _BrokenExchangeError(Exception):
    """Leaves the pool's block, so that the pool kills the process."""

    def __init__(self, reason: str, *, unmeasured: bool) -> None:
        super().__init__(reason)
        self.unmeasured = unmeasured


def _quote(process: AgentProcess) -> str:
    tail = process.tail()
    return f"; last output: {tail}" if tail else ""
