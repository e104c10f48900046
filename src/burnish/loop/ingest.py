"""Ingest: read a source into the store, and take what POST /v1/traces brings."""

from collections.abc import Callable, Iterable
from typing import Protocol

from burnish.adapters.sources.base import Problem, Source
from burnish.domain.base import Value
from burnish.domain.listing import IngestSummary
from burnish.domain.traces import Trace
from burnish.loop.screen import Screens, TakenByPart, default_screens, prepare_traces

__all__ = ["IngestReport", "ReceiveResult", "encode_response", "ingest", "receive"]

MAX_BODY_BYTES = 64 * 2**20
_FLUSH_TRACES = 200
_FLUSH_SPANS = 4000
_KEPT_PROBLEMS = 1000


class TraceStore(Protocol):
    """The part of the store's traces that this step writes to."""

    def add(self, traces: Iterable[Trace], taken: TakenByPart | None = None, /) -> IngestSummary:
        """Insert or grow traces; what is known already changes nothing. Counts what was taken out of what is new."""
        ...


class HoldsTraces(Protocol):
    """A store, as far as this step needs one."""

    @property
    def traces(self) -> TraceStore:
        """Its traces."""
        ...


class IngestReport(Value):
    """What an ingest changed, and what could not be read.

    `problems` holds the first thousand, `problem_count` says how many there were. `traces` counts those read, a trace
    that came in two batches twice, `expired` those of them that were older than the agent's retention. What was
    redacted stands in the summary.
    """

    summary: IngestSummary = IngestSummary()
    traces: int = 0
    expired: int = 0
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0


class ReceiveResult(Value):
    """What became of a request: spans rejected, why, and what the others changed."""

    rejected: int = 0
    message: str = ""
    summary: IngestSummary = IngestSummary()


def ingest(
    store: HoldsTraces,
    source: Source,
    progress: Callable[[IngestSummary, int], None] | None = None,
    screens: Screens | None = None,
) -> IngestReport:
    """Read all of `source` into `store`, a few hundred traces at a time, each through `screens` first.

    `progress` is told the sums so far and the number of problems after each write. Safe to repeat: the store knows
    what it has. Raises what the store raises; what was written before stays.
    """
    screens = screens or default_screens()
    waiting: list[Trace] = []
    spans = traces = count = expired = 0
    problems: list[Problem] = []
    summary = IngestSummary()

    def flush() -> None:
        nonlocal summary, spans, expired
        if waiting:
            prepared = prepare_traces(screens, waiting)
            expired += prepared.expired
            summary += store.traces.add(prepared.traces, prepared.taken)
            waiting.clear()
            spans = 0
        if progress is not None:
            progress(summary, count)

    for batch in source.read():
        problems.extend(batch.problems[: max(0, _KEPT_PROBLEMS - len(problems))])
        count += len(batch.problems)
        for trace in batch.traces:
            waiting.append(trace)
            traces += 1
            spans += len(trace.spans)
            if len(waiting) >= _FLUSH_TRACES or spans >= _FLUSH_SPANS:
                flush()
    flush()
    return IngestReport(summary=summary, traces=traces, expired=expired, problems=tuple(problems), problem_count=count)


def receive(
    store: HoldsTraces,
    agent: str,
    body: bytes,
    content_type: str,
    content_encoding: str | None,
    *,
    max_bytes: int = MAX_BODY_BYTES,
    screens: Screens | None = None,
) -> ReceiveResult:
    """Store the spans of one POST /v1/traces.

    Each trace goes through the rules of its agent in `screens` first. A trace's agent is what its resource says
    (`burnish.agent`, else `service.name`), else `agent`. Raises InputError where the body as a whole is unusable
    (answer 400: do not send it again) and StoreError where the store refuses (503: send it again); single bad spans
    are counted in the result while their neighbours are stored.
    """
    from burnish.adapters.sources.otlp import decode_body, spans_to_traces

    request = decode_body(body, content_type, content_encoding, max_bytes=max_bytes)
    batch = spans_to_traces(request.spans, agent, "otlp", agent_by_resource=True)
    problems = request.problems + batch.problems
    prepared = prepare_traces(screens or default_screens(), batch.traces)
    summary = store.traces.add(prepared.traces, prepared.taken) if prepared.traces else IngestSummary()
    return ReceiveResult(rejected=len(problems), message=_message(problems), summary=summary)


def encode_response(result: ReceiveResult, content_type: str) -> bytes:
    """The ExportTraceServiceResponse for `result`, in the encoding of the request's `content_type`."""
    from burnish.adapters.sources import otlp

    return otlp.encode_response(result.rejected, result.message, content_type)


def _message(problems: list[Problem]) -> str:
    """The first few reasons: enough to act on, short enough for a log line of the exporter."""
    if not problems:
        return ""
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(str(problem) for problem in problems[:3]) + more
