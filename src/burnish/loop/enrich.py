"""Score traces with evaluators: only what is missing or outdated by a newer correction, batch by batch.

Memory is that of one batch. Whatever ends a batch early, what was measured in it is written first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from burnish.domain.base import Value, utc_now
from burnish.domain.chat import ChatModel
from burnish.domain.datasets import Example
from burnish.domain.evaluators.base import EvaluationContext, Evaluator, EvaluatorError, Filter
from burnish.domain.evaluators.run import EvaluatorResult, Pair, evaluate_pairs
from burnish.domain.evaluators.sampling import applies, sampled
from burnish.domain.feedback import EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery, TraceSummary
from burnish.domain.traces import Trace

__all__ = ["EnrichSummary", "EvaluatorCounts", "enrich", "pending"]

Progress = Callable[[int, int, str], None]

_PEOPLE = (FeedbackSource.HUMAN, FeedbackSource.USER)
_PENDING_BATCH = 2_000


class TraceBook(Protocol):
    """What enriching asks of the stored traces."""

    def load(self, trace_ids: Sequence[str]) -> Iterator[Trace]: ...

    def ids(self, query: TraceQuery) -> list[str]: ...

    def list(self, query: TraceQuery) -> "list[TraceSummary]": ...


class FeedbackBook(Protocol):
    """What enriching asks of the stored feedback."""

    def add(self, items: Iterable[Feedback]) -> int: ...

    def add_failures(self, items: Iterable[EvaluatorFailure]) -> int: ...

    def for_traces(self, trace_ids: Sequence[str]) -> dict[str, list[Feedback]]: ...

    def failures(self, trace_ids: Sequence[str]) -> dict[str, list[EvaluatorFailure]]: ...

    def done(self, evaluator: str, version: str, trace_ids: Sequence[str]) -> set[str]: ...

    def corrections(self, agent: str) -> list[Feedback]: ...


class EnrichStore(Protocol):
    """The part of the store that enriching needs."""

    @property
    def traces(self) -> TraceBook: ...

    @property
    def feedback(self) -> FeedbackBook: ...


class EvaluatorCounts(Value):
    """One evaluator over the traces given, counted in traces.

    `known` had been judged or refused before, `skipped` are those that the filter or the sample leaves out. `mean` is
    of the scores given now under the evaluator's own name (of all its scores where it gives none under it).
    """

    version: str
    scored: int = 0
    failed: int = 0
    known: int = 0
    skipped: int = 0
    mean: float | None = None


class EnrichSummary(Value):
    """What enriching did, by evaluator name. `traces` counts the ids given, once each."""

    traces: int
    evaluators: dict[str, EvaluatorCounts]


async def enrich(
    store: EnrichStore,
    evaluators: Sequence[Evaluator],
    trace_ids: Sequence[str],
    judge: ChatModel | None,
    *,
    batch: int = 200,
    concurrency: int = 8,
    progress: Progress | None = None,
) -> EnrichSummary:
    """Run what is missing of `evaluators` on the traces and store feedback and failures.

    A trace's newest correction by a person is its expected output. An evaluator that uses it judges again where the
    correction is newer than its feedback. Failures are tried again, except a code check that said it cannot judge this
    trace: it would say so again. `progress` is told (done, total, what) after each batch.

    Raises BudgetExceededError once what was paid for is stored.
    """
    ids = list(dict.fromkeys(trace_ids))
    tallies = [_Tally(evaluator) for evaluator in evaluators]
    for start in range(0, len(ids), batch):
        some = ids[start : start + batch]
        began = utc_now()
        desk = _Desk(store, some, some)
        wanted = {tally.evaluator.name: tally.wanted(desk, some) for tally in tallies}
        to_load = [one for one in some if any(one in missing for missing in wanted.values())]
        results: list[EvaluatorResult] = []
        try:
            pairs = _pairs(store, to_load, tallies, wanted, desk, judge)
            await evaluate_pairs(pairs, on_result=results.append, concurrency=concurrency, at=began)
        finally:
            store.feedback.add([item for result in results for item in result.feedback])
            store.feedback.add_failures([result.failure for result in results if result.failure is not None])
        by_name = {tally.evaluator.name: tally for tally in tallies}
        for result in results:
            by_name[result.evaluator.name].count(result)
        if progress is not None:
            progress(start + len(some), len(ids), "traces scored")
    return EnrichSummary(traces=len(ids), evaluators={tally.evaluator.name: tally.counts() for tally in tallies})


def pending(
    store: EnrichStore, agent: str, evaluators: Sequence[Evaluator], settled: datetime | None = None
) -> list[str]:
    """Ids of the agent's production traces that `enrich` has work on, newest first. Reads no payloads.

    With `settled` those that were still growing at that moment are left for later.
    Filters by `metadata` or `has_error` need the whole trace: for those a trace is listed although it may be skipped.
    """
    query = TraceQuery(agent=agent, settled=settled)
    summaries: dict[str, TraceSummary] = {}
    if any(_reads_summary(evaluator.applies) for evaluator in evaluators):
        summaries = {summary.trace_id: summary for summary in store.traces.list(query)}
    ids = list(summaries) or store.traces.ids(query)
    corrected = {item.trace_id for item in store.feedback.corrections(agent)}
    found: set[str] = set()
    for start in range(0, len(ids), _PENDING_BATCH):
        some = ids[start : start + _PENDING_BATCH]
        desk = _Desk(store, some, [one for one in some if one in corrected])
        for evaluator in evaluators:
            missing = _Tally(evaluator).wanted(desk, some)
            found.update(
                one for one in missing if _may_apply(evaluator.applies, summaries.get(one), one in desk.corrections)
            )
    return [one for one in ids if one in found]


class _Desk:
    """What is known of one batch before its traces are loaded: corrections, feedback on corrected traces, refusals."""

    def __init__(self, store: EnrichStore, ids: Sequence[str], maybe_corrected: Sequence[str]) -> None:
        self.store = store
        self.given = store.feedback.for_traces(maybe_corrected) if maybe_corrected else {}
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
            for failure in self.failures.get(trace_id, ())
        )

    def outdated(self, evaluator: Evaluator, version: str, trace_id: str) -> bool:
        """Whether the evaluator looks at corrections and one came after its feedback."""
        correction = self.corrections.get(trace_id)
        if correction is None or not evaluator.uses_expected:
            return False
        last: datetime | None = max(
            (
                item.created_at
                for item in self.given.get(trace_id, ())
                if item.author == evaluator.name and item.version == version and item.source is evaluator.source
            ),
            default=None,
        )
        return last is not None and correction.created_at > last


class _Tally:
    """One evaluator's version and counts."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.version = evaluator.version
        self.known = self.skipped = self.scored = self.failed = 0
        self._own: list[float] = [0.0, 0]
        self._other: list[float] = [0.0, 0]

    def wanted(self, desk: _Desk, ids: Sequence[str]) -> set[str]:
        """The sampled traces without a settled result."""
        evaluator, version = self.evaluator, self.version
        candidates = [one for one in ids if sampled(one, evaluator.applies.sample)]
        self.skipped += len(ids) - len(candidates)
        done = desk.store.feedback.done(evaluator.name, version, candidates) if candidates else set()
        missing = {
            one
            for one in candidates
            if (desk.outdated(evaluator, version, one) if one in done else not desk.refused(evaluator, version, one))
        }
        self.known += len(candidates) - len(missing)
        return missing

    def count(self, result: EvaluatorResult) -> None:
        if result.failure is not None:
            self.failed += 1
            return
        self.scored += 1
        for item in result.feedback:
            if item.score is not None:
                sums = self._own if item.key == self.evaluator.name else self._other
                sums[0] += item.score
                sums[1] += 1

    def counts(self) -> EvaluatorCounts:
        total, number = self._own if self._own[1] else self._other
        return EvaluatorCounts(
            version=self.version,
            scored=self.scored,
            failed=self.failed,
            known=self.known,
            skipped=self.skipped,
            mean=total / number if number else None,
        )


def _pairs(
    store: EnrichStore,
    ids: Sequence[str],
    tallies: Sequence[_Tally],
    wanted: Mapping[str, set[str]],
    desk: _Desk,
    judge: ChatModel | None,
) -> Iterator[Pair]:
    for trace in store.traces.load(ids) if ids else ():
        context = EvaluationContext(trace=trace, example=_example(trace, desk.corrections), judge=judge)
        for tally in tallies:
            if trace.trace_id not in wanted[tally.evaluator.name]:
                continue
            if applies(tally.evaluator.applies, context):
                yield tally.evaluator, context
            else:
                tally.skipped += 1


def _example(trace: Trace, corrections: Mapping[str, Feedback]) -> Example | None:
    correction = corrections.get(trace.trace_id)
    if correction is None:
        return None
    return Example(
        id=Example.id_for(trace.agent, trace.input),
        input=trace.input,
        expected=correction.correction,
        trace_id=trace.trace_id,
    )


def _newest(items: Iterable[Feedback]) -> dict[str, Feedback]:
    """The newest correction of each trace's output by a person; corrections of single spans are of something else."""
    found: dict[str, Feedback] = {}
    for item in items:
        if item.source not in _PEOPLE or item.correction is None or item.span_id is not None:
            continue
        known = found.get(item.trace_id)
        if known is None or (item.created_at, item.id) > (known.created_at, known.id):
            found[item.trace_id] = item
    return found


def _reads_summary(rule: Filter) -> bool:
    return any(value is not None for value in (rule.name, rule.environment, rule.status, rule.min_latency_s))


def _may_apply(rule: Filter, summary: TraceSummary | None, corrected: bool) -> bool:
    if rule.has_expected is not None and rule.has_expected is not corrected:
        return False
    if summary is None:
        return True
    slow = rule.min_latency_s is None or (summary.latency_s is not None and summary.latency_s >= rule.min_latency_s)
    return (
        rule.name in (None, summary.name)
        and rule.environment in (None, summary.environment)
        and rule.status in (None, summary.status)
        and slow
    )
