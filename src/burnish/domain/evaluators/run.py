"""Run evaluators over traces. What an evaluator cannot say becomes an `EvaluatorFailure`, never a score."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from burnish.domain.base import Value, bare, built, utc_now
from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, Evaluator, EvaluatorError, Score
from burnish.domain.evaluators.sampling import applies, has_expected
from burnish.domain.evaluators.workers import WorkerDiedError
from burnish.domain.feedback import EvaluatorFailure, Feedback
from burnish.errors import BudgetExceededError

__all__ = [
    "EvaluationReport",
    "EvaluatorResult",
    "GivenUpError",
    "OnResult",
    "Pair",
    "Patience",
    "Versions",
    "evaluate_pairs",
    "evaluate_traces",
    "score_run",
]

Pair = tuple[Evaluator, EvaluationContext]
# By the evaluator's id; the evaluator is kept alive beside its version, so that the id stays its own.
Versions = dict[int, tuple[str, Evaluator]]

_BARE = bare(Feedback)
_MESSAGE_LIMIT = 2_000
_PATIENCE = 5  # late or dead answers in a row
_BREATHE_EVERY = 200  # inline checks between two chances for other tasks to run


@dataclass(frozen=True, slots=True)
class EvaluatorResult:
    """One evaluator on one trace: feedback, or the failure that stands for it."""

    evaluator: Evaluator
    trace_id: str
    feedback: tuple[Feedback, ...] = ()
    failure: EvaluatorFailure | None = None


class GivenUpError(Exception):
    """An evaluator was late or died so often in a row that it is asked no more in this run."""


class Patience:
    """Who has been late or died too often in a row: one that hangs must not cost its time-out on every trace."""

    def __init__(self) -> None:
        self._in_a_row: dict[int, int] = {}

    def ended(self, evaluator: Evaluator) -> GivenUpError | None:
        """The error in place of an answer where patience has ended."""
        if self._in_a_row.get(id(evaluator), 0) < _PATIENCE:
            return None
        return GivenUpError(f"not asked: it ran out of time or died {_PATIENCE} times in a row before")

    def note(self, evaluator: Evaluator, answer: object) -> None:
        """Count an answer."""
        if isinstance(answer, TimeoutError | MemoryError | WorkerDiedError):
            self._in_a_row[id(evaluator)] = self._in_a_row.get(id(evaluator), 0) + 1
        elif self._in_a_row and not isinstance(answer, GivenUpError):
            self._in_a_row.pop(id(evaluator), None)


class EvaluationReport(Value):
    """What evaluators said, what they could not say, and how many (evaluator, trace) pairs a filter left out."""

    feedback: tuple[Feedback, ...] = ()
    failures: tuple[EvaluatorFailure, ...] = ()
    skipped: int = 0


OnResult = Callable[[EvaluatorResult], None]


async def evaluate_traces(
    items: Sequence[EvaluationContext],
    evaluators: Sequence[Evaluator],
    *,
    concurrency: int = 8,
    on_result: OnResult | None = None,
) -> EvaluationReport:
    """Run each evaluator on each trace it applies to. `on_result` hears every result as soon as it is there.

    Raises BudgetExceededError; what was done by then has been told to `on_result`.
    """
    skipped = 0

    def pairs() -> Iterator[Pair]:
        nonlocal skipped
        for context in items:
            for evaluator in evaluators:
                if applies(evaluator.applies, context):
                    yield evaluator, context
                else:
                    skipped += 1

    results: list[EvaluatorResult] = []

    def collect(result: EvaluatorResult) -> None:
        results.append(result)
        if on_result is not None:
            on_result(result)

    await evaluate_pairs(pairs(), on_result=collect, concurrency=concurrency)
    return EvaluationReport(
        feedback=tuple(item for result in results for item in result.feedback),
        failures=tuple(result.failure for result in results if result.failure is not None),
        skipped=skipped,
    )


async def score_run(
    context: EvaluationContext, evaluators: Sequence[Evaluator], versions: Versions | None = None
) -> tuple[dict[str, float], dict[str, str], list[Feedback]]:
    """Score one offline run: scores by key, messages of the evaluators that failed, and the feedback itself.

    `versions` is filled and read again by those who score many runs with the same evaluators.
    Of the filters only `has_expected` counts here. The others, sampling too, choose among production traces; in an
    experiment they would let an arm drop its slow or failing runs from the measure. Evaluators of sessions and of what
    users say have nothing to look at here, and those that compare arms wait for both. Raises BudgetExceededError.
    """
    wanted = [
        evaluator
        for evaluator in evaluators
        if evaluator.applies.has_expected in (None, has_expected(context))
        and evaluator.level == "trace"
        and not evaluator.needs_feedback
        and not evaluator.compares_arms
    ]
    results: dict[str, EvaluatorResult] = {}
    await evaluate_pairs(
        ((evaluator, context) for evaluator in wanted),
        on_result=lambda result: results.update({result.evaluator.name: result}),
        concurrency=max(1, len(wanted)),
        versions=versions,
    )
    scores: dict[str, float] = {}
    failures: dict[str, str] = {}
    feedback: list[Feedback] = []
    for result in (results[evaluator.name] for evaluator in wanted):
        name = result.evaluator.name
        taken = sorted({item.key for item in result.feedback} & scores.keys())
        if result.failure is not None:
            failures[name] = f"{result.failure.error}: {result.failure.message}"
        elif taken:
            failures[name] = f"another evaluator has already given {', '.join(taken)}; rename one of them"
        else:
            scores.update((item.key, item.score) for item in result.feedback if item.score is not None)
            feedback.extend(result.feedback)
    return scores, failures, feedback


async def evaluate_pairs(
    pairs: Iterable[Pair],
    *,
    on_result: OnResult,
    concurrency: int = 8,
    at: datetime | None = None,
    versions: Versions | None = None,
    patience: Patience | None = None,
) -> None:
    """Run each pair; filters have been applied. `at` is the time the results bear, by default the time they came.

    Checks that only compute run inline; the others run `concurrency` at a time under their time-outs. `patience` is
    handed in by those who come with more than one batch. Once the budget is spent nothing new starts, calls in flight
    finish and are told, then BudgetExceededError is raised.
    """
    versions = {} if versions is None else versions
    patience = Patience() if patience is None else patience
    waiting: list[Pair] = []
    for count, (evaluator, context) in enumerate(pairs, start=1):
        if id(evaluator) not in versions:
            versions[id(evaluator)] = evaluator.version, evaluator
        if not isinstance(evaluator, CodeCheck):
            waiting.append((evaluator, context))
            continue
        try:
            answer: object = patience.ended(evaluator) or evaluator.check(context)
        except BudgetExceededError:
            raise
        except Exception as error:
            answer = error
        patience.note(evaluator, answer)
        on_result(_result(evaluator, versions[id(evaluator)][0], context, answer, at))
        if count % _BREATHE_EVERY == 0:
            await asyncio.sleep(0)
    if not waiting:
        return
    queue = iter(waiting)
    spent: BudgetExceededError | None = None

    async def work() -> None:
        nonlocal spent
        for evaluator, context in queue:  # one shared iterator: each worker takes the next pair
            try:
                answer = patience.ended(evaluator) or await _ask(evaluator, context)
            except BudgetExceededError as error:
                spent = error
            else:
                patience.note(evaluator, answer)
                on_result(_result(evaluator, versions[id(evaluator)][0], context, answer, at))
            if spent is not None:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, min(concurrency, len(waiting)))):
            group.create_task(work())
    if spent is not None:
        raise spent


async def _ask(evaluator: Evaluator, context: EvaluationContext) -> object:
    try:
        async with contextlib.nullcontext() if evaluator.keeps_time else evaluator.within_time():
            return await evaluator.evaluate(context)
    except BudgetExceededError:
        raise
    except Exception as error:
        return error


def _result(
    evaluator: Evaluator, version: str, context: EvaluationContext, answer: object, at: datetime | None
) -> EvaluatorResult:
    trace_id = context.trace.trace_id
    moment = at or utc_now()
    try:
        scores = _checked(answer)
    except Exception as error:
        failure = EvaluatorFailure(
            trace_id=trace_id,
            evaluator=evaluator.name,
            version=version,
            error=type(error).__name__,
            message=(str(error) or repr(error))[:_MESSAGE_LIMIT],
            created_at=moment,
        )
        return EvaluatorResult(evaluator, trace_id, failure=failure)
    feedback = tuple(
        built(
            Feedback,
            {
                **_BARE,
                "trace_id": trace_id,
                "key": score.key or evaluator.name,
                "source": evaluator.source,
                "score": score.score,
                "value": score.value,
                "comment": score.comment,
                "author": evaluator.name,
                "version": version,
                "created_at": moment,
            },
        )
        for score in scores
    )
    return EvaluatorResult(evaluator, trace_id, feedback=feedback)


def _checked(answer: object) -> list[Score]:
    """The scores of an answer. Raises what the evaluator raised, or EvaluatorError for nonsense."""
    if isinstance(answer, Exception):
        raise answer
    given = answer if isinstance(answer, list) else [answer]
    if not given:
        raise EvaluatorError("it gave no score")
    scores: dict[str | None, Score] = {}
    for score in given:
        if not isinstance(score, Score):
            raise EvaluatorError(f"it gave a {type(score).__name__} instead of a Score")
        if score.score is not None and not math.isfinite(score.score):
            raise EvaluatorError(f"its score is {score.score}, which is not a number to compare")
        if score.score is None and score.value is None:
            raise EvaluatorError("its result has neither a score nor a value")
        if score.key in scores:
            raise EvaluatorError(f"it gave '{score.key or 'its own name'}' twice; set a different key on each score")
        scores[score.key] = score
    return list(scores.values())
