"""Enriching stored traces: only what is missing, newest correction as the expected output, nothing paid for is lost."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.evaluation import ScriptedJudge, tool, trace

from burnish.domain.base import Json, utc_now
from burnish.domain.evaluators.base import EvaluationContext, Evaluator, Filter, Score
from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.limits import CostLimit, LatencyLimit, NoError
from burnish.domain.evaluators.text import ExactMatch
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Trace
from burnish.errors import BudgetExceededError, ModelError
from burnish.loop.enrich import EvaluatorCounts, enrich, pending

if TYPE_CHECKING:
    from burnish.adapters.store import Store

IDS = [f"{n:032x}" for n in range(1, 6)]
PASS = {"reasoning": "", "verdict": "pass"}


@pytest.fixture
def store(store: "Store") -> "Store":
    """The store with five traces."""
    store.traces.add(trace(f"answer {n}", trace_id=trace_id) for n, trace_id in enumerate(IDS, start=1))
    return store


def corrected(trace_id: str, correction: Json, *, later_s: float = 0.0, **fields: Any) -> Feedback:
    defaults = {"source": FeedbackSource.HUMAN, "author": "ana", "key": "review"}
    moment = utc_now() + timedelta(seconds=later_s)
    return Feedback(**{**defaults, **fields}, trace_id=trace_id, correction=correction, created_at=moment)


async def run(
    store: "Store", evaluators: Sequence[Evaluator], ids: Sequence[str] = IDS, judge: Any = None, **options: Any
) -> dict[str, dict[str, Any]]:
    """Counts by evaluator, without the version and what is 0."""
    summary = await enrich(store, evaluators, ids, judge, **options)
    return {
        name: {
            key: value for key, value in counts.model_dump(exclude={"version"}).items() if value not in (0, None, "")
        }
        for name, counts in summary.evaluators.items()
    }


def scores(store: "Store", key: str) -> list[float | None]:
    given = store.feedback.for_traces(IDS)
    return [next((item.score for item in given[one] if item.key == key), None) for one in IDS]


async def test_everything_is_scored_once(store: "Store") -> None:
    """A second run finds everything done and does nothing."""
    evaluators = [NoError(name="a"), LatencyLimit(name="b", max_s=1.5)]
    assert pending(store, "support", evaluators) == list(reversed(IDS))
    assert {"a": {"scored": 5, "mean": 1.0}, "b": {"scored": 5}} == {
        name: {key: value for key, value in counts.items() if value}
        for name, counts in (await run(store, evaluators)).items()
    }
    assert pending(store, "support", evaluators) == []
    assert {"a": {"known": 5}, "b": {"known": 5}} == await run(store, evaluators)


async def test_a_mean_of_nothing_is_none(store: "Store") -> None:
    """An evaluator without new scores has no mean, not 0; one that only fails traces has 0."""
    await enrich(store, [NoError(name="a")], IDS[:1], None)
    summary = await enrich(store, [NoError(name="a"), LatencyLimit(name="b", max_s=1)], IDS[:1], None)
    assert summary.evaluators["a"] == EvaluatorCounts(version=NoError(name="a").version, known=1)
    assert summary.evaluators["b"].mean == 0.0
    assert summary.traces == 1


async def test_only_the_missing_is_computed(store: "Store") -> None:
    """New traces and changed evaluators are scored; a renamed one is another, an unchanged one is not asked again."""
    model = ScriptedJudge(lambda request: PASS)
    judge = Judge(name="j", rubric="Good.")
    await run(store, [judge], IDS[:2], model)
    assert {"j": {"scored": 3, "known": 2, "mean": 1.0}} == await run(store, [judge], IDS, model)
    assert len(model.requests) == 5
    assert {"j": {"scored": 5, "mean": 1.0}} == await run(store, [Judge(name="j", rubric="Better.")], IDS, model)


async def test_a_trace_that_grew_is_judged_again(store: "Store") -> None:
    """New spans change what there is to judge."""
    check = NoError(name="a", any_span=True)
    await run(store, [check])
    grown: Trace = trace("answer 1", tool("find", failed=True), trace_id=IDS[0])
    store.traces.add([grown])
    assert pending(store, "support", [check]) == [IDS[0]]
    assert {"a": {"scored": 1, "known": 4}} == await run(store, [check])
    assert scores(store, "a") == [0, 1, 1, 1, 1]


async def test_the_newest_correction_is_expected(store: "Store") -> None:
    """Of several corrections the newest counts; those of machines and of single spans do not."""
    store.feedback.add(
        [
            corrected(IDS[0], "wrong", later_s=-20),
            corrected(IDS[0], "answer 1", later_s=-10, author="ben", source=FeedbackSource.USER),
            corrected(IDS[0], "of a span", span_id="s"),
            corrected(IDS[0], "of a judge", source=FeedbackSource.JUDGE, author="j"),
            corrected(IDS[1], "another answer"),
        ]
    )
    check = ExactMatch(name="correct", applies=Filter(has_expected=True))
    assert pending(store, "support", [check]) == [IDS[1], IDS[0]]
    assert {"correct": {"scored": 2, "skipped": 3, "mean": 0.5}} == await run(store, [check])
    assert scores(store, "correct") == [1, 0, None, None, None]


async def test_a_newer_correction_opens_what_uses_it(store: "Store") -> None:
    """The check that compares judges the corrected trace again; the others keep their results."""
    evaluators = [ExactMatch(name="correct", applies=Filter(has_expected=True)), NoError(name="a")]
    store.feedback.add([corrected(IDS[0], "wrong"), corrected(IDS[1], "wrong")])
    await run(store, evaluators)
    store.feedback.add([corrected(IDS[0], "answer 1", later_s=0.01)])
    await asyncio.sleep(0.02)
    assert pending(store, "support", evaluators) == [IDS[0]]
    assert {"correct": {"scored": 1, "known": 1, "skipped": 3, "mean": 1.0}, "a": {"known": 5}} == await run(
        store, evaluators
    )
    assert scores(store, "correct")[:2] == [1, 0]
    assert pending(store, "support", evaluators) == []


async def test_a_correction_made_while_judging_is_not_missed(store: "Store") -> None:
    """Results bear the time their inputs were read, so that a correction made since then opens them again."""
    store.feedback.add([corrected(IDS[0], "wrong")])

    def correct_meanwhile(request: Any) -> Any:
        store.feedback.add([corrected(IDS[0], "answer 1")])
        return PASS

    judge = Judge(name="j", rubric="Good.", reference=True, applies=Filter(has_expected=True))
    await run(store, [judge], IDS, ScriptedJudge(correct_meanwhile))
    assert pending(store, "support", [judge]) == [IDS[0]]


async def test_failures_are_stored_and_tried_again(store: "Store") -> None:
    """A failed judge is asked again, and its success removes the failure."""
    judge = Judge(name="j", rubric="Good.")
    assert {"j": {"failed": 1}} == await run(store, [judge], IDS[:1], ScriptedJudge([ModelError("down")]))
    assert ["down"] == [failure.message for failure in store.feedback.failures(IDS)[IDS[0]]]
    assert {"j": {"scored": 1, "mean": 1.0}} == await run(store, [judge], IDS[:1], ScriptedJudge([PASS]))
    assert [] == store.feedback.failures(IDS)[IDS[0]]


async def test_a_judge_without_a_model_is_tried_again_with_one(store: "Store") -> None:
    """A refusal that configuration can mend is not final."""
    judge = Judge(name="j", rubric="Good.")
    assert {"j": {"failed": 1}} == await run(store, [judge], IDS[:1], None)
    assert {"j": {"scored": 1, "mean": 1.0}} == await run(store, [judge], IDS[:1], ScriptedJudge([PASS]))


async def test_a_checks_refusal_is_remembered(store: "Store") -> None:
    """A check that cannot judge a trace is not asked again, until a correction gives it what it lacked."""
    evaluators = [CostLimit(name="cheap", max_usd=1), ExactMatch(name="correct")]
    assert {"cheap": {"failed": 5}, "correct": {"failed": 5}} == await run(store, evaluators)
    assert pending(store, "support", evaluators) == []
    assert {"cheap": {"known": 5}, "correct": {"known": 5}} == await run(store, evaluators)
    # A review may be imported later than it was made.
    store.feedback.add([corrected(IDS[2], "answer 3", later_s=-3600)])
    assert pending(store, "support", evaluators) == [IDS[2]]
    assert {"cheap": {"known": 5}, "correct": {"scored": 1, "known": 4, "mean": 1.0}} == await run(store, evaluators)


async def test_a_spent_budget_keeps_what_was_paid(store: "Store") -> None:
    """What was judged before the budget ended is stored, also within the batch, and not paid again."""
    answers = [PASS, PASS, PASS, BudgetExceededError("spent")]
    judge = Judge(name="j", rubric="Good.")
    model: Any = ScriptedJudge(answers)
    summary = await enrich(store, [judge, NoError(name="a")], IDS, model, concurrency=1, batch=2)
    assert ("spent", 3, 4) == (summary.stopped, *(summary.evaluators[name].scored for name in ("j", "a")))
    assert scores(store, "j") == [1, 1, 1, None, None]
    assert scores(store, "a") == [1, 1, 1, 1, None]
    model = ScriptedJudge(lambda request: PASS)
    await run(store, [judge], IDS, model)
    assert len(model.requests) == 2


async def test_a_cancelled_run_keeps_what_was_paid(store: "Store") -> None:
    """Stopping the night in the middle of a batch loses no finished judgement."""
    stopped = asyncio.Event()

    class Slow(ScriptedJudge):
        async def complete(self, request: Any) -> Any:
            if len(self.requests) == 2:
                stopped.set()
                await asyncio.sleep(60)
            return await super().complete(request)

    judge = Judge(name="j", rubric="Good.")
    work = asyncio.create_task(enrich(store, [judge], IDS, Slow(lambda request: PASS), concurrency=1))
    await stopped.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert scores(store, "j") == [1, 1, None, None, None]


async def test_samples_are_the_same_for_every_evaluator(store: "Store") -> None:
    """Two evaluators at one share score the same traces, again and again."""
    share = Filter(sample=0.5)
    evaluators = [NoError(name="a", applies=share), LatencyLimit(name="b", max_s=9, applies=share)]
    store.traces.add(trace("x", trace_id=f"{n:032x}") for n in range(100, 140))
    ids = [f"{n:032x}" for n in range(100, 140)]
    counts = await run(store, evaluators, ids)
    assert 40 == counts["a"]["scored"] + counts["a"]["skipped"]
    assert 5 < counts["a"]["scored"] < 35
    given = store.feedback.for_traces(ids)
    assert {0, 2} == {len(items) for items in given.values()}


async def test_pending_leaves_out_what_the_filter_does(store: "Store") -> None:
    """Filters that a list of traces can answer are applied without loading a trace."""
    store.traces.add([trace("x", trace_id="f" * 32, environment="production")])
    check = NoError(name="a", applies=Filter(environment="production"))
    assert pending(store, "support", [check]) == ["f" * 32]
    await run(store, [check], ["f" * 32])
    assert pending(store, "support", [check]) == []
    assert pending(store, "nobody", [check]) == []


async def test_unknown_and_repeated_ids_do_no_harm(store: "Store") -> None:
    """An id given twice is one trace; an id the store does not know is neither scored nor failed."""
    summary = await enrich(store, [NoError(name="a")], [IDS[0], IDS[0], "e" * 32], None)
    assert (2, 1, 0) == (summary.traces, summary.evaluators["a"].scored, summary.evaluators["a"].failed)


async def test_progress_is_told_by_batch(store: "Store") -> None:
    """After each batch: done, total."""
    told: list[tuple[int, int]] = []
    await enrich(
        store, [NoError(name="a")], IDS, None, batch=2, progress=lambda done, total, note: told.append((done, total))
    )
    assert told == [(2, 5), (4, 5), (5, 5)]


async def test_nothing_is_loaded_where_nothing_is_missing(store: "Store") -> None:
    """A run over judged traces reads no payloads."""

    class Sealed:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"traces.{name} was used")

        def load(self, trace_ids: Sequence[str]) -> Iterator[Trace]:
            assert not trace_ids
            return iter(())

    class Door:
        traces: Any = Sealed()
        feedback = store.feedback

    await run(store, [NoError(name="a")])
    assert {"a": {"known": 5}} == await run(Door(), [NoError(name="a")])  # type: ignore[arg-type]


async def test_a_trace_that_grows_while_it_is_judged_is_judged_again(store: "Store") -> None:
    """What was said of a part of a trace does not stand when the rest came in before it was written."""
    late = tool("find", at=1.5, failed=True).model_copy(update={"trace_id": IDS[0]})

    class Slow(Evaluator):
        kind = "slow"

        async def evaluate(self, context: EvaluationContext) -> Score:
            if context.trace.trace_id == IDS[0] and len(context.trace.spans) == 1:
                store.traces.add([context.trace.model_copy(update={"spans": (late,)})])
            return Score(score=float(len(context.trace.spans)))

    check = Slow(name="spans")
    await enrich(store, [check], IDS, None)
    assert [IDS[0]] == pending(store, "support", [check])
    assert [] == store.feedback.for_trace(IDS[0])
    await enrich(store, [check], IDS, None)
    assert [2.0] == [item.score for item in store.feedback.for_trace(IDS[0])]
    assert [] == pending(store, "support", [check])
