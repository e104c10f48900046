"""Judge the arms of an experiment beside its baseline, for evaluators that compare instead of scoring.

It comes after the runs, because both answers are needed. What is done is not done again: a candidate's run that has its
score is left alone, so a night killed in between goes on, and the model's answers are in the cache.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from burnish.domain.chat import ChatModel
from burnish.domain.datasets import Example
from burnish.domain.evaluators.base import EvaluationContext, Evaluator
from burnish.domain.evaluators.run import EvaluatorResult, Pair, Patience, evaluate_pairs
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.feedback import Feedback
from burnish.domain.trajectories import text_of
from burnish.errors import BudgetExceededError
from burnish.loop.experiment import Progress

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["EVEN", "compare_arms", "order_text"]

ENOUGH = 5  # pairs, below which contradictions say little of the judge
EVEN = 0.5
BATCH = 200


async def compare_arms(
    store: "Store",
    experiment: Experiment,
    examples: Sequence[Example],
    evaluators: Sequence[Evaluator],
    judge: ChatModel | None,
    *,
    concurrency: int = 4,
    progress: Progress | None = None,
    book: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Give every run on `examples` its score on those of `evaluators` that compare arms; False where the budget ended.

    The first arm is the baseline. A run that failed loses to one that answered, and two equal answers are a tie,
    without asking. A run whose counterpart could not be measured gets no score.
    """
    comparing = [evaluator for evaluator in evaluators if evaluator.compares_arms]
    wanted = {example.id: example for example in examples}
    stored = await asyncio.to_thread(store.experiments.runs, experiment.id)
    table = _Table(experiment, comparing, wanted, [run for run in stored if run.key.example_id in wanted])
    await _save(store, table.changed, [], book)
    patience = Patience()
    for start in range(0, len(table.asked), BATCH):
        some = table.asked[start : start + BATCH]
        said: list[EvaluatorResult] = []

        def hear(result: EvaluatorResult, done: int = start, said: list[EvaluatorResult] = said) -> None:
            said.append(result)
            if progress is not None:
                progress(done + len(said), len(table.asked), f"{result.evaluator.name}: pair by pair")

        pairs = await asyncio.to_thread(table.pairs, store, some, judge)
        try:
            await evaluate_pairs(pairs, on_result=hear, concurrency=concurrency, patience=patience)
        except BudgetExceededError:
            await _save(store, table.take(said), said, book)
            return False
        await _save(store, table.take(said), said, book)
    return True


def order_text(runs: Sequence[Run], metric: str) -> str:
    """How often the judge's two orders contradicted each other on these runs; empty where it was asked of none."""
    orders = [score for run in runs if (score := run.scores.get(f"{metric}.order")) is not None]
    if not orders:
        return ""
    flipped = sum(score < 1 for score in orders)
    swayed = (
        " The place of an answer decides more often than the answer: word the rubric more sharply, or take another "
        "model."
        if len(orders) >= ENOUGH and 2 * flipped > len(orders)
        else ""
    )
    return (
        f"{metric} was asked in both orders about {len(orders)} pairs and contradicted itself on {flipped} "
        f"({flipped / len(orders):.0%}); those count as ties."
        f"{swayed}"
    )


class _Table:
    """The runs of an experiment by arm and slot, and what became of them."""

    def __init__(
        self,
        experiment: Experiment,
        evaluators: Sequence[Evaluator],
        examples: Mapping[str, Example],
        runs: Sequence[Run],
    ) -> None:
        self._examples = examples
        self._before = {run.key: run for run in runs}
        self._baseline = experiment.arms[0]
        self._by_trace = {run.trace_id: run.key for run in runs if run.trace_id is not None}
        names = tuple(evaluator.name for evaluator in evaluators)
        self._runs = {run.key: run.model_copy(update={"compared": names}) for run in runs}
        self.asked: list[tuple[RunKey, Evaluator]] = []
        """The pairs of different answers of which the judge has to say which is better, and each one's evaluator."""
        for key in self._runs:
            for evaluator in evaluators:
                # As in any offline run, of the filters only this one counts.
                has_expected = examples[key.example_id].expected is not None
                if evaluator.applies.has_expected in (None, has_expected):
                    self._settle(key, evaluator)

    def pairs(
        self,
        store: "Store",
        asked: Sequence[tuple[RunKey, Evaluator]],
        judge: ChatModel | None,
    ) -> list[Pair]:
        """What to ask, with the candidate's trace and the baseline's answer."""
        ids = {self._runs[key].trace_id or "" for key, _ in asked}
        traces = {trace.trace_id: trace for trace in store.traces.load(sorted(ids - {""}))}
        found: list[Pair] = []
        for key, evaluator in asked:
            trace, base = traces.get(self._runs[key].trace_id or ""), self._base(key)
            if trace is not None and base is not None:
                rival = "" if base.output is None else base.output
                example = self._examples[key.example_id]
                context = EvaluationContext(trace=trace, example=example, judge=judge, rival=rival)
                found.append((evaluator, context))
        return found

    def take(self, results: Sequence[EvaluatorResult]) -> list[Run]:
        """The runs with what the judge said of them."""
        touched: dict[RunKey, Run] = {}
        for result in results:
            key = self._by_trace[result.trace_id]
            run = self._runs[key]
            scores = {item.key: item.score for item in result.feedback if item.score is not None}
            update: dict[str, object] = {"scores": {**run.scores, **scores}}
            if result.failure is not None:
                told = f"{result.failure.error}: {result.failure.message}"
                update = {"evaluator_failures": {**run.evaluator_failures, result.evaluator.name: told}}
            touched[key] = self._runs[key] = run.model_copy(update=update)
        return list(touched.values())

    @property
    def changed(self) -> list[Run]:
        """The runs that are no longer what is stored."""
        return [run for key, run in self._runs.items() if run != self._before[key]]

    def _base(self, key: RunKey) -> Run | None:
        return self._runs.get(key.model_copy(update={"arm": self._baseline}))

    def _settle(self, key: RunKey, evaluator: Evaluator) -> None:
        """Score what needs no judge, and note what does."""
        run, base, name = self._runs[key], self._base(key), evaluator.name
        if base is None or RunStatus.UNMEASURED in (run.status, base.status) or name in run.scores:
            return
        failed = (base.status is RunStatus.AGENT_FAILURE, run.status is RunStatus.AGENT_FAILURE)
        if key.arm == self._baseline or failed == (True, True):
            score = EVEN
        elif failed != (False, False):
            score = float(failed[0])
        elif text_of(run.output) == text_of(base.output):
            score = EVEN
        else:
            self.asked.append((key, evaluator))
            return
        self._runs[key] = run.model_copy(update={"scores": {**run.scores, name: score}})


async def _save(
    store: "Store", runs: Sequence[Run], results: Sequence[EvaluatorResult], book: Callable[[], Awaitable[None]] | None
) -> None:
    if not runs:
        return
    feedback: list[Feedback] = [item for result in results for item in result.feedback]
    if book is not None:
        await book()
    await asyncio.to_thread(store.experiments.add_runs, runs, (), feedback)
