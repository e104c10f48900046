"""How what a source yields goes into the store: in bounded portions, with everything counted."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from burnish.adapters.sources.base import Batch, Problem
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import IngestSummary
from burnish.domain.traces import Trace

__all__ = ["Intake", "Receives", "is_from", "said_elsewhere"]

FLUSH_TRACES = 200
FLUSH_SPANS = 4000
FLUSH_FEEDBACK = 1000
KEPT_PROBLEMS = 1000
_OURS = (FeedbackSource.CODE, FeedbackSource.JUDGE)


class TraceBook(Protocol):
    """The stored traces, as far as an intake writes them."""

    def add(self, traces: Iterable[Trace], /) -> IngestSummary:
        """Insert or grow traces; what is known already changes nothing."""
        ...


class FeedbackBook(Protocol):
    """The stored feedback, as far as an intake writes it."""

    def add_pulled(self, items: Iterable[Feedback], /) -> int:
        """Store what is news; how many that were."""
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


class Intake:
    """Gathers batches and writes a few hundred traces at a time: what is held is one batch and one such portion.

    `written` is called after each write. `limit` is how many spans are wanted: `full` once they were taken. Starts and
    moments of saying after `began` are some other clock's error and do not count as the newest.
    """

    def __init__(
        self,
        store: Receives,
        source: str,
        *,
        began: datetime,
        limit: int | None = None,
        written: Callable[["Intake"], None] | None = None,
    ) -> None:
        self._store = store
        self._source = source
        self._began = began
        self._limit = limit
        self._written = written
        self._traces: list[Trace] = []
        self._held = 0
        self._feedback: list[Feedback] = []
        self.summary = IngestSummary()
        self.traces = self.spans = self.feedback = self.new_feedback = self.problem_count = 0
        self.problems: list[Problem] = []
        self.newest: datetime | None = None
        self.newest_said: datetime | None = None

    @property
    def full(self) -> bool:
        """Whether as many spans were taken as were wanted."""
        return self._limit is not None and self.spans >= self._limit

    def take(self, batch: Batch) -> None:
        """Take a batch in, writing whenever enough has come together."""
        self.problems.extend(batch.problems[: max(0, KEPT_PROBLEMS - len(self.problems))])
        self.problem_count += len(batch.problems)
        for trace in batch.traces:
            self._traces.append(trace)
            self._held += len(trace.spans)
            self.traces += 1
            self.spans += len(trace.spans)
            self.newest = self._newest(self.newest, trace.started_at)
            if len(self._traces) >= FLUSH_TRACES or self._held >= FLUSH_SPANS:
                self.flush()
        for item in batch.feedback:
            self._feedback.append(said_elsewhere(item, self._source))
            self.feedback += 1
            self.newest_said = self._newest(self.newest_said, item.created_at)
            if len(self._feedback) >= FLUSH_FEEDBACK:
                self.flush()

    def flush(self) -> None:
        """Write what has been gathered; it is durable afterwards."""
        if self._traces:
            self.summary += self._store.traces.add(self._traces)
            self._traces.clear()
            self._held = 0
        if self._feedback:
            self.new_feedback += self._store.feedback.add_pulled(self._feedback)
            self._feedback.clear()
        if self._written is not None:
            self._written(self)

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
    kind = FeedbackSource.EXTERNAL if item.source in _OURS else item.source
    if (author, kind) == (item.author, item.source):
        return item
    return item.model_copy(update={"author": author, "source": kind})


def is_from(item: Feedback, source: str) -> bool:
    """Whether the feedback was pulled from that source."""
    return item.author.startswith(f"{source}/")
