"""Score traces with evaluators: only what is missing or outdated by newer words of people, batch by batch.

Memory is that of one batch. Whatever ends a batch early, what was measured in it is written first. An evaluator that
waits for another's result runs in a later wave of the same batch. `enrich_sessions` judges whole sessions.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime

from burnish.domain.base import Value, utc_now
from burnish.domain.chat import ChatModel
from burnish.domain.datasets import Example
from burnish.domain.evaluators.base import EvaluationContext, Evaluator, Filter
from burnish.domain.evaluators.chains import waves
from burnish.domain.evaluators.run import EvaluatorResult, Pair, Patience, evaluate_pairs
from burnish.domain.evaluators.sampling import applies
from burnish.domain.feedback import Feedback
from burnish.domain.listing import TraceQuery, TraceSummary
from burnish.domain.traces import Trace
from burnish.errors import BudgetExceededError
from burnish.loop.desk import Desk, EnrichStore, EvaluatorCounts, Tally, held_back
from burnish.loop.meter import Meter

__all__ = ["EnrichStore", "EnrichSummary", "EvaluatorCounts", "enrich", "example_of", "meters_of", "pending"]

Progress = Callable[[int, int, str], None]

SCORED = "traces scored"
_PENDING_BATCH = 2_000


class EnrichSummary(Value):
    """What enriching did, by evaluator name. `traces` counts the ids given, once each.

    `stopped` is why it ended early, where the budget did; what had been judged by then is counted and stored.
    """

    traces: int
    evaluators: dict[str, EvaluatorCounts]
    stopped: str | None = None


async def enrich(
    store: EnrichStore,
    evaluators: Sequence[Evaluator],
    trace_ids: Sequence[str],
    judge: ChatModel | None,
    *,
    batch: int = 200,
    concurrency: int = 8,
    night: str | None = None,
    progress: Progress | None = None,
    before_batch: Callable[[], Awaitable[None]] | None = None,
) -> EnrichSummary:
    """Run what is missing of `evaluators` on the traces and store feedback and failures; not those of sessions.

    A trace's newest correction by a person is its expected output. An evaluator that uses it judges again where the
    correction is newer than its feedback. Failures are tried again, except a code check that said it cannot judge this
    trace: it would say so again. Traces that grow while they are judged stay open. `night` is what budgets a night are
    counted in. `progress` is told (done, total, what) after each batch, and within it where a model is asked.
    `before_batch` is awaited first, for those who have to wait for somebody.

    A spent budget ends it early, with what was paid for stored and counted. Raises ConfigError for a chain that cannot
    be.
    """
    ids = list(dict.fromkeys(trace_ids))
    rounds, tallies = _tallies(evaluators)
    meters = meters_of(store, [tally.evaluator for tally in tallies.values()], judge, night)
    patience = Patience()
    for start in range(0, len(ids), batch):
        some = ids[start : start + batch]
        if before_batch is not None:
            await before_batch()
        began = utc_now()
        desk = Desk(store, some, some)
        loaded: dict[str, Trace] = {}
        for number, wave in enumerate(rounds):
            wanted = {tally.evaluator.name: tally.wanted(desk, some) for tally in wave}
            to_load = [one for one in some if any(one in missing for missing in wanted.values())]
            results: list[EvaluatorResult] = []
            told = _told(progress, results, (start, len(some), len(ids)), (number, len(rounds)), wanted)
            stopped: str | None = None
            try:
                traces = _load(store, to_load, loaded if len(rounds) > 1 else None)
                pairs = _pairs(traces, wave, wanted, desk, judge, meters)
                await evaluate_pairs(pairs, on_result=told, concurrency=concurrency, at=began, patience=patience)
            except BudgetExceededError as error:
                stopped = str(error)
            finally:
                results = _of_what_is_stored(store, results, began)
                store.feedback.add([item for result in results for item in result.feedback])
                store.feedback.add_failures(
                    [result.failure for result in results if result.failure is not None and not held_back(result)]
                )
            for result in results:
                tallies[result.evaluator.name].count(result)
            if stopped is not None:
                return EnrichSummary(traces=len(ids), evaluators=_counts(tallies), stopped=stopped)
        if progress is not None:
            progress(start + len(some), len(ids), SCORED)
    return EnrichSummary(traces=len(ids), evaluators=_counts(tallies))


def _counts(tallies: Mapping[str, Tally]) -> dict[str, EvaluatorCounts]:
    return {name: tally.counts() for name, tally in tallies.items()}


def _told(
    progress: Progress | None,
    results: list[EvaluatorResult],
    batch: tuple[int, int, int],
    wave: tuple[int, int],
    wanted: Mapping[str, set[str]],
) -> Callable[[EvaluatorResult], None]:
    """Gather results; where a model was asked, say how far the batch is, since one may take minutes.

    `batch` is how many traces came before it, how many it has, and how many there are; `wave` its number and how many.
    """
    if progress is None:
        return results.append
    before, size, total = batch
    most = max(1, sum(map(len, wanted.values())))

    def hear(result: EvaluatorResult) -> None:
        results.append(result)
        if result.evaluator.asks:
            share = (wave[0] + len(results) / most) / wave[1]
            progress(before + int(size * min(1.0, share)), total, SCORED)

    return hear


def pending(
    store: EnrichStore, agent: str, evaluators: Sequence[Evaluator], settled: datetime | None = None
) -> list[str]:
    """Ids of the agent's production traces that `enrich` has work on, newest first. Reads no payloads.

    With `settled` those that were still growing at that moment are left for later.
    Filters by `metadata` or `has_error` need the whole trace: for those a trace is listed although it may be skipped.
    Traces that wait for the result of another evaluator are listed for that one.
    """
    _, tallies = _tallies(evaluators)
    evaluators = [tally.evaluator for tally in tallies.values()]
    if not evaluators:
        return []
    query = TraceQuery(agent=agent, settled=settled)
    summaries: dict[str, TraceSummary] = {}
    if any(evaluator.applies.asks_anything for evaluator in evaluators):
        summaries = {summary.trace_id: summary for summary in store.traces.list(query)}
    ids = list(summaries) or store.traces.ids(query)
    said = {item.trace_id for item in store.feedback.corrections(agent)}
    if any(evaluator.needs_feedback for evaluator in evaluators):
        said |= store.feedback.heard(agent)
    found: set[str] = set()
    for start in range(0, len(ids), _PENDING_BATCH):
        some = ids[start : start + _PENDING_BATCH]
        desk = Desk(store, some, [one for one in some if one in said])
        for tally in tallies.values():
            rule = tally.evaluator.applies
            missing = tally.wanted(desk, some)
            found.update(one for one in missing if _may_apply(rule, summaries.get(one), one in desk.corrections))
    return [one for one in ids if one in found]


def meters_of(
    store: EnrichStore, evaluators: Sequence[Evaluator], judge: ChatModel | None, night: str | None
) -> dict[str, Meter]:
    """A meter for each evaluator that asks the model, by name."""
    if judge is None:
        return {}
    return {
        one.name: Meter(judge, one, store.calls if one.budget is not None else None, night)
        for one in evaluators
        if one.asks
    }


def _tallies(evaluators: Sequence[Evaluator]) -> tuple[list[list[Tally]], dict[str, Tally]]:
    """The evaluators of traces in waves, and by name in the order given."""
    rounds = waves(evaluators)
    by_name = {evaluator.name: evaluator for evaluator in evaluators}
    tallies = {one.name: Tally(one, by_name) for one in evaluators if one.level == "trace" and not one.compares_arms}
    found = [[tallies[one.name] for one in wave if one.name in tallies] for wave in rounds]
    return [wave for wave in found if wave], tallies


def _load(store: EnrichStore, ids: Sequence[str], kept: dict[str, Trace] | None) -> Iterator[Trace]:
    """The traces; with `kept`, those of an earlier wave are not read again."""
    if kept is None:
        yield from store.traces.load(ids) if ids else ()
        return
    missing = [one for one in ids if one not in kept]
    kept.update((trace.trace_id, trace) for trace in (store.traces.load(missing) if missing else ()))
    yield from (kept[one] for one in ids if one in kept)


def _of_what_is_stored(store: EnrichStore, results: list[EvaluatorResult], began: datetime) -> list[EvaluatorResult]:
    """The results without those of traces that grew while they were judged: these stay open."""
    if not results:
        return results
    grown = store.traces.changed(list({result.trace_id for result in results}), began)
    return [result for result in results if result.trace_id not in grown] if grown else results


def _pairs(
    traces: Iterator[Trace],
    wave: Sequence[Tally],
    wanted: Mapping[str, set[str]],
    desk: Desk,
    judge: ChatModel | None,
    meters: Mapping[str, Meter],
) -> Iterator[Pair]:
    for trace in traces:
        context = EvaluationContext(trace=trace, example=example_of(trace, desk.corrections), judge=judge)
        for tally in wave:
            evaluator = tally.evaluator
            if trace.trace_id not in wanted[evaluator.name]:
                continue
            if not tally.unfiltered and not applies(evaluator.applies, context):
                tally.skipped += 1
                continue
            meter = meters.get(evaluator.name)
            if meter is not None and meter.spent is not None:
                tally.hold_back(meter.spent)
            elif meter is not None:
                yield evaluator, context.model_copy(update={"judge": meter})
            elif evaluator.needs_feedback:
                yield evaluator, context.model_copy(update={"feedback": tuple(desk.given.get(trace.trace_id, ()))})
            else:
                yield evaluator, context


def example_of(trace: Trace, corrections: Mapping[str, Feedback]) -> Example | None:
    """What is expected of a trace by the newest correction; None without one."""
    correction = corrections.get(trace.trace_id)
    if correction is None:
        return None
    return Example(
        id=Example.id_for(trace.agent, trace.input),
        input=trace.input,
        expected=correction.correction,
        trace_id=trace.trace_id,
    )


def _may_apply(rule: Filter, summary: TraceSummary | None, corrected: bool) -> bool:
    if rule.has_expected is not None and rule.has_expected is not corrected:
        return False
    return summary is None or rule.fits(summary)
