"""The agent is a Python function: module:function, called in worker processes inside the version's folder."""

import asyncio
import base64
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from burnish.adapters.targets.exchange import ProcessTarget
from burnish.adapters.targets.outcome import RunRecord
from burnish.adapters.targets.process import AgentProcess, ProcessDiedError
from burnish.adapters.targets.spans import ParseSpans, read_spans
from burnish.domain.base import utc_now
from burnish.domain.experiments import AgentVersion, RunOutcome
from burnish.errors import TargetError
from burnish.project import TargetConfig

__all__ = ["PythonTarget", "is_infrastructure"]

IMPORT_TIMEOUT_S = 120.0

# Class names that say the world around the agent failed, whatever library raised them: openai, anthropic, httpx,
# requests, the standard library.
_INFRASTRUCTURE = frozenset(
    {
        "APIConnectionError",
        "APITimeoutError",
        "ConnectError",
        "ConnectTimeout",
        "ConnectionError",
        "InternalServerError",
        "OverloadedError",
        "RateLimitError",
        "ReadTimeout",
        "ServiceUnavailableError",
        "TimeoutError",
        "TimeoutException",
        "gaierror",
    }
)


def is_infrastructure(names: Sequence[str]) -> bool:
    """Whether an exception with these class names (its own, its bases', its causes') is no fault of the agent's."""
    return not _INFRASTRUCTURE.isdisjoint(names)


class PythonTarget(ProcessTarget):
    """Calls `entrypoint` with the example's input.

    Workers run under this interpreter, with the version's folder as working folder and first on the import path.
    Exceptions of the network or the model's endpoint leave the run unmeasured; any other is the agent's failure.
    What OpenTelemetry spans the agent makes become the trace's. The salt goes no further than the worker.
    """

    def __init__(
        self,
        config: TargetConfig,
        environ: Mapping[str, str],
        *,
        agent: str = "agent",
        parse_spans: ParseSpans | None = None,
    ) -> None:
        module, _, function = (config.entrypoint or "").partition(":")
        if not module or not function:
            raise TargetError('kind = "python" needs `entrypoint`, for example "my_agent.app:answer"')
        self._entrypoint = f"{module}:{function}"
        super().__init__(config, environ, agent=agent, parse_spans=parse_spans)

    def _outcome(self, record: RunRecord, answer: Mapping[str, Any]) -> RunOutcome:
        ended_at = utc_now()
        encoded = answer.get("spans")
        spans, note = read_spans(base64.b64decode(encoded) if encoded else None, self._parse_spans)
        exception = answer.get("exception")
        if exception is None:
            return record.answered(answer.get("output"), ended_at, spans, note)
        text = f"{exception['type']}: {exception['message']}"
        if is_infrastructure(exception["names"]):
            return record.unmeasured(text)
        return record.failed(text, ended_at, spans, note)

    async def _start(self, version: AgentVersion) -> AgentProcess:
        worker = str(Path(__file__).with_name("worker.py"))
        root = str(version.root.resolve())
        # -B: bytecode would make the worktree differ from its commit.
        argv = [sys.executable, "-B", worker, root, self._entrypoint, "{fd}", str(os.getpid())]
        process = await AgentProcess.start(argv, version.root, self._environment, over_stdio=False)
        try:
            async with asyncio.timeout(IMPORT_TIMEOUT_S):
                hello = await process.receive()
        except (TimeoutError, ProcessDiedError) as error:
            tail = process.tail() or "none"
            await process.kill()
            what = "takes too long" if isinstance(error, TimeoutError) else f"failed: {error}"
            raise TargetError(f"importing '{self._entrypoint}' {what}; last output: {tail}") from error
        except BaseException:
            await asyncio.shield(process.kill())
            raise
        if "import_error" in hello:
            await process.kill()
            problem = hello["import_error"]
            raise TargetError(
                f"cannot import '{self._entrypoint}': {problem['type']}: {problem['message']}; the import path starts "
                f"at the agent's repository, where only committed files are\n{problem['traceback']}"
            )
        return process
