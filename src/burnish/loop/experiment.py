"""Run several versions of an agent over the same examples, interleaved, and score every run.

A finished run is written within a second and never run again for the same (experiment, arm, example, repetition), so
a night killed in the middle goes on where it stood. What could not be measured is tried again, then kept as unmeasured.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Value, content_hash
from burnish.domain.chat import ChatModel
from burnish.domain.datasets import Example
from burnish.domain.evaluators.base import EvaluationContext, Evaluator
from burnish.domain.evaluators.run import Versions, score_run
from burnish.domain.experiments import Arm, Experiment, Run, RunKey, RunOutcome, RunStatus, Target
from burnish.domain.feedback import Feedback
from burnish.domain.traces import Trace
from burnish.errors import BudgetExceededError, StoreError
from burnish.loop.promptly import promptly

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["Accounts", "MeasureSummary", "limited", "means_by_arm", "measure"]

Progress = Callable[[int, int, str], None]
Accounts = Callable[[Trace], None]
Book = Callable[[], Awaitable[None]]

# Measured at 600 runs a second: rarer writes are longer, hold up the calls beside them and are waited for at the end.
FLUSH_EVERY_S = 0.03


class MeasureSummary(Value):
    """What a measurement did: runs planned, found done, run now and left unmeasured; whether the budget ended it."""

    experiment_id: str
    planned: int
    found: int
    ran: int
    unmeasured: int
    exhausted: bool = False
    means: dict[str, float] = {}


def limited(examples: Sequence[Example], limit: int) -> list[Example]:
    """At most `limit` examples, the same ones every time: by the hash of their ids, not by age."""
    return sorted(examples, key=lambda example: content_hash("limit", example.id))[:limit]


async def measure(
    store: "Store",
    experiment: Experiment,
    arms: Sequence[Arm],
    examples: Sequence[Example],
    evaluators: Sequence[Evaluator],
    target: Target,
    *,
    judge: ChatModel | None = None,
    concurrency: int = 4,
    attempts: int = 2,
    retry_pause_s: float = 1.0,
    progress: Progress | None = None,
    accounts: Accounts | None = None,
    book: Book | None = None,
) -> MeasureSummary:
    """Run what is missing of `experiment` and return its counts.

    Arms are interleaved example by example, so that a slow or failing hour hits all of them alike. `accounts` is told
    every new trace, for calls the agent made on its own; `book` is awaited before runs are stored, so that what a run
    has cost is known wherever the run is. Raises TargetError where the agent cannot be run at all;
    a spent budget ends the work early with `exhausted` set and everything finished so far stored. A store that refuses
    for a while costs nothing: what waits is written later, at last at the end, which raises StoreError.
    """
    await asyncio.to_thread(store.experiments.start, experiment)
    stored = await asyncio.to_thread(store.experiments.runs, experiment.id)
    runs = {_place(run.key): run for run in stored}
    plan = list(_interleaved(experiment, arms, examples))
    todo = []
    for arm, example, repetition in plan:
        earlier = runs.get((arm.name, example.id, repetition))
        if earlier is None or not _done(earlier):
            todo.append((arm, example, repetition, earlier))
    writer = _Writer(store, book)
    engine = _Engine(experiment, evaluators, target, judge, attempts, retry_pause_s, writer, accounts, store)
    queue = iter(todo)
    finished = len(plan) - len(todo)
    exhausted = False

    async def work() -> None:
        nonlocal finished, exhausted
        for arm, example, repetition, earlier in queue:  # one shared iterator: each worker takes the next item
            if exhausted:
                return
            try:
                run = await engine.run(arm, example, repetition, earlier)
            except BudgetExceededError:
                exhausted = True
                return
            runs[_place(run.key)] = run
            finished += 1
            if progress is not None:
                progress(finished, len(plan), f"{arm.name}: {example.id}")
        writer.hurry()

    writing = asyncio.create_task(writer.keep_writing())
    try:
        with promptly():
            async with asyncio.TaskGroup() as group:
                # Twice as many as may call at once: behind each call stands the next one, its question ready, so that
                # no place waits while answers are scored. The target holds the limit of calls itself.
                for _ in range(max(1, min(2 * concurrency, len(todo)))):
                    group.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        await writer.end(writing)
    return MeasureSummary(
        experiment_id=experiment.id,
        planned=len(plan),
        found=len(plan) - len(todo),
        ran=engine.ran,
        unmeasured=sum(run.score(experiment.metric) is None for run in runs.values()),
        exhausted=exhausted,
        means=means_by_arm(list(runs.values()), experiment.metric),
    )


def _place(key: RunKey) -> tuple[str, str, int]:
    """Which run of its experiment it is."""
    return key.arm, key.example_id, key.repetition


def _done(run: Run) -> bool:
    """Whether a run need not be made again: one left unmeasured is, and one whose evaluators failed is scored again."""
    return run.status is not RunStatus.UNMEASURED and not run.evaluator_failures


def means_by_arm(runs: Sequence[Run], metric: str) -> dict[str, float]:
    """Mean of the metric by arm over its measured runs; arms without any are left out."""
    scores: dict[str, list[float]] = {}
    for run in runs:
        score = run.score(metric)
        if score is not None:
            scores.setdefault(run.key.arm, []).append(score)
    return {arm: sum(values) / len(values) for arm, values in scores.items()}


def _interleaved(
    experiment: Experiment, arms: Sequence[Arm], examples: Sequence[Example]
) -> Iterator[tuple[Arm, Example, int]]:
    for repetition in range(experiment.repetitions):
        for example in examples:
            # Which arm goes first turns with the example, so that no arm always meets a warm cache.
            first = int(content_hash(example.id, repetition), 16) % len(arms) if len(arms) > 1 else 0
            for index in range(len(arms)):
                yield arms[(first + index) % len(arms)], example, repetition


class _Engine:
    def __init__(
        self,
        experiment: Experiment,
        evaluators: Sequence[Evaluator],
        target: Target,
        judge: ChatModel | None,
        attempts: int,
        retry_pause_s: float,
        writer: "_Writer",
        accounts: Accounts | None,
        store: "Store",
    ) -> None:
        self._store = store
        self._experiment = experiment
        self._evaluators = evaluators
        self._target = target
        self._judge = judge
        self._attempts = attempts
        self._retry_pause_s = retry_pause_s
        self._writer = writer
        self._accounts = accounts
        self._versions: Versions = {}
        self.ran = 0

    async def run(self, arm: Arm, example: Example, repetition: int, earlier: Run | None = None) -> Run:
        """Run, score and hand the run to the writer; where the agent has answered `earlier`, only score again."""
        key = RunKey(experiment_id=self._experiment.id, arm=arm.name, example_id=example.id, repetition=repetition)
        # The salt names the night and the repetition: the baseline is measured afresh every night, a restart is not.
        salt = f"{self._experiment.night}/{repetition}"
        outcome = await self._answered(earlier) or await self._outcome(arm, example, salt)
        scores: dict[str, float] = {}
        failures: dict[str, str] = {}
        feedback: list[Feedback] = []
        trace = outcome.trace
        if outcome.status is RunStatus.OK and trace is not None:
            context = EvaluationContext(trace=trace, example=example, judge=self._judge)
            scores, failures, feedback = await score_run(context, self._evaluators, self._versions)
        figures = trace.figures if trace is not None else None
        run = Run(
            key=key,
            version_id=arm.version.id,
            status=outcome.status,
            output=outcome.output,
            error=outcome.error,
            trace_id=trace.trace_id if trace is not None else None,
            latency_s=trace.latency_s if trace is not None else None,
            cost_usd=figures.cost_usd if figures is not None else None,
            tokens=figures.usage.total if figures is not None else None,
            scores=scores,
            evaluator_failures=failures,
        )
        self._writer.add(run, trace, feedback)
        self.ran += 1
        return run

    async def _answered(self, earlier: Run | None) -> RunOutcome | None:
        if earlier is None or earlier.status is not RunStatus.OK or earlier.trace_id is None:
            return None
        for trace in await asyncio.to_thread(lambda: list(self._store.traces.load([earlier.trace_id or ""]))):
            return RunOutcome(status=RunStatus.OK, output=earlier.output, trace=trace)
        return None

    async def _outcome(self, arm: Arm, example: Example, salt: str) -> RunOutcome:
        for attempt in range(1, self._attempts + 1):
            outcome = await self._target.run(arm.version, example, salt)
            if outcome.trace is not None and self._accounts is not None:
                self._accounts(outcome.trace)
            if outcome.status is not RunStatus.UNMEASURED or attempt == self._attempts:
                break
            await asyncio.sleep(self._retry_pause_s * attempt)
        return outcome


class _Writer:
    """Gathers finished runs and writes them in bulk from a thread, so that the event loop never waits for the disk."""

    def __init__(self, store: "Store", book: Book | None) -> None:
        self._store = store
        self._book = book
        self._waiting: list[tuple[Run, Trace | None, Sequence[Feedback]]] = []
        self._wanted = asyncio.Event()
        self._ended = False

    def add(self, run: Run, trace: Trace | None, feedback: Sequence[Feedback]) -> None:
        self._waiting.append((run, trace, feedback))

    def hurry(self) -> None:
        """Write now: near the end, when nothing more is begun, what waits would be waited for."""
        self._wanted.set()

    async def keep_writing(self) -> None:
        """Write what has come in, thirty times a second at most and when it is hurried, until the end."""
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), FLUSH_EVERY_S)
            self._wanted.clear()
            with contextlib.suppress(StoreError):  # what was not written waits for the next time
                await self._write()

    async def end(self, writing: "asyncio.Task[None]") -> None:
        """Write the rest. Not by cancelling: a write in its thread must have landed before anybody reads."""
        self._ended = True
        self.hurry()
        await writing
        await self._write()

    async def _write(self) -> None:
        taken = list(self._waiting)
        if not taken:
            return
        runs = [run for run, _, _ in taken]
        traces = [trace for _, trace, _ in taken if trace is not None]
        feedback = [item for _, _, items in taken for item in items]
        if self._book is not None:
            await self._book()
        await asyncio.to_thread(self._store.experiments.add_runs, runs, traces, feedback)
        del self._waiting[: len(taken)]
