"""Judge a range of old traces: first what it would take, then the same work as a night's."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from burnish.domain.base import Value
from burnish.domain.chat import CallAverage, ChatModel
from burnish.domain.evaluators.base import EvaluationContext, Evaluator, Filter
from burnish.domain.evaluators.sampling import applies
from burnish.domain.evaluators.sessions import LONGEST, SessionTraces, join_session
from burnish.domain.listing import TraceQuery
from burnish.domain.statistics import wilson
from burnish.loop.desk import Desk, EnrichStore, Tally
from burnish.loop.enrich import EnrichSummary, enrich, example_of
from burnish.loop.enrich_sessions import enrich_sessions, open_sessions
from burnish.loop.meter import purpose_of, spent_so_far

__all__ = ["EvaluatorEstimate", "Prices", "backfill", "estimate", "with_what_they_wait_for"]

_BATCH = 2_000
_SAMPLE = 20
_FILTERED = 200  # traces that are read to see how many pass a filter
_CHARACTERS_A_TOKEN = 4.0
_ANSWER_TOKENS = 150.0


class Prices(Value):
    """US dollars a million tokens; None where they are not known. `named`: of further models, by their name."""

    input: float | None = None
    output: float | None = None
    named: "dict[str, Prices]" = {}

    def of(self, models: Sequence[str | None], sent: float, received: float) -> float | None:
        """What a call of so many tokens costs on average over these models."""
        usual = [self] if not models else [self.named.get(model or "", self) for model in models]
        priced = [
            (sent * one.input + received * one.output) / 1_000_000
            for one in usual
            if one.input is not None and one.output is not None
        ]
        return sum(priced) / len(priced) if len(priced) == len(usual) else None


class AverageBook(Protocol):
    """What an estimate asks of the accounts."""

    def average(self, purpose: str, model: str | None = None) -> CallAverage | None: ...


class EvaluatorEstimate(Value):
    """What one evaluator would take, at most: a chain may leave some out.

    `items` are traces, or sessions. Calls, tokens and dollars are of as many of them as the evaluator's own budget has
    room for; tokens and dollars are None where nothing is known to go by. `basis` says what the figures come from.
    """

    evaluator: str
    version: str
    level: str
    items: int
    calls: int = 0
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    usd: float | None = 0.0
    basis: str = "no model calls"


def estimate(
    store: EnrichStore,
    accounts: AverageBook,
    evaluators: Sequence[Evaluator],
    query: TraceQuery,
    prices: Prices | None = None,
    night: str | None = None,
) -> list[EvaluatorEstimate]:
    """What judging the traces of `query` with these evaluators would take, by evaluator.

    A call's tokens are those of the evaluator's earlier calls on average; without any, of its questions about up to 20
    of the traces at 4 characters a token, and 150 tokens an answer. How many traces pass the filter of one that asks a
    model is counted on up to 200 of them; where there are more, the upper end of the share's 95 % interval holds.
    `night` is what the calls will be booked under.
    """
    assert query.agent is not None
    ids = store.traces.ids(query)
    evaluators = [evaluator for evaluator in evaluators if not evaluator.compares_arms]
    by_name = {evaluator.name: evaluator for evaluator in evaluators}
    found: dict[str, EvaluatorEstimate] = {}
    open_ids = _open(store, evaluators, by_name, ids)
    for evaluator in evaluators:
        if evaluator.level == "session":
            inside = among(set(ids))
            sessions = [one for one in open_sessions(store, evaluator, query.agent) if inside(one)]
            contexts = [_of_session(store, one) for one in (sessions[:_SAMPLE] if evaluator.asks else [])]
            row = _priced(evaluator, len(sessions), contexts, accounts, prices or Prices())
        else:
            missing = open_ids[evaluator.name]
            items, contexts, told = _passing(store, evaluator, missing) if evaluator.asks else (len(missing), [], "")
            row = _priced(evaluator, items, contexts, accounts, prices or Prices())
            row = row.model_copy(update={"basis": row.basis + told})
        found[evaluator.name] = _within_budget(evaluator, row, spent_so_far(evaluator, store.calls, night))
    return list(found.values())


async def backfill(
    store: EnrichStore,
    evaluators: Sequence[Evaluator],
    query: TraceQuery,
    judge: ChatModel | None,
    *,
    night: str,
    progress: Callable[[int, int, str], None] | None = None,
    before_batch: Callable[[], Awaitable[None]] | None = None,
) -> EnrichSummary:
    """Judge the traces of `query`, and the sessions that end in it. `before_batch` is awaited before each batch.

    Started again it goes on where it stood. A spent budget ends it early, with what was paid for stored and counted.
    """
    assert query.agent is not None
    ids = store.traces.ids(query)
    summary = await enrich(store, evaluators, ids, judge, night=night, progress=progress, before_batch=before_batch)
    if summary.stopped is not None:
        return summary
    sessions = await enrich_sessions(
        store,
        evaluators,
        query.agent,
        judge,
        night=night,
        progress=progress,
        among=among(set(ids)),
        before_batch=before_batch,
    )
    return summary.model_copy(
        update={"evaluators": {**summary.evaluators, **sessions.evaluators}, "stopped": sessions.stopped}
    )


def with_what_they_wait_for(chosen: Sequence[Evaluator], known: Sequence[Evaluator]) -> list[Evaluator]:
    """The chosen evaluators and those whose results they are chained on, in the order of `known`."""
    by_name = {evaluator.name: evaluator for evaluator in known}
    names = {evaluator.name for evaluator in chosen}
    waiting = list(chosen)
    while waiting:
        when = waiting.pop().applies.when
        if when is not None and when.evaluator in by_name and when.evaluator not in names:
            names.add(when.evaluator)
            waiting.append(by_name[when.evaluator])
    return [evaluator for evaluator in known if evaluator.name in names]


def among(ids: set[str]) -> Callable[[SessionTraces], bool]:
    """Whether a session's last trace is one of these."""
    return lambda session: session.trace_ids[-1] in ids


def _open(
    store: EnrichStore, evaluators: Sequence[Evaluator], by_name: Mapping[str, Evaluator], ids: Sequence[str]
) -> dict[str, list[str]]:
    """The traces each evaluator has work on; one that waits for another may have it on all that are open there."""
    tallies = {one.name: Tally(one, by_name) for one in evaluators if one.level == "trace"}
    found: dict[str, list[str]] = {name: [] for name in tallies}
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        desk = Desk(store, some, some)
        wanted = {name: tally.wanted(desk, some) for name, tally in tallies.items()}
        for name in tallies:
            reach, at = set(wanted[name]), by_name[name]
            while at.applies.when is not None:
                at = by_name[at.applies.when.evaluator]
                reach |= wanted[at.name]
            corrected = by_name[name].applies.has_expected
            found[name] += [one for one in some if one in reach and corrected in (None, one in desk.corrections)]
    return found


def _passing(store: EnrichStore, evaluator: Evaluator, ids: Sequence[str]) -> tuple[int, list[EvaluationContext], str]:
    """How many of these traces pass the evaluator's filter at most, some that do, and how that is known."""
    rule = evaluator.applies
    if rule == Filter(sample=rule.sample, when=rule.when, has_expected=rule.has_expected):
        return len(ids), _contexts(store, ids[:_SAMPLE]), ""
    seen = ids[:: max(1, -(-len(ids) // _FILTERED))]
    passing = [one for one in _contexts(store, seen) if applies(rule, one, sampling=False)]
    if len(seen) == len(ids):
        return len(passing), passing[:_SAMPLE], ""
    most = math.ceil(wilson(len(passing), len(seen)).high * len(ids))
    return most, passing[:_SAMPLE], f"; {len(passing):,} of {len(seen):,} looked at pass its filter"


def _within_budget(evaluator: Evaluator, row: EvaluatorEstimate, spent: tuple[int, float]) -> EvaluatorEstimate:
    """The estimate of as many items as the evaluator's own budget has room for."""
    budget, fits = evaluator.budget, row.items
    if budget is None or not row.calls:
        return row
    if budget.calls is not None:
        fits = min(fits, max(0, budget.calls - spent[0]) // evaluator.asks)
    if budget.usd is not None and row.usd:
        fits = min(fits, math.ceil(max(0.0, budget.usd - spent[1]) / (row.usd / row.items)))
    if fits == row.items:
        return row
    part = fits / row.items
    return row.model_copy(
        update={
            "calls": fits * evaluator.asks,
            "input_tokens": None if row.input_tokens is None else round(row.input_tokens * part),
            "output_tokens": None if row.output_tokens is None else round(row.output_tokens * part),
            "usd": None if row.usd is None else row.usd * part,
            "basis": f"{row.basis}; its own budget has room for {fits:,} of them",
        }
    )


def _priced(
    evaluator: Evaluator,
    items: int,
    contexts: Sequence[EvaluationContext],
    accounts: AverageBook,
    prices: Prices,
) -> EvaluatorEstimate:
    known = {"evaluator": evaluator.name, "version": evaluator.version, "level": evaluator.level, "items": items}
    calls = items * evaluator.asks
    if not calls:
        return EvaluatorEstimate.model_validate(known)
    model = getattr(evaluator, "model", None)
    average = accounts.average(purpose_of(evaluator.name), model) or accounts.average(purpose_of(evaluator.name))
    if average is not None:
        sent, received = average.input_tokens, average.output_tokens
        basis = f"the average of {average.calls:,} earlier calls"
    else:
        lengths = [length for context in contexts for length in _lengths(evaluator, context)]
        if not lengths:
            return EvaluatorEstimate.model_validate(
                {**known, "calls": calls, "input_tokens": None, "output_tokens": None, "usd": None, "basis": "nothing"}
            )
        sent, received = sum(lengths) / len(lengths) / _CHARACTERS_A_TOKEN, _ANSWER_TOKENS
        basis = f"the questions about {len(contexts)} of them, at 4 characters a token"
    priced = prices.of(evaluator.models, sent, received)
    usd = None if priced is None else calls * priced
    if usd is None and average is not None and average.cost_usd:
        usd = calls * average.cost_usd
    return EvaluatorEstimate.model_validate(
        {
            **known,
            "calls": calls,
            "input_tokens": round(calls * sent),
            "output_tokens": round(calls * received),
            "usd": usd,
            "basis": basis,
        }
    )


def _lengths(evaluator: Evaluator, context: EvaluationContext) -> list[int]:
    if not applies(evaluator.applies, context, sampling=False):
        return []
    try:
        questions = evaluator.questions(context)
    except Exception:  # it cannot judge this one; others tell the length
        return []
    return [sum(len(message.text) for message in question.messages) for question in questions]


def _contexts(store: EnrichStore, ids: Sequence[str]) -> list[EvaluationContext]:
    desk = Desk(store, ids, ids)
    loaded = store.traces.load(ids) if ids else ()
    return [EvaluationContext(trace=trace, example=example_of(trace, desk.corrections)) for trace in loaded]


def _of_session(store: EnrichStore, session: SessionTraces) -> EvaluationContext:
    traces = tuple(store.traces.load(session.trace_ids[-LONGEST:]))
    return EvaluationContext(trace=join_session(traces), session=traces)
