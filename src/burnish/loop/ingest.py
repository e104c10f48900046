"""Ingest: read a source into the store, and take what POST /v1/traces and /v1/logs bring."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from burnish.adapters.sources.base import Problem, Source
from burnish.domain.base import Value, utc_now
from burnish.domain.feedback import Feedback
from burnish.domain.listing import IngestSummary
from burnish.domain.traces import Trace
from burnish.loop.intake import Intake, Receives, RedactionBook, TraceBook
from burnish.loop.screen import Screens, default_screens, prepare_feedback, prepare_traces

if TYPE_CHECKING:
    from burnish.adapters.sources.otlp import RawSpan

__all__ = ["IngestReport", "ReceiveResult", "encode_response", "ingest", "receive"]

MAX_BODY_BYTES = 64 * 2**20


class ReceivedFeedback(Protocol):
    """The stored feedback, as far as receiving writes it."""

    def add(self, items: Iterable[Feedback], /) -> int:
        """Store feedback, replacing what has the same id."""
        ...


class HoldsFeedback(Protocol):
    """A store, as far as receiving needs one."""

    @property
    def traces(self) -> TraceBook:
        """Its traces."""
        ...

    @property
    def feedback(self) -> ReceivedFeedback:
        """Its feedback."""
        ...

    @property
    def redactions(self) -> RedactionBook:
        """What was taken out, counted."""
        ...


class IngestReport(Value):
    """What an ingest changed, and what could not be read.

    `problems` holds the first thousand, `problem_count` says how many there were. `traces` and `spans` count those
    read, what came in two batches twice, `expired` those traces that were older than the agent's retention; `feedback`
    counts what was news. `whole` is false where a limit ended it. What was redacted stands in the summary.
    """

    summary: IngestSummary = IngestSummary()
    traces: int = 0
    spans: int = 0
    expired: int = 0
    feedback: int = 0
    whole: bool = True
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0


class ReceiveResult(Value):
    """What became of a request: spans (or log records) rejected, why, and what the others changed."""

    rejected: int = 0
    message: str = ""
    summary: IngestSummary = IngestSummary()


def ingest(
    store: Receives,
    source: Source,
    progress: Callable[[IngestSummary, int], None] | None = None,
    *,
    agent: str = "",
    limit: int | None = None,
    screens: Screens | None = None,
) -> IngestReport:
    """Read all of `source` into `store`, a few hundred traces at a time, or until `limit` spans were read.

    Each trace goes through its agent's rules in `screens` first, feedback through those of `agent`.

    `progress` is told the sums so far and the number of problems after each write. Safe to repeat: the store knows
    what it has. Raises what the store raises; what was written before stays.
    """

    def written(intake: Intake) -> None:
        if progress is not None:
            progress(intake.summary, intake.problem_count)

    intake = Intake(store, source.name, agent, screens, began=utc_now(), limit=limit, written=written)
    for batch in source.read():
        intake.take(batch)
        if intake.full:
            break
    intake.flush()
    return IngestReport(
        summary=intake.summary,
        traces=intake.traces,
        spans=intake.spans,
        expired=intake.expired,
        feedback=intake.new_feedback,
        problems=tuple(intake.problems),
        problem_count=intake.problem_count,
        whole=not intake.full,
    )


def receive(
    store: HoldsFeedback,
    agent: str,
    body: bytes,
    content_type: str,
    content_encoding: str | None,
    *,
    max_bytes: int = MAX_BODY_BYTES,
    owner: str | None = None,
    logs: bool = False,
    screens: Screens | None = None,
) -> ReceiveResult:
    """Store the spans of one POST /v1/traces, or with `logs` what one POST /v1/logs tells of spans.

    A trace's agent is `owner`, whose token came with the request; a resource whose `burnish.agent` names another one
    is rejected, and so is what would change another agent's trace. Without an owner it is whose the trace is already,
    else what the resource says (`burnish.agent`, else `service.name`), else `agent`. Everything goes through the rules
    of its agent in `screens` first.

    Raises InputError where the body as a whole is unusable (answer 400: do not send it again) and StoreError where the
    store refuses (503: send it again); single bad spans are counted in the result while their neighbours are stored.
    """
    from burnish.adapters.sources.otlp import decode_body, spans_to_traces

    request = decode_body(body, content_type, content_encoding, max_bytes=max_bytes, logs=logs)
    spans, problems = request.spans, list(request.problems)
    if owner is not None:
        spans, foreign = _own(spans, owner)
        problems.extend(foreign)
    batch = spans_to_traces(spans, owner or agent, "otlp", agent_by_resource=owner is None)
    problems.extend(batch.problems)
    ids = dict.fromkeys([*(trace.trace_id for trace in batch.traces), *(item.trace_id for item in request.feedback)])
    known = store.traces.agents(list(ids)) if ids else {}
    traces, said = batch.traces, [*request.feedback, *batch.feedback]
    if owner is not None:
        problems.extend(_of_others(traces, request.feedback, known, owner))
        traces = [trace for trace in traces if known.get(trace.trace_id, owner) == owner]
        said = [item for item in said if known.get(item.trace_id, owner) == owner]
    # A span that joins a stored trace is that trace's agent's, whatever its own service is called.
    traces = [
        trace.model_copy(update={"agent": known[trace.trace_id]})
        if known.get(trace.trace_id, trace.agent) != trace.agent
        else trace
        for trace in traces
    ]
    screens = screens or default_screens()
    prepared = prepare_traces(screens, traces)
    summary = store.traces.add(prepared.traces, prepared.taken) if prepared.traces else IngestSummary()
    agents = {**known, **{trace.trace_id: trace.agent for trace in traces}}
    by_agent: dict[str, list[Feedback]] = {}
    for item in said:
        by_agent.setdefault(agents.get(item.trace_id, owner or agent), []).append(item)
    for of_agent, items in by_agent.items():
        kept, counts = prepare_feedback(screens, of_agent, items)
        store.feedback.add(kept)
        store.redactions.add(of_agent, counts)
    return ReceiveResult(rejected=len(problems), message=_message(problems), summary=summary)


def _own(spans: "list[RawSpan]", owner: str) -> "tuple[list[RawSpan], list[Problem]]":
    """The spans whose resource does not claim to be another agent's, and a problem for each of the others."""
    from burnish.adapters.sources.otlp.traces import agent_of

    own: list[RawSpan] = []
    foreign: list[Problem] = []
    for span in spans:
        named = agent_of({"burnish.agent": span.resource.get("burnish.agent")}, owner)
        if named == owner:
            own.append(span)
        else:
            reason = f"its resource says burnish.agent = '{named}', but the token is that of agent '{owner}'"
            foreign.append(Problem(where=f"span '{span.name[:80]}'", reason=reason))
    return own, foreign


def _of_others(
    traces: Sequence[Trace], feedback: Sequence[Feedback], known: Mapping[str, str], owner: str
) -> list[Problem]:
    """A problem for each span and score that belongs to a stored trace of another agent."""
    names = [(span.trace_id, f"span '{span.name[:80]}'") for trace in traces for span in trace.spans]
    names += [(item.trace_id, f"score '{item.key[:80]}'") for item in feedback]
    return [
        Problem(where=where, reason=f"trace {trace_id} is not of agent '{owner}', whose token was sent")
        for trace_id, where in names
        if known.get(trace_id, owner) != owner
    ]


def encode_response(result: ReceiveResult, content_type: str, *, logs: bool = False) -> bytes:
    """The answer to an export of traces, or with `logs` of logs, in the encoding of the request's `content_type`."""
    from burnish.adapters.sources import otlp

    return otlp.encode_response(result.rejected, result.message, content_type, logs=logs)


def _message(problems: list[Problem]) -> str:
    """The first few reasons: enough to act on, short enough for a log line of the exporter."""
    if not problems:
        return ""
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(str(problem) for problem in problems[:3]) + more
