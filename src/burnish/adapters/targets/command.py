"""The agent is a program: it reads `{"id", "input", "salt"}` lines and writes `{"id", "output" | "error"}` lines."""

import json
from collections.abc import Mapping
from typing import Any

from burnish.adapters.targets.exchange import ProcessTarget
from burnish.adapters.targets.outcome import RunRecord
from burnish.adapters.targets.process import AgentProcess
from burnish.adapters.targets.spans import ParseSpans, read_spans
from burnish.domain.base import utc_now
from burnish.domain.experiments import AgentVersion, RunOutcome
from burnish.errors import TargetError
from burnish.project import TargetConfig

__all__ = ["CommandTarget"]


class CommandTarget(ProcessTarget):
    """Speaks JSON lines with `command`, started in the version's folder.

    An answer holds the question's `id`, and `output` or `error`: a text, the agent's failure, or unmeasured with
    `"transient": true` beside it. It may hold `trace`, an OTLP/JSON object (`{"resourceSpans": …}`). Other lines on
    stdout count as prints.
    """

    def __init__(
        self,
        config: TargetConfig,
        environ: Mapping[str, str],
        *,
        agent: str = "agent",
        parse_spans: ParseSpans | None = None,
    ) -> None:
        if not config.command:
            raise TargetError('kind = "command" needs `command`, for example ["node", "agent.js"]')
        super().__init__(config, environ, agent=agent, parse_spans=parse_spans)

    def _outcome(self, record: RunRecord, answer: Mapping[str, Any]) -> RunOutcome:
        ended_at = utc_now()
        trace = answer.get("trace")
        payload = json.dumps(trace).encode() if isinstance(trace, dict) else None
        spans, note = read_spans(payload, self._parse_spans)
        error = answer.get("error")
        if error is None:
            return record.answered(answer.get("output"), ended_at, spans, note)
        if answer.get("transient") is True:
            return record.unmeasured(str(error))
        return record.failed(str(error), ended_at, spans, note)

    async def _start(self, version: AgentVersion) -> AgentProcess:
        return await AgentProcess.start(self._config.command, version.root, self._environment, over_stdio=True)
