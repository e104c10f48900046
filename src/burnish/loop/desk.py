"""What enriching knows of a batch of traces before it loads them, and the counts of each evaluator."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from burnish.domain.base import Value
from burnish.domain.evaluators.base import Evaluator, EvaluatorBudgetError, EvaluatorError, Filter
from burnish.domain.evaluators.run import EvaluatorResult
from burnish.domain.evaluators.sampling import sampled
from burnish.domain.evaluators.sessions import SessionTraces
from burnish.domain.feedback import PEOPLE, EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery, TraceSummary
from burnish.domain.traces import Trace
from burnish.loop.meter import CallBook

__all__ = ["Desk", "EnrichStore", "EvaluatorCounts", "Tally"]


class StoredTraces(Protocol):
    """What enriching asks of the stored traces."""

    def load(self, trace_ids: Sequence[str]) -> Iterator[Trace]: ...

    def ids(self, query: TraceQuery) -> list[str]: ...

    def sessions(self, agent: str) -> "list[SessionTraces]": ...

    def changed(self, trace_ids: Sequence[str], since: datetime) -> set[str]: ...

    def list(self, query: TraceQuery) -> "list[TraceSummary]": ...


class StoredFeedback(Protocol):
    """What enriching asks of the stored feedback."""

    def add(self, items: Iterable[Feedback]) -> int: ...

    def add_failures(self, items: Iterable[EvaluatorFailure]) -> int: ...

    def for_traces(self, trace_ids: Sequence[str]) -> dict[str, list[Feedback]]: ...

    def failures(self, trace_ids: Sequence[str]) -> dict[str, list[EvaluatorFailure]]: ...

    def done(self, evaluator: str, version: str, trace_ids: Sequence[str]) -> set[str]: ...

    def corrections(self, agent: str) -> list[Feedback]: ...

    def heard(self, agent: str) -> set[str]: ...

    def results(
        self, evaluator: str, version: str, key: str, trace_ids: Sequence[str]
    ) -> dict[str, tuple[float | None, str | bool | None]]: ...

    def judged_at(
        self, evaluator: str, version: str, trace_ids: Sequence[str]
    ) -> dict[str, tuple[datetime, str | None]]: ...

    def withdraw(self, evaluator: str, version: str, trace_ids: Sequence[str]) -> None: ...


class EnrichStore(Protocol):
    """The part of the store that enriching needs."""

    @property
    def traces(self) -> StoredTraces:
        """Traces."""
        ...

    @property
    def feedback(self) -> StoredFeedback:
        """Feedback and failures."""
        ...

    @property
    def calls(self) -> CallBook:
        """What was paid."""
        ...


class EvaluatorCounts(Value):
    """One evaluator over the traces (or sessions) given.

    `known` had been judged or refused before, `skipped` are those that the filter, the sample or the chain leaves out,
    `held_back` those for which its budget did not last (`held_because` says which): they stay open. `mean` is of the
    scores given now under the evaluator's own name (of all its scores where it gives none under it).
    """

    version: str
    scored: int = 0
    failed: int = 0
    known: int = 0
    skipped: int = 0
    held_back: int = 0
    held_because: str = ""
    mean: float | None = None


class Desk:
    """What is known of one batch before its traces are loaded: what people said, results on those traces, refusals."""

    def __init__(self, store: EnrichStore, ids: Sequence[str], maybe_said: Sequence[str]) -> None:
        self.store = store
        self.given = store.feedback.for_traces(maybe_said) if maybe_said else {}
        self.corrections = _newest(item for items in self.given.values() for item in items)
        self.failures = store.feedback.failures(ids)

    def refused(self, evaluator: Evaluator, version: str, trace_id: str) -> bool:
        """Whether a code check has said that it cannot judge the trace, and nothing it looks at can have changed."""
        if evaluator.source is not FeedbackSource.CODE or (evaluator.uses_expected and trace_id in self.corrections):
            return False
        return any(
            failure.evaluator == evaluator.name
            and failure.version == version
            and failure.error == EvaluatorError.__name__
            and not self._said_since(evaluator, trace_id, failure.created_at)
            for failure in self.failures.get(trace_id, ())
        )

    def outdated(self, evaluator: Evaluator, version: str, trace_id: str) -> bool:
        """Whether the evaluator looks at what people say and some of it came after its feedback."""
        items = self.given.get(trace_id, ())
        if not items:
            return False
        last = max(
            (
                item.created_at
                for item in items
                if item.author == evaluator.name and item.version == version and item.source is evaluator.source
            ),
            default=None,
        )
        return last is not None and self._said_since(evaluator, trace_id, last)

    def heeded(self, evaluator: Evaluator, trace_id: str) -> bool:
        """Whether somebody has said what the evaluator is about."""
        return any(evaluator.heeds(item) for item in self.given.get(trace_id, ()))

    def _said_since(self, evaluator: Evaluator, trace_id: str, moment: datetime) -> bool:
        correction = self.corrections.get(trace_id) if evaluator.uses_expected else None
        if correction is not None and correction.created_at > moment:
            return True
        return any(item.created_at > moment and evaluator.heeds(item) for item in self.given.get(trace_id, ()))


class Tally:
    """One evaluator's version and counts."""

    def __init__(self, evaluator: Evaluator, by_name: Mapping[str, Evaluator]) -> None:
        self.evaluator = evaluator
        self.version = evaluator.version
        self.known = self.skipped = self.scored = self.failed = self.held_back = 0
        self.held_because = ""
        self._own: list[float] = [0.0, 0]
        self._other: list[float] = [0.0, 0]
        when = evaluator.applies.when
        # Sample and chain are decided before a trace is loaded: mostly nothing is left to look at then.
        self.unfiltered = evaluator.applies == Filter(sample=evaluator.applies.sample, when=when)
        self._before = None if when is None else (by_name[when.evaluator], by_name[when.evaluator].version)

    def wanted(self, desk: Desk, ids: Sequence[str]) -> set[str]:
        """The traces of the sample without a settled result, on which what it waits for has been said."""
        evaluator, version = self.evaluator, self.version
        candidates = [one for one in ids if sampled(one, evaluator.applies.sample)]
        if evaluator.needs_feedback:
            candidates = [one for one in candidates if desk.heeded(evaluator, one)]
        candidates = self._chained(desk, candidates)
        self.skipped += len(ids) - len(candidates)
        done = desk.store.feedback.done(evaluator.name, version, candidates) if candidates else set()
        missing = {
            one
            for one in candidates
            if (desk.outdated(evaluator, version, one) if one in done else not desk.refused(evaluator, version, one))
        }
        self.known += len(candidates) - len(missing)
        return missing

    def _chained(self, desk: Desk, ids: list[str]) -> list[str]:
        when = self.evaluator.applies.when
        if when is None or self._before is None or not ids:
            return ids
        before, version = self._before
        found = desk.store.feedback.results(before.name, version, when.key or before.name, ids)
        return [one for one in ids if one in found and when.holds(*found[one])]

    def count(self, result: EvaluatorResult) -> None:
        """Count a result."""
        if result.failure is not None:
            if held_back(result):
                self.hold_back(result.failure.message)
            else:
                self.failed += 1
            return
        self.scored += 1
        for item in result.feedback:
            if item.score is not None:
                sums = self._own if item.key == self.evaluator.name else self._other
                sums[0] += item.score
                sums[1] += 1

    def hold_back(self, because: str) -> None:
        """Count a trace that stays open because of the evaluator's own budget."""
        self.held_back += 1
        self.held_because = because

    def counts(self) -> EvaluatorCounts:
        """The counts so far."""
        total, number = self._own if self._own[1] else self._other
        return EvaluatorCounts(
            version=self.version,
            scored=self.scored,
            failed=self.failed,
            known=self.known,
            skipped=self.skipped,
            held_back=self.held_back,
            held_because=self.held_because,
            mean=total / number if number else None,
        )


def held_back(result: EvaluatorResult) -> bool:
    """Whether the evaluator's own budget stood in the way: nothing to record, the trace stays open."""
    return result.failure is not None and result.failure.error == EvaluatorBudgetError.__name__


def _newest(items: Iterable[Feedback]) -> dict[str, Feedback]:
    """The newest correction of each trace's output by a person; corrections of single spans are of something else."""
    found: dict[str, Feedback] = {}
    for item in items:
        if item.source not in PEOPLE or item.correction is None or item.span_id is not None:
            continue
        known = found.get(item.trace_id)
        if known is None or (item.created_at, item.id) > (known.created_at, known.id):
            found[item.trace_id] = item
    return found
