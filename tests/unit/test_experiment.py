"""The experiment engine: interleaved, resumable, and honest about what could not be measured."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example, Split
from burnish.domain.evaluators.base import EvaluationContext, Evaluator, Score
from burnish.domain.experiments import AgentVersion, Arm, Experiment, RunOutcome, RunStatus
from burnish.domain.traces import Span, SpanKind, SpanStatus, Trace
from burnish.errors import BudgetExceededError, StoreError, TargetError
from burnish.loop.experiment import MeasureSummary, limited, measure

EXAMPLES = [Example(id=f"e{i}", input=f"question {i}", expected=f"answer {i}") for i in range(6)]
BASELINE = Arm(name="baseline", version=AgentVersion(id="v0", root=Path(), commit="c", label="base"))
CANDIDATE = Arm(name="candidate", version=AgentVersion(id="v1", root=Path(), commit="c", label="new"))


class Right(Evaluator):
    """Whether the output is the expected one; crashes where the output asks for it."""

    kind = "right"

    async def evaluate(self, context: EvaluationContext) -> Score:
        if context.output == "crash the evaluator":
            raise RuntimeError("cannot judge this")
        return Score.passed(context.output == context.expected)


class FakeTarget:
    """Answers through a function and notes what it was asked, in order."""

    def __init__(self, answer: Callable[[AgentVersion, Example], RunOutcome], seconds: float = 0.0) -> None:
        self._answer = answer
        self._seconds = seconds
        self.asked: list[tuple[str, str]] = []

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        self.asked.append((version.id, example.id))
        await asyncio.sleep(self._seconds)
        return self._answer(version, example)


def answered(version: AgentVersion, example: Example, output: str) -> RunOutcome:
    now = utc_now()
    trace_id = f"{version.id}-{example.id}"
    root = Span(trace_id=trace_id, span_id="s", name="agent", kind=SpanKind.AGENT, started_at=now, ended_at=now)
    trace = Trace(
        trace_id=trace_id, agent="desk", source="experiment", name="agent", started_at=now, ended_at=now,
        status=SpanStatus.OK, input=example.input, output=output, spans=(root,),
    )  # fmt: skip
    return RunOutcome(status=RunStatus.OK, output=output, trace=trace)


def right(version: AgentVersion, example: Example) -> RunOutcome:
    return answered(version, example, str(example.expected))


def experiment(repetitions: int = 1) -> Experiment:
    return Experiment(
        id="x1", agent="desk", night="desk/2026-01-01", split=Split.DEV, arms=("baseline", "candidate"),
        versions={"baseline": "v0", "candidate": "v1"}, dataset_fingerprint="f", metric="right",
        repetitions=repetitions, created_at=utc_now(),
    )  # fmt: skip


async def run(
    store: Store, target: FakeTarget, repetitions: int = 1, evaluators: Sequence[Evaluator] = (Right(name="right"),)
) -> MeasureSummary:
    return await measure(
        store, experiment(repetitions), [BASELINE, CANDIDATE], EXAMPLES, evaluators, target,
        concurrency=2, retry_pause_s=0.0,
    )  # fmt: skip


async def test_every_arm_runs_every_example(store: Store) -> None:
    """Each arm runs each example as often as asked, and its mean is over all of them."""
    target = FakeTarget(lambda v, e: right(v, e) if v.id == "v1" else answered(v, e, "wrong"))
    summary = await run(store, target, repetitions=2)
    assert summary.means == {"baseline": 0.0, "candidate": 1.0}
    assert sorted(target.asked) == sorted([("v0", e.id) for e in EXAMPLES] * 2 + [("v1", e.id) for e in EXAMPLES] * 2)


async def test_arms_are_interleaved(store: Store) -> None:
    """An example's arms run next to each other, so that a bad hour hits both alike."""
    target = FakeTarget(right)
    await run(store, target)
    pairs = [target.asked[i : i + 2] for i in range(0, len(target.asked), 2)]
    assert all({version for version, _ in pair} == {"v0", "v1"} for pair in pairs), target.asked
    assert all(len({example for _, example in pair}) == 1 for pair in pairs), target.asked


async def test_a_restart_runs_only_what_is_missing(store: Store) -> None:
    """After a death in the middle, finished runs are not repeated and the result is the same."""
    calls = 0

    def dies_halfway(version: AgentVersion, example: Example) -> RunOutcome:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise RuntimeError("the power went")
        return right(version, example)

    with pytest.raises(RuntimeError, match="the power went"):
        await run(store, FakeTarget(dies_halfway))
    finished = {(r.version_id, r.key.example_id) for r in store.experiments.runs("x1")}
    second = FakeTarget(right)
    summary = await run(store, second)
    assert 0 < len(finished) < 6  # some were finished, and only those that were asked for
    assert finished.isdisjoint(second.asked)
    assert summary.found + summary.ran == summary.planned == 12
    assert summary.means == {"baseline": 1.0, "candidate": 1.0}


async def test_an_unmeasured_run_is_tried_again_and_never_scored(store: Store) -> None:
    """A rate limit is tried twice, stays out of the mean, and is tried again when the experiment is started again."""
    limits = RunOutcome(status=RunStatus.UNMEASURED, error="429")
    target = FakeTarget(lambda v, e: limits if (v.id, e.id) == ("v1", "e0") else right(v, e))
    summary = await run(store, target)
    assert summary.unmeasured == 1
    assert summary.means == {"baseline": 1.0, "candidate": 1.0}
    assert target.asked.count(("v1", "e0")) == 2
    again = FakeTarget(right)
    summary = await run(store, again)
    assert again.asked == [("v1", "e0")]
    assert summary.unmeasured == 0


async def test_an_exception_of_the_agent_is_a_wrong_answer(store: Store) -> None:
    """A candidate that crashes on half of its examples scores a half, not the mean of what it answered."""
    crash = RunOutcome(status=RunStatus.AGENT_FAILURE, error="ZeroDivisionError")
    target = FakeTarget(lambda v, e: crash if v.id == "v1" and int(e.id[1]) % 2 else right(v, e))
    summary = await run(store, target)
    assert summary.means == {"baseline": 1.0, "candidate": 0.5}


async def test_a_crashed_evaluator_is_not_a_score(store: Store) -> None:
    """Where the metric's evaluator crashes, the run is unmeasured and the failure is kept."""
    target = FakeTarget(
        lambda v, e: answered(v, e, "crash the evaluator") if (v.id, e.id) == ("v1", "e2") else right(v, e)
    )
    summary = await run(store, target)
    failed = [r for r in store.experiments.runs("x1", "candidate") if r.evaluator_failures]
    assert summary.unmeasured == 1
    assert [r.key.example_id for r in failed] == ["e2"]
    assert "cannot judge this" in failed[0].evaluator_failures["right"]


async def test_what_an_evaluator_could_not_say_is_asked_again_without_running_the_agent(store: Store) -> None:
    """A judge that was away leaves a run without a score; the next start scores the trace that is there."""
    away = True

    class Judge(Right):
        kind = "right_when_there"

        async def evaluate(self, context: EvaluationContext) -> Score:
            if away:
                raise ConnectionError("the judge is away")
            return await super().evaluate(context)

    target = FakeTarget(right)
    first = await run(store, target, evaluators=[Judge(name="right")])
    away = False
    second = await run(store, target, evaluators=[Judge(name="right")])
    assert (12, 12, 0) == (first.unmeasured, len(target.asked), second.unmeasured)
    assert {"baseline": 1.0, "candidate": 1.0} == second.means
    assert {} == store.experiments.runs("x1")[0].evaluator_failures


class Shaky:
    """The store of runs behind a database that refuses some writes and lets others take their time."""

    def __init__(self, store: Store, refusals: int = 0, seconds: float = 0.0) -> None:
        self._store = store
        self.refusals = refusals
        self._seconds = seconds
        self.experiments = self
        self.traces = store.traces

    def add_runs(self, *given: Any) -> None:
        time.sleep(self._seconds)
        if self.refusals:
            self.refusals -= 1
            raise StoreError("locked")
        self._store.experiments.add_runs(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store.experiments, name)


@pytest.mark.parametrize("shaky", [{"refusals": 1}, {"seconds": 0.7}], ids=["refuses", "slow"])
async def test_no_finished_run_is_lost_to_a_database_in_trouble(store: Store, shaky: dict[str, Any]) -> None:
    """What could not be written waits for the next time, and every write has landed when the measurement ends."""
    # Slow enough that writes fall into the measurement.
    summary = await run(Shaky(store, **shaky), FakeTarget(right, seconds=0.2))  # type: ignore[arg-type]
    assert (12, 0) == (len(store.experiments.runs("x1")), summary.unmeasured)


async def test_a_database_that_stays_away_is_an_error_at_the_end(store: Store) -> None:
    """Nothing is claimed to be measured that is not stored."""
    with pytest.raises(StoreError, match="locked"):
        await run(Shaky(store, refusals=99), FakeTarget(right))  # type: ignore[arg-type]


async def test_a_spent_budget_keeps_what_is_finished(store: Store) -> None:
    """When the budget ends, the summary says so and every finished run is stored."""
    asked = 0

    def until_spent(version: AgentVersion, example: Example) -> RunOutcome:
        nonlocal asked
        asked += 1
        if asked > 4:
            raise BudgetExceededError("4 of 4 calls are spent")
        return right(version, example)

    summary = await run(store, FakeTarget(until_spent))
    assert summary.exhausted is True
    assert len(store.experiments.runs("x1")) == 4


async def test_broken_wiring_is_an_error(store: Store) -> None:
    """An agent that cannot be run at all stops the experiment with the reason."""

    def broken(version: AgentVersion, example: Example) -> RunOutcome:
        raise TargetError("no module named desk")

    with pytest.raises(TargetError, match="no module named desk"):
        await run(store, FakeTarget(broken))


def test_the_same_examples_are_chosen_whatever_their_order() -> None:
    """A limit picks the same examples every time, and a lower limit a part of a higher one's."""
    five = [e.id for e in limited(EXAMPLES, 5)]
    assert five == [e.id for e in limited(list(reversed(EXAMPLES)), 5)]
    assert [e.id for e in limited(EXAMPLES, 3)] == five[:3]
