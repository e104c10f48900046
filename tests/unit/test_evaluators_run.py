"""Running evaluators: what goes wrong is contained and recorded, what is done is kept."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support.evaluation import context, trace

from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, Evaluator, EvaluatorError, Filter, Score
from burnish.domain.evaluators.functions import PythonFunction
from burnish.domain.evaluators.limits import LatencyLimit, NoError
from burnish.domain.evaluators.run import EvaluatorResult, evaluate_traces, score_run
from burnish.domain.evaluators.text import ExactMatch
from burnish.errors import BudgetExceededError, ConfigError

ANSWERS: dict[str, Callable[[EvaluationContext], Any]] = {}


class Inline(CodeCheck):
    """A check that answers by a function of the test."""

    kind: ClassVar[str] = "inline"
    answer: str

    def check(self, context: EvaluationContext) -> Any:
        return ANSWERS[self.answer](context)


class Waiting(Evaluator):
    """The same, asynchronous."""

    kind: ClassVar[str] = "waiting"
    answer: str

    async def evaluate(self, context: EvaluationContext) -> Any:
        answer = ANSWERS[self.answer](context)
        return await answer if asyncio.iscoroutine(answer) else answer


def raises(error: Exception) -> Callable[[EvaluationContext], Any]:
    def fail(context: EvaluationContext) -> Any:
        raise error

    return fail


ANSWERS |= {
    "good": lambda context: Score.passed(True),
    "crash": raises(ZeroDivisionError("division by zero")),
    "silent crash": raises(RuntimeError()),
    "refusal": raises(EvaluatorError("nothing to judge")),
    "own time-out": raises(TimeoutError("the far service")),
    "nan": lambda context: Score(score=float("nan")),
    "forced nan": lambda context: Score.model_construct(score=float("nan"), value=None, comment=None, key=None),
    "none": lambda context: None,
    "number": lambda context: 0.5,
    "empty": lambda context: [],
    "nothing said": lambda context: Score(comment="hm"),
    "same key twice": lambda context: [Score(score=1, key="a"), Score(score=0, key="a")],
    "wrong item": lambda context: [Score(score=1), 3],
    "hangs": lambda context: asyncio.sleep(60),
}
WRONG = {
    "crash": ("ZeroDivisionError", "division by zero"),
    "silent crash": ("RuntimeError", "RuntimeError()"),
    "refusal": ("EvaluatorError", "nothing to judge"),
    "own time-out": ("TimeoutError", "the far service"),
    "nan": ("ValidationError", "finite number"),
    "forced nan": ("EvaluatorError", "nan"),
    "none": ("EvaluatorError", "NoneType instead of a Score"),
    "number": ("EvaluatorError", "float instead of a Score"),
    "empty": ("EvaluatorError", "gave no score"),
    "nothing said": ("EvaluatorError", "neither a score nor a value"),
    "same key twice": ("EvaluatorError", "'a' twice"),
    "wrong item": ("EvaluatorError", "int instead of a Score"),
}


@pytest.mark.parametrize("cls", [Inline, Waiting])
@pytest.mark.parametrize("wrong", sorted(WRONG))
async def test_what_goes_wrong_is_a_failure(cls: type[Evaluator], wrong: str) -> None:
    """A crash or nonsense is recorded with type and message; the others' scores on the trace are kept."""
    bad = cls.model_validate({"name": "bad", "answer": wrong})
    report = await evaluate_traces([context("x")], [NoError(name="before"), bad, NoError(name="after")])
    assert ["before", "after"] == sorted((item.key for item in report.feedback), reverse=True)
    (failure,) = report.failures
    error, message = WRONG[wrong]
    assert ("t", "bad", bad.version, error) == (failure.trace_id, failure.evaluator, failure.version, failure.error)
    assert message in failure.message


async def test_a_hanging_evaluator_is_given_up() -> None:
    """Its time-out ends it, and the rest of the work goes on."""
    hanging = Waiting(name="bad", answer="hangs", timeout_s=0.05)
    started = time.monotonic()
    report = await evaluate_traces([context("x"), context("y")], [hanging, Waiting(name="good", answer="good")])
    assert time.monotonic() - started < 5
    assert [("TimeoutError", "no answer within 0.05 s; raise timeout_s or look why it hangs")] * 2 == [
        (failure.error, failure.message) for failure in report.failures
    ]
    assert len(report.feedback) == 2


async def test_a_hanging_function_is_given_up() -> None:
    """A user's function that hangs is killed; a sound one is asked again and again in the same process."""
    functions = [
        PythonFunction(name="bad", function=f"{__name__}:hang", timeout_s=0.3),
        PythonFunction(name="good", function=f"{__name__}:process_id"),
    ]
    report = await evaluate_traces([context(trace("x", trace_id=f"t{n}")) for n in range(3)], functions, concurrency=1)
    assert ["TimeoutError"] * 3 == [failure.error for failure in report.failures]
    pids = {item.score for item in report.feedback}
    assert 3 == len(report.feedback)
    assert os.getpid() not in pids


async def test_starting_and_importing_is_not_the_functions_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that takes long to import leaves a quick function its short time-out."""
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(1)\ndef judge(context): return True\n")
    monkeypatch.syspath_prepend(tmp_path)
    quick = PythonFunction(name="quick", function="slow_to_import:judge", timeout_s=0.5, memory_mb=700)
    report = await evaluate_traces([context("x")], [quick])
    assert [True] == [item.value for item in report.feedback], report.failures


async def test_a_function_that_dies_or_takes_all_memory_costs_itself_only() -> None:
    """An exit in native code and an allocation without end are failures, and the next call has a new process."""
    functions = [
        PythonFunction(name="dies", function=f"{__name__}:dies"),
        PythonFunction(name="eats", function=f"{__name__}:eats", memory_mb=512),
        PythonFunction(name="good", function=f"{__name__}:process_id"),
    ]
    report = await evaluate_traces([context("x")], functions, concurrency=1)
    errors = {failure.evaluator: failure.error for failure in report.failures}
    assert {"dies": "WorkerDiedError", "eats": "MemoryError"} == errors
    assert ["good"] == [item.key for item in report.feedback]


async def test_a_function_in_our_process_may_hang_too() -> None:
    """Not isolated, it keeps its thread and costs its own result all the same."""
    release = threading.Event()
    HANGING.append(release)
    try:
        hanging = PythonFunction(name="bad", function=f"{__name__}:waits", timeout_s=0.05, isolated=False)
        report = await evaluate_traces([context("x")] * 40, [hanging], concurrency=40)
    finally:
        release.set()
    assert ["TimeoutError"] * 40 == [failure.error for failure in report.failures]


async def test_one_that_hangs_on_every_trace_is_asked_no_more() -> None:
    """After five in a row the rest is recorded without waiting, and the others go on."""
    hanging = Waiting(name="bad", answer="hangs", timeout_s=0.02)
    items = [context(trace("x", trace_id=f"t{n}")) for n in range(30)]
    report = await evaluate_traces(items, [hanging, NoError(name="good")], concurrency=1)
    errors = [failure.error for failure in report.failures]
    assert ["TimeoutError"] * 5 + ["GivenUpError"] * 25 == errors
    assert 30 == len(report.feedback)


HANGING: list[threading.Event] = []


def hang(context: EvaluationContext) -> bool:
    while True:
        time.sleep(1)


def waits(context: EvaluationContext) -> bool:
    return HANGING[-1].wait(30)


def process_id(context: EvaluationContext) -> int:
    print("what a function prints is no answer")
    return os.getpid()


def dies(context: EvaluationContext) -> bool:
    os.kill(os.getpid(), signal.SIGSEGV)
    return True


def eats(context: EvaluationContext) -> bool:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))


async def late(context: EvaluationContext) -> float:
    await asyncio.sleep(0)
    return 0.25


def several(context: EvaluationContext, factor: float = 1) -> list[Score]:
    return [Score(score=0.5 * factor), Score(score=1, key="other")]


def not_a_number(context: EvaluationContext) -> float:
    return float("nan")


def leaves(context: EvaluationContext) -> bool:
    raise SystemExit(3)


def stops(context: EvaluationContext) -> bool:
    raise StopIteration


def vague(context: EvaluationContext) -> str:
    return "maybe"


async def test_functions_may_be_async_and_give_several_scores() -> None:
    """Numbers, lists and keyword arguments of the spec work."""
    functions = [
        PythonFunction(name="late", function=f"{__name__}:late"),
        PythonFunction(name="several", function=f"{__name__}:several", arguments={"factor": 0.5}),
    ]
    scores, failures, feedback = await score_run(context("x"), functions)
    assert ({"late": 0.25, "several": 0.25, "other": 1.0}, {}) == (scores, failures)
    assert {"late", "several"} == {item.author for item in feedback}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("not_a_number", "EvaluatorError: the function returned nan"),
        ("leaves", "EvaluatorError: the function ended the process: exit 3"),
        ("stops", "EvaluatorError: the function raised StopIteration"),
        ("vague", "EvaluatorError: the function returned a str"),
    ],
)
async def test_functions_that_misbehave_fail(function: str, message: str) -> None:
    """A function cannot invent a score, end the process or hang the loop."""
    bad = PythonFunction(name="bad", function=f"{__name__}:{function}", timeout_s=5)
    scores, failures, _ = await score_run(context("x"), [bad])
    assert scores == {}
    assert failures["bad"].startswith(message)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_such_module_here:f", "importing no_such_module_here failed: ModuleNotFoundError"),
        ("json:no_such", "json has no 'no_such'"),
        ("json:__doc__", "is a str, not a function"),
    ],
)
def test_a_function_that_is_not_there_is_a_config_error(function: str, message: str) -> None:
    """Wrong wiring is found where evaluators are loaded."""
    with pytest.raises(ConfigError, match=message):
        PythonFunction(name="n", function=function).prepare()


async def test_filtered_traces_are_counted_as_skipped() -> None:
    """What a filter leaves out is neither scored nor failed."""
    only_other = NoError(name="n", applies=Filter(name="other"))
    report = await evaluate_traces([context("x"), context(trace("y", name="other"))], [only_other, NoError(name="m")])
    assert (3, 0, 1) == (len(report.feedback), len(report.failures), report.skipped)


async def test_a_spent_budget_keeps_what_is_done() -> None:
    """Nothing new starts, calls in flight finish and are told, then the error comes."""
    asked: list[str] = []

    async def answer(context: EvaluationContext) -> Score:
        asked.append(context.trace.trace_id)
        if len(asked) == 3:
            raise BudgetExceededError("spent")
        await asyncio.sleep(0.05)
        return Score.passed(True)

    ANSWERS["paid"] = answer
    told: list[EvaluatorResult] = []
    items = [context(trace("x", trace_id=f"t{n}")) for n in range(10)]
    evaluators = [Waiting(name="paid", answer="paid"), NoError(name="free")]
    with pytest.raises(BudgetExceededError):
        await evaluate_traces(items, evaluators, concurrency=3, on_result=told.append)
    paid = [result.trace_id for result in told if result.evaluator.name == "paid"]
    assert ["t0", "t1", "t2"] == asked
    assert ["t0", "t1"] == paid
    assert 10 == sum(result.evaluator.name == "free" for result in told)


async def test_concurrency_is_bounded() -> None:
    """Never more calls in flight than allowed."""
    flying, most = 0, 0

    async def answer(context: EvaluationContext) -> Score:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.001)
        flying -= 1
        return Score.passed(True)

    ANSWERS["counted"] = answer
    items = [context(trace("x", trace_id=f"t{n}")) for n in range(20)]
    await evaluate_traces(items, [Waiting(name="n", answer="counted")], concurrency=4)
    assert most == 4


async def test_an_offline_run_ignores_filters_of_production() -> None:
    """Only has_expected counts, so that no arm can drop its slow or failing runs from the measure."""
    rule = Filter(name="other", environment="production", min_latency_s=99, has_error=True, sample=0)
    evaluators = [
        NoError(name="kept", applies=rule),
        ExactMatch(name="needs", applies=Filter(has_expected=True)),
        NoError(name="without", applies=Filter(has_expected=False)),
    ]
    assert {"kept": 1.0, "without": 1.0} == (await score_run(context("x"), evaluators))[0]
    assert {"kept": 1.0, "needs": 0.0} == (await score_run(context("x", "y"), evaluators))[0]


async def test_two_evaluators_cannot_give_one_key() -> None:
    """The second is a failure instead of overwriting the first."""
    ANSWERS["takes"] = lambda context: Score(score=0.0, key="fine")
    scores, failures, feedback = await score_run(
        context("x"), [NoError(name="fine"), Inline(name="thief", answer="takes")]
    )
    assert ({"fine": 1.0}, 1) == (scores, len(feedback))
    assert "already given fine" in failures["thief"]


async def test_labels_are_feedback_but_no_score_of_a_run() -> None:
    """An evaluator may give a label alone."""
    ANSWERS["label"] = lambda context: Score(value="angry")
    scores, failures, (item,) = await score_run(context("x"), [Inline(name="mood", answer="label")])
    assert ({}, {}, "angry", None) == (scores, failures, item.value, item.score)


@pytest.mark.slow
async def test_many_checks_are_quick() -> None:
    """20,000 checks take seconds, not a task each."""
    items = [context(trace("x", trace_id=f"t{n}")) for n in range(5_000)]
    checks = [NoError(name="a"), LatencyLimit(name="b", max_s=1), NoError(name="c", any_span=True), NoError(name="d")]
    started = time.process_time()
    report = await evaluate_traces(items, checks)
    assert len(report.feedback) == 20_000
    assert time.process_time() - started < 8
