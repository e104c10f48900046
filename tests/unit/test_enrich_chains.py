"""Chains, budgets of single evaluators, users' feedback and sessions, over a real store."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.evaluation import START, ScriptedJudge, said, span, trace

from burnish.domain.base import utc_now
from burnish.domain.chat import ChatReply, PaidReply
from burnish.domain.evaluators.base import Evaluator, EvaluatorBudget, Filter, When
from burnish.domain.evaluators.chains import waves
from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.limits import NoError
from burnish.domain.evaluators.signals import UserFeedback
from burnish.domain.evaluators.text import Contains
from burnish.domain.evaluators.trajectory import StepLimit
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.domain.traces import SpanKind, Trace, Usage
from burnish.errors import ConfigError
from burnish.loop.backfill import Prices, estimate
from burnish.loop.enrich import enrich, pending
from burnish.loop.enrich_sessions import enrich_sessions
from burnish.loop.report import held_back

if TYPE_CHECKING:
    from burnish.adapters.store import Store

IDS = [f"{n:032x}" for n in range(1, 6)]
PASS = {"reasoning": "", "verdict": "pass"}


@pytest.fixture
def store(store: "Store") -> "Store":
    """The store with five traces."""
    store.traces.add(trace(f"answer {n}", trace_id=trace_id) for n, trace_id in enumerate(IDS, start=1))
    return store


def after(evaluator: str, **condition: Any) -> Filter:
    return Filter(when=When(evaluator=evaluator, **condition))


def keys(store: "Store", trace_id: str) -> list[str]:
    return sorted(item.key for item in store.feedback.for_trace(trace_id))


async def test_a_judge_where_a_cheap_check_failed(store: "Store") -> None:
    """The judge sees only what the check failed, in the same run, whatever the order of the files."""
    check = Contains(name="cheap", all_of=("3",))
    judge = Judge(name="j", rubric="Good.", applies=after("cheap", above=0.5))
    model = ScriptedJudge(lambda request: PASS)
    summary = await enrich(store, [judge, check], IDS, model)
    assert ["j", "cheap"] == list(summary.evaluators)
    assert (1, 4) == (summary.evaluators["j"].scored, summary.evaluators["j"].skipped)
    assert ["cheap", "j"] == keys(store, IDS[2])
    assert pending(store, "support", [judge, check]) == []


async def test_a_chain_of_three_goes_by_label(store: "Store") -> None:
    """Waves follow one another; a value is a condition too."""
    first = NoError(name="a")
    second = Contains(name="b", all_of=("1",), applies=after("a", value=True))
    third = Judge(name="c", rubric="Good.", applies=after("b", value=False))
    model = ScriptedJudge(lambda request: PASS)
    summary = await enrich(store, [third, second, first], IDS, model, batch=2)
    assert {"c": 4, "b": 5, "a": 5} == {name: counts.scored for name, counts in summary.evaluators.items()}


async def test_what_is_pending_is_what_the_first_has_said(store: "Store") -> None:
    """A trace whose check is done waits for the judge alone; one the condition leaves out waits for nothing."""
    check = Contains(name="cheap", all_of=("3",))
    await enrich(store, [check], IDS, None)
    judge = Judge(name="j", rubric="Good.", applies=after("cheap", below=0.5))
    assert pending(store, "support", [check, judge]) == [IDS[4], IDS[3], IDS[1], IDS[0]]


@pytest.mark.parametrize(
    ("evaluators", "message"),
    [
        ([NoError(name="a", applies=after("b")), NoError(name="b", applies=after("a"))], "in a circle: a → b → a"),
        ([NoError(name="a", applies=after("a"))], "in a circle: a → a"),
        ([NoError(name="abc"), NoError(name="x", applies=after("abd"))], "did you mean 'abc'"),
        ([NoError(name="a", level="session"), NoError(name="x", applies=after("a"))], "sessions cannot be chained"),
        ([UserFeedback(name="u", keys=("r",), level="session")], "trace by trace"),
    ],
)
def test_a_chain_that_cannot_be_is_refused(evaluators: Sequence[Evaluator], message: str) -> None:
    """Circles, unknown names and sessions in chains are errors of configuration."""
    with pytest.raises(ConfigError, match=message):
        waves(evaluators)


class Priced(ScriptedJudge):
    """A judge whose calls cost ten cents."""

    async def complete(self, request: Any) -> ChatReply:
        return (await super().complete(request)).model_copy(update={"cost_usd": 0.1})


@pytest.mark.parametrize("budget", [EvaluatorBudget(calls=2), EvaluatorBudget(usd=0.2), EvaluatorBudget(usd=0.11)])
async def test_an_evaluator_ends_at_its_own_budget(store: "Store", budget: EvaluatorBudget) -> None:
    """What is over stays open and is no failure; the other judge goes on."""
    dear = Judge(name="dear", rubric="Good.", budget=budget)
    model = Priced(lambda request: PASS)
    summary = await enrich(store, [dear, Judge(name="free", rubric="Kind.")], IDS, model, concurrency=1)
    counts = summary.evaluators["dear"]
    assert (2, 3, 0) == (counts.scored, counts.held_back, counts.failed)
    assert "are made" in counts.held_because or "are spent" in counts.held_because
    (left,) = held_back(summary.model_dump(mode="json"))
    assert f"dear: 3 left open, because of its own budget: {counts.held_because}." == left
    assert 5 == summary.evaluators["free"].scored
    assert {one: [] for one in IDS} == store.feedback.failures(IDS)
    assert len(pending(store, "support", [dear])) == 3
    assert {"judge/dear", "judge/free"} == {request.purpose for request in model.requests}


async def test_a_budget_counts_what_was_paid_before(store: "Store") -> None:
    """Calls booked today by an earlier run are gone, those of another evaluator are not."""
    judge = Judge(name="j", rubric="Good.", budget=EvaluatorBudget(calls=3))
    paid = [PaidReply(f"k{n}", ChatReply(text="", model="m"), "m", f"judge/{who}", "n") for n, who in enumerate("jjx")]
    store.calls.put_many(paid)
    summary = await enrich(store, [judge], IDS, ScriptedJudge(lambda request: PASS), concurrency=1)
    assert (1, 4) == (summary.evaluators["j"].scored, summary.evaluators["j"].held_back)
    average = store.calls.average("judge/j")
    assert average is not None
    assert 2 == average.calls


async def test_dollars_of_an_unpriced_model_cannot_be_held(store: "Store") -> None:
    """The first answer shows it, and nothing more is asked."""
    judge = Judge(name="j", rubric="Good.", budget=EvaluatorBudget(usd=5))
    model = ScriptedJudge(lambda request: PASS)
    await enrich(store, [judge], IDS, model, concurrency=1)
    assert 1 == len(model.requests)


def thumb(trace_id: str, value: str, minutes: float = 0, author: str = "u") -> Feedback:
    moment = utc_now() + timedelta(minutes=minutes)
    return Feedback(
        trace_id=trace_id, key="thumb", source=FeedbackSource.USER, value=value, author=author, created_at=moment
    )


async def test_users_feedback_is_scored_where_there_is_some(store: "Store") -> None:
    """No thumb is no failure; a newer thumb scores again."""
    signal = UserFeedback(name="users", keys=("thumb",))
    assert pending(store, "support", [signal]) == []
    store.feedback.add([thumb(IDS[0], "up", -1), thumb(IDS[1], "down", -1)])
    assert pending(store, "support", [signal]) == [IDS[1], IDS[0]]
    summary = await enrich(store, [signal], IDS, None)
    assert (2, 3, 0, 0.5) == (
        summary.evaluators["users"].scored,
        summary.evaluators["users"].skipped,
        summary.evaluators["users"].failed,
        summary.evaluators["users"].mean,
    )
    assert pending(store, "support", [signal]) == []
    store.feedback.add([thumb(IDS[0], "down", 1)])
    assert pending(store, "support", [signal]) == [IDS[0]]


def turn(number: int, minutes: float, session: str = "s") -> Trace:
    start = START + timedelta(minutes=minutes)
    made = trace(
        f"answer {number}",
        span("l", SpanKind.LLM, input_messages=(said("user", f"question {number}"),), usage=Usage(input_tokens=10)),
        trace_id=f"{session}{number:031x}",
        session_id=session,
        input=f"question {number}",
    )
    return made.model_copy(update={"started_at": start, "ended_at": start + timedelta(seconds=5)})


async def test_a_settled_session_is_judged_as_a_whole(store: "Store") -> None:
    """One result on the last trace, which names the session; nothing before it has settled, nothing twice."""
    store.traces.add([turn(1, 0), turn(2, 1), turn(1, 100, session="b")])
    judge = Judge(name="whole", rubric="Helped.", level="session", idle_minutes=30)
    steps = StepLimit(name="steps", limit=1, level="session")
    model = ScriptedJudge(lambda request: PASS)
    now = START + timedelta(minutes=20)
    early = (await enrich_sessions(store, [judge, steps], "support", model, now=now)).evaluators
    assert (0, 2) == (early["whole"].scored, early["whole"].skipped)
    found = (await enrich_sessions(store, [judge, steps], "support", model, now=START + timedelta(hours=1))).evaluators
    assert (1, 1) == (found["whole"].scored, found["steps"].scored)
    text = model.requests[0].messages[1].text
    assert "[turn 1 of 2]" in text
    assert text.index("question 1") < text.index("answer 2")
    assert [] == store.feedback.for_trace(turn(1, 0).trace_id)
    items = {item.key: item for item in store.feedback.for_trace(turn(2, 1).trace_id)}
    assert "session s, 2 traces" == items["whole"].comment
    assert (0, "session s, 2 traces: 2 steps, the limit is 1") == (items["steps"].score, items["steps"].comment)
    again = (await enrich_sessions(store, [judge, steps], "support", model, now=START + timedelta(hours=1))).evaluators
    assert (0, 1) == (again["whole"].scored, again["whole"].known)
    # The per-trace run leaves them alone.
    assert {} == (await enrich(store, [judge], IDS, model)).evaluators
    assert [] == pending(store, "support", [judge])


async def test_a_session_that_grows_is_judged_again(store: "Store") -> None:
    """A new end takes the result over, and a trace that comes late in the middle opens it too."""
    store.traces.add([turn(1, 0), turn(3, 2)])
    check = StepLimit(name="steps", limit=9, level="session", idle_minutes=1)
    later = START + timedelta(hours=2)
    await enrich_sessions(store, [check], "support", None, now=later)
    store.traces.add([turn(2, 1)])
    grown = (await enrich_sessions(store, [check], "support", None, now=later)).evaluators
    assert 1 == grown["steps"].scored
    store.traces.add([turn(4, 3)])
    await enrich_sessions(store, [check], "support", None, now=later)
    assert [[], [], [], ["steps"]] == [keys(store, turn(number, 0).trace_id) for number in (1, 2, 3, 4)]


async def test_series_never_join_two_epochs(store: "Store") -> None:
    """Each version is a series of its own with daily means and intervals."""
    store.traces.add([turn(7, 24 * 60, session="d")])
    ids = [*IDS, turn(7, 0, session="d").trace_id]
    for words in (("1",), ("1", "7")):
        await enrich(store, [Contains(name="c", any_of=words)], ids, None)
    first, second = sorted(
        store.feedback.series("support", "c"), key=lambda one: -len(one.points) * one.points[-1].mean
    )
    assert first.version != second.version
    assert {("c", "code", "c")} == {(one.key, one.source, one.evaluator) for one in (first, second)}
    assert [(5, 0.2), (1, 1.0)] == [(point.count, point.mean) for point in first.points]
    assert [(5, 0.2), (1, 0.0)] == [(point.count, point.mean) for point in second.points]
    assert all(point.low <= point.mean <= point.high for point in first.points)
    assert [] == store.feedback.series("support", "c", since=START + timedelta(days=9))


def test_an_estimate_knows_what_filter_and_budget_leave(store: "Store") -> None:
    """Of five traces two pass the filter, and the evaluator's own budget has room for one: that is what is shown."""
    store.traces.add(trace("paid", trace_id=f"{n:032x}", metadata={"tier": "paid"}) for n in range(6, 8))
    paid = Judge(name="paid", rubric="Good.", applies=Filter(metadata={"tier": "paid"}))
    tight = paid.model_copy(update={"name": "tight", "budget": EvaluatorBudget(calls=1)})
    query = TraceQuery(agent="support")
    rows = estimate(store, store.calls, [paid, tight], query, Prices(input=1.0, output=1.0))
    assert [(2, 2), (2, 1)] == [(row.items, row.calls) for row in rows]
    assert rows[1].usd == pytest.approx((rows[0].usd or 0) / 2)
    assert "room for 1 of them" in rows[1].basis
