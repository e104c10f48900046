"""How what a source yields goes into the store: in bounded portions, with everything counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from burnish.adapters.sources.base import Batch, Problem
from burnish.domain.feedback import MACHINES, Feedback, FeedbackSource
from burnish.domain.listing import IngestSummary
from burnish.domain.traces import Trace
from burnish.loop.screen import Screens, TakenByPart, default_screens, prepare_feedback, prepare_traces

__all__ = ["Intake", "Receives", "RedactionBook", "TraceBook", "is_from", "said_elsewhere"]

OWN_FORMAT = "jsonl"
FLUSH_TRACES = 200
FLUSH_SPANS = 4000
FLUSH_FEEDBACK = 1000
KEPT_PROBLEMS = 1000


class TraceBook(Protocol):
    """The stored traces, as far as an intake needs them."""

    def agents(self, trace_ids: Sequence[str], /) -> Mapping[str, str]:
        """Whose those of the traces are that are known."""
        ...

    def add(self, traces: Iterable[Trace], taken: TakenByPart | None = None, /) -> IngestSummary:
        """Insert or grow traces; what is known already changes nothing. Counts what was taken out of what is new."""
        ...


class FeedbackBook(Protocol):
    """The stored feedback, as far as an intake writes it."""

    def add_pulled(self, items: Iterable[Feedback], /) -> int:
        """Store what is news; how many that were."""
        ...

    def stored(self, ids: Sequence[str], /) -> set[str]:
        """Those of the ids that are stored."""
        ...


class RedactionBook(Protocol):
    """The counts of what was taken out, as far as an intake adds to them."""

    def add(self, agent: str, counts: Mapping[str, int], /) -> None:
        """Add counts by detector."""
        ...


class Receives(Protocol):
    """A store, as far as an intake needs one."""

    @property
    def traces(self) -> TraceBook:
        """Its traces."""
        ...

    @property
    def feedback(self) -> FeedbackBook:
        """What was said of them."""
        ...

    @property
    def redactions(self) -> RedactionBook:
        """What was taken out, counted."""
        ...


class Intake:
    """Gathers batches and writes a few hundred traces at a time: what is held is one batch and one such portion.

    Traces go through their agents' rules in `screens` first, feedback through those of `agent`.
    `written` is called after each write. `limit` is how many spans are wanted: `full` once they were taken. Starts and
    moments of saying after `began` are some other clock's error and do not count as the newest.
    """

    def __init__(
        self,
        store: Receives,
        source: str,
        agent: str,
        screens: Screens | None,
        *,
        began: datetime,
        limit: int | None = None,
        written: Callable[["Intake"], None] | None = None,
    ) -> None:
        self._store = store
        self._source = source
        self._agent = agent
        self._screens = screens or default_screens()
        self._began = began
        self._limit = limit
        self._written = written
        self._traces: list[Trace] = []
        self._held = 0
        self._feedback: list[Feedback] = []
        self.summary = IngestSummary()
        self.traces = self.spans = self.expired = self.feedback = self.new_feedback = self.problem_count = 0
        self.problems: list[Problem] = []
        self.newest: datetime | None = None
        self.newest_said: datetime | None = None

    @property
    def full(self) -> bool:
        """Whether as many spans were taken as were wanted."""
        return self._limit is not None and self.spans >= self._limit

    def take(self, batch: Batch) -> None:
        """Take a batch in, writing whenever enough has come together."""
        self._note(batch.problems)
        for trace in batch.traces:
            self._traces.append(trace)
            self._held += len(trace.spans)
            self.traces += 1
            self.spans += len(trace.spans)
            self.newest = self._newest(self.newest, trace.started_at)
            if len(self._traces) >= FLUSH_TRACES or self._held >= FLUSH_SPANS:
                self.flush()
        for item in batch.feedback:
            self._feedback.append(item)
            self.feedback += 1
            self.newest_said = self._newest(self.newest_said, item.created_at)
            if len(self._feedback) >= FLUSH_FEEDBACK:
                self.flush()

    def flush(self) -> None:
        """Write what has been gathered; it is durable afterwards."""
        if self._traces:
            prepared = prepare_traces(self._screens, self._own(self._traces))
            self.expired += prepared.expired
            self.summary += self._store.traces.add(prepared.traces, prepared.taken)
            self._traces.clear()
            self._held = 0
        if self._feedback:
            items = self._feedback
            if self._source == OWN_FORMAT:
                # What was exported from this store comes back under its own id: it is no second label.
                there = self._store.feedback.stored([item.id for item in items])
                items = [item for item in items if item.id not in there]
            told = [said_elsewhere(item, self._source) for item in self._ours_to_hear(items)]
            kept, counts = prepare_feedback(self._screens, self._agent, told)
            news = self._store.feedback.add_pulled(kept)
            if news:
                self._store.redactions.add(self._agent, counts)
            self.new_feedback += news
            self._feedback.clear()
        if self._written is not None:
            self._written(self)

    def _note(self, problems: Sequence[Problem]) -> None:
        self.problems.extend(problems[: max(0, KEPT_PROBLEMS - len(self.problems))])
        self.problem_count += len(problems)

    def _own(self, traces: Sequence[Trace]) -> list[Trace]:
        """The traces that are no other agent's: its rules, which may keep more out, hold for those."""
        known = self._store.traces.agents([trace.trace_id for trace in traces])
        own: list[Trace] = []
        foreign: dict[str, Problem] = {}
        for trace in traces:
            owner = known.get(trace.trace_id, trace.agent)
            if owner == trace.agent:
                own.append(trace)
                continue
            reason = f"is one of agent '{owner}' already: let '{trace.agent}' read a project of its own"
            foreign[trace.trace_id] = Problem(where=f"trace {trace.trace_id}", reason=reason)
        self._note(list(foreign.values()))
        return own

    def _ours_to_hear(self, items: Sequence[Feedback]) -> list[Feedback]:
        """The feedback that is not on another agent's trace: that one hears it itself, and by its own rules.

        On a trace that is not stored it waits for that trace, unless the agent's traces are deleted after a while: then
        the trace is most likely gone, and what was said of it would never be deleted.
        """
        known = self._store.traces.agents(list({item.trace_id for item in items}))
        unknown = None if self._screens.lets_go(self._agent) else self._agent
        return [item for item in items if known.get(item.trace_id, unknown) == self._agent]

    def _newest(self, known: datetime | None, given: datetime) -> datetime | None:
        if given > self._began:
            return known
        return given if known is None else max(known, given)


def said_elsewhere(item: Feedback, source: str) -> Feedback:
    """Feedback that a source gave, told apart from our own.

    Its author begins with the source's name and a slash, so that it is never written back to where it came from, and
    what a machine said is an external evaluator's, so that it never passes for the result of one of ours.
    """
    author = item.author if is_from(item, source) else f"{source}/{item.author}"
    kind = FeedbackSource.EXTERNAL if item.source in MACHINES else item.source
    if (author, kind) == (item.author, item.source):
        return item
    return item.model_copy(update={"author": author, "source": kind})


def is_from(item: Feedback, source: str) -> bool:
    """Whether the feedback was pulled from that source."""
    return item.author.startswith(f"{source}/")
