"""Turn what came back from an agent into a RunOutcome with its trace."""

import random
from collections.abc import Sequence
from datetime import datetime

from burnish.domain.base import Json, bare, built
from burnish.domain.datasets import Example
from burnish.domain.experiments import AgentVersion, RunOutcome, RunStatus
from burnish.domain.traces import Span, SpanKind, SpanStatus, Trace

__all__ = ["RunRecord"]

_BARE_SPAN, _BARE_TRACE = bare(Span), bare(Trace)


class RunRecord:
    """One run in the making: its ids, its start, and the outcomes it can end in.

    Trace ids are fresh for every run; a run that is tried again is another trace.
    """

    def __init__(self, agent: str, version: AgentVersion, example: Example, salt: str, started_at: datetime) -> None:
        self._agent = agent
        self._version = version
        self._example = example
        self._salt = salt
        self._started_at = started_at
        # As OpenTelemetry makes its ids: unique, not secret, and without a system call each.
        self.trace_id = f"{random.getrandbits(128):032x}"
        self.root_id = f"{random.getrandbits(64):016x}"

    def answered(
        self, output: Json, ended_at: datetime, spans: Sequence[Span] = (), note: str | None = None
    ) -> RunOutcome:
        """The agent gave an output; nothing at all (None or "") counts as a failure of the agent."""
        if output is None or output == "":
            return self.failed("the agent answered nothing", ended_at, spans, note)
        return RunOutcome(status=RunStatus.OK, output=output, trace=self._trace(output, None, ended_at, spans, note))

    def failed(self, error: str, ended_at: datetime, spans: Sequence[Span] = (), note: str | None = None) -> RunOutcome:
        """The agent itself failed: a wrong answer."""
        return RunOutcome(
            status=RunStatus.AGENT_FAILURE, error=error, trace=self._trace(None, error, ended_at, spans, note)
        )

    def unmeasured(self, reason: str) -> RunOutcome:
        """Something around the agent failed: no answer and no trace, since neither says anything about the agent."""
        return RunOutcome(status=RunStatus.UNMEASURED, error=reason)

    def _trace(
        self, output: Json, error: str | None, ended_at: datetime, spans: Sequence[Span], note: str | None
    ) -> Trace:
        status = SpanStatus.OK if error is None else SpanStatus.ERROR
        # Not validated: `answered` has the output checked with its outcome, the example was, the rest is ours.
        root = built(
            Span,
            {
                **_BARE_SPAN,
                "trace_id": self.trace_id,
                "span_id": self.root_id,
                "name": self._agent,
                "kind": SpanKind.AGENT,
                "started_at": self._started_at,
                "ended_at": ended_at,
                "status": status,
                "status_message": error,
                "input": self._example.input,
                "output": output,
                "attributes": {},
            },
        )
        metadata: dict[str, Json] = {
            "example_id": self._example.id,
            "version_id": self._version.id,
            "salt": self._salt,
        }
        if note is not None:
            metadata["note"] = note
        return built(
            Trace,
            {
                **_BARE_TRACE,
                "trace_id": self.trace_id,
                "agent": self._agent,
                "source": "experiment",
                "name": self._agent,
                "started_at": self._started_at,
                "ended_at": ended_at,
                "status": status,
                "status_message": error,
                "input": self._example.input,
                "output": output,
                "release": self._version.commit,
                "metadata": metadata,
                "spans": self._family(root, spans),
            },
        )

    def _family(self, root: Span, spans: Sequence[Span]) -> tuple[Span, ...]:
        """All spans under one root and one trace id.

        An agent that records a single agent span of its own keeps it as the root, so that its offline traces look
        like its production traces.
        """
        known = {span.span_id for span in spans}
        tops = [span for span in spans if span.parent_id is None or span.parent_id not in known]
        own = tops[0] if len(tops) == 1 and tops[0].kind is SpanKind.AGENT else None
        family = [] if own is not None else [root]
        for span in spans:
            inner = span.parent_id if span.parent_id in known else root.span_id
            parent = None if span is own else inner
            if span.trace_id != self.trace_id or span.parent_id != parent:
                span = span.model_copy(update={"trace_id": self.trace_id, "parent_id": parent})
            family.append(span)
        return tuple(sorted(family, key=lambda span: span.started_at))
