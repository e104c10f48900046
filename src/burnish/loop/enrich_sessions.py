"""Judge whole sessions once they have settled; a session that grows is judged again.

The result stands on the session's last trace and names the session; what stood on an earlier end is taken back.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from burnish.domain.base import Value, utc_now
from burnish.domain.chat import ChatModel
from burnish.domain.evaluators.base import EvaluationContext, Evaluator, EvaluatorError
from burnish.domain.evaluators.run import EvaluatorResult, Pair, Patience, evaluate_pairs
from burnish.domain.evaluators.sampling import applies, sampled
from burnish.domain.evaluators.sessions import LONGEST, SessionTraces, join_session
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.errors import BudgetExceededError
from burnish.loop.desk import EnrichStore, EvaluatorCounts, Tally, held_back
from burnish.loop.enrich import meters_of

__all__ = ["SessionSummary", "enrich_sessions", "open_sessions"]

_BATCH = 20


class SessionSummary(Value):
    """What judging sessions did, by evaluator name, in sessions; `stopped` is why it ended early."""

    evaluators: dict[str, EvaluatorCounts] = {}
    stopped: str | None = None


async def enrich_sessions(
    store: EnrichStore,
    evaluators: Sequence[Evaluator],
    agent: str,
    judge: ChatModel | None,
    *,
    now: datetime | None = None,
    concurrency: int = 8,
    night: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    among: Callable[[SessionTraces], bool] | None = None,
    before_batch: Callable[[], Awaitable[None]] | None = None,
) -> SessionSummary:
    """Run the evaluators of sessions on the agent's settled sessions that they have not judged as they are now.

    `among` narrows the sessions; `before_batch` is awaited first, for those who have to wait for somebody. A spent
    budget ends it early, with what was paid for stored and counted.
    """
    moment = now or utc_now()
    tallies = {one.name: Tally(one, {}) for one in evaluators if one.level == "session"}
    if not tallies:
        return SessionSummary()
    found = [session for session in store.traces.sessions(agent) if among is None or among(session)]
    work = {name: _open(store, tally, found, moment) for name, tally in tallies.items()}
    wanted = [session for session in found if any(session.session_id in ids for ids in work.values())]
    meters = meters_of(store, [tally.evaluator for tally in tallies.values()], judge, night)
    patience = Patience()
    for start in range(0, len(wanted), _BATCH):
        some = wanted[start : start + _BATCH]
        if before_batch is not None:
            await before_batch()
        stopped: str | None = None
        began = utc_now()
        results: list[EvaluatorResult] = []
        pairs: list[Pair] = []
        for session in some:
            traces = tuple(store.traces.load(session.trace_ids[-LONGEST:]))
            if not traces:
                continue
            context = EvaluationContext(trace=join_session(traces), session=traces, judge=judge)
            for name, tally in tallies.items():
                if session.session_id not in work[name]:
                    continue
                meter = meters.get(name)
                if not applies(tally.evaluator.applies, context, sampling=False):
                    tally.skipped += 1
                elif meter is not None and meter.spent is not None:
                    tally.hold_back(meter.spent)
                else:
                    own = context if meter is None else context.model_copy(update={"judge": meter})
                    pairs.append((tally.evaluator, own))
        try:
            await evaluate_pairs(pairs, on_result=results.append, concurrency=concurrency, at=began, patience=patience)
        except BudgetExceededError as error:
            stopped = str(error)
        finally:
            _store(store, results, {session.trace_ids[-1]: session for session in some})
        for result in results:
            tallies[result.evaluator.name].count(result)
        if stopped is not None:
            return SessionSummary(evaluators=_counts(tallies), stopped=stopped)
        if progress is not None:
            progress(start + len(some), len(wanted), "sessions scored")
    return SessionSummary(evaluators=_counts(tallies))


def _counts(tallies: dict[str, Tally]) -> dict[str, EvaluatorCounts]:
    return {name: tally.counts() for name, tally in tallies.items()}


def open_sessions(
    store: EnrichStore, evaluator: Evaluator, agent: str, now: datetime | None = None
) -> list[SessionTraces]:
    """The settled sessions that the evaluator has not judged as they are now."""
    found = store.traces.sessions(agent)
    ids = _open(store, Tally(evaluator, {}), found, now or utc_now())
    return [session for session in found if session.session_id in ids]


def _open(store: EnrichStore, tally: Tally, found: Sequence[SessionTraces], now: datetime) -> set[str]:
    evaluator = tally.evaluator
    settled = [
        one
        for one in found
        if sampled(one.session_id, evaluator.applies.sample) and one.settled(evaluator.idle_minutes, now)
    ]
    tally.skipped += len(found) - len(settled)
    judged = store.feedback.judged_at(evaluator.name, tally.version, [one.trace_ids[-1] for one in settled])
    wanted = set()
    for session in settled:
        at, error = judged.get(session.trace_ids[-1], (None, None))
        final = error is None or (error == EvaluatorError.__name__ and evaluator.source is FeedbackSource.CODE)
        if at is None or at < session.changed_at or not final:
            wanted.add(session.session_id)
    tally.known += len(settled) - len(wanted)
    return wanted


def _store(store: EnrichStore, results: Sequence[EvaluatorResult], by_end: dict[str, SessionTraces]) -> None:
    given = [(result, by_end[result.trace_id]) for result in results if not held_back(result)]
    store.feedback.add([_named(item, session) for result, session in given for item in result.feedback])
    store.feedback.add_failures([result.failure for result, _ in given if result.failure is not None])
    for result, session in given:
        evaluator = result.evaluator
        store.feedback.withdraw(evaluator.name, evaluator.version, session.trace_ids[:-1])


def _named(item: Feedback, session: SessionTraces) -> Feedback:
    count = len(session.trace_ids)
    said = f"session {session.session_id}, {count} {'trace' if count == 1 else 'traces'}"
    said += f", the last {LONGEST} judged" if count > LONGEST else ""
    return item.model_copy(update={"comment": f"{said}: {item.comment}" if item.comment else said})
