"""A user's own Python function as an evaluator."""

import asyncio
import builtins
import contextlib
import contextvars
import importlib
import inspect
import math
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import Field

from burnish.domain.base import Json
from burnish.domain.evaluators.base import EvaluationContext, Evaluator, EvaluatorError, Score
from burnish.domain.evaluators.workers import Worker, WorkerDiedError, give_back, take
from burnish.errors import ConfigError

__all__ = ["PythonFunction", "as_scores", "load_function"]

START_S = 60.0  # for a process to start and to import the function's module


class PythonFunction(Evaluator):
    """Calls `function` ("package.module:function") with the context and the keyword `arguments`.

    It returns a bool, a number, a Score or a list of Scores, and raises where it cannot judge; it may be async. It runs
    in a process of its own with `memory_mb` of address space: one that hangs is killed after `timeout_s`, one that dies
    or runs out of memory is replaced, and either costs this result only. Starting the process and importing the module
    does not count in `timeout_s`. `isolated: false` runs it in burnish's own
    process, where it may ask the judge's model (`context.model`); then a time-out leaves its thread to end by itself.
    Raise `edition` when its code changes meaning: old and new results are then kept apart.
    """

    kind: ClassVar[str] = "python"
    unversioned: ClassVar[frozenset[str]] = frozenset({"isolated", "memory_mb"})
    keeps_time: ClassVar[bool] = True

    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")
    arguments: dict[str, Json] = {}
    edition: int = 1
    isolated: bool = True
    memory_mb: int = Field(default=2048, ge=128)

    @property
    def uses_expected(self) -> bool:
        """Assumed, as nothing says that the function does not look at it."""
        return True

    def prepare(self) -> None:
        """Import the function. Raises ConfigError."""
        self._load()

    async def evaluate(self, context: EvaluationContext) -> Score | list[Score]:
        """What the function says."""
        if self.isolated:
            return await self._in_worker(context)
        function = self._load()
        async with self.within_time():
            if inspect.iscoroutinefunction(function):
                answer = await function(context, **self.arguments)
            else:
                answer = await _in_thread(lambda: function(context, **self.arguments))
                if inspect.isawaitable(answer):
                    answer = await answer
        return as_scores(answer)

    async def _in_worker(self, context: EvaluationContext) -> Score | list[Score]:
        call = _Call(self.function, self.memory_mb)
        plain = context.model_copy(update={"judge": None})  # a model is connections, which stay here
        try:
            try:
                async with asyncio.timeout(START_S):
                    await _in_thread(call.start)
            except TimeoutError as error:
                said = f"its process did not start and import '{self.function}' within {START_S:g} s"
                raise TimeoutError(said) from error
            async with self.within_time():
                answer = await _in_thread(lambda: call.run(plain, self.arguments))
        except (asyncio.CancelledError, TimeoutError):
            call.give_up()
            raise
        if "error" in answer:
            raise _error(answer["error"], answer["message"])
        scores = [Score.model_validate(score) for score in answer["scores"]]
        return scores if answer["many"] else scores[0]

    def _load(self) -> Callable[..., Any]:
        try:
            return load_function(self.function)
        except ConfigError as error:
            raise ConfigError(f"evaluator '{self.name}': {error}") from error


class _Call:
    """One call of a worker that another thread may give up."""

    def __init__(self, function: str, memory_mb: int) -> None:
        self._function = function
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._given_up = False

    def start(self) -> None:
        """Have a worker that has the function. Raises WorkerDiedError."""
        worker = take(self._memory_mb)
        with self._lock:
            if self._given_up:  # it was late to start: the next call finds it ready
                give_back(worker)
                return
            self._worker = worker
        try:
            worker.load(self._function)
        except WorkerDiedError:
            self.give_up()
            raise

    def run(self, context: EvaluationContext, arguments: dict[str, Json]) -> dict[str, Any]:
        """The worker's answer. Raises WorkerDiedError."""
        with self._lock:
            worker = self._worker
        if worker is None:
            return {}
        sound = False
        try:
            answer = worker.call(self._function, context, arguments)
            sound = answer.get("error") != "MemoryError"
        finally:
            with self._lock:
                self._worker = None
                if sound and not self._given_up:
                    give_back(worker)
                else:
                    worker.kill()
        return answer

    def give_up(self) -> None:
        """End the worker, unless it has answered."""
        with self._lock:
            self._given_up = True
            if self._worker is not None:
                self._worker.kill()


def load_function(name: str) -> Callable[..., Any]:
    """The function that "package.module:function" names. Raises ConfigError."""
    module_name, _, path = name.partition(":")
    where = f"function '{name}'"
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise ConfigError(f"{where}: importing {module_name} failed: {type(error).__name__}: {error}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise ConfigError(f"{where}: {module_name} has no '{path}'")
        found = getattr(found, part)
    if not callable(found):
        raise ConfigError(f"{where}: it is a {type(found).__name__}, not a function")
    function: Callable[..., Any] = found
    return function


def _error(name: str, message: str) -> Exception:
    """An exception of the worker under its own name, which is what a failure records."""
    if name == EvaluatorError.__name__:
        return EvaluatorError(message)
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception):
        with contextlib.suppress(Exception):  # some take other arguments
            made: Exception = known(message)
            return made
    unknown: Exception = type(name, (Exception,), {})(message)
    return unknown


def as_scores(answer: object) -> Score | list[Score]:
    """What a function may return, as scores. Raises EvaluatorError."""
    if isinstance(answer, bool):
        return Score.passed(answer)
    if isinstance(answer, int | float):
        if not math.isfinite(answer):
            raise EvaluatorError(f"the function returned {answer}, which is not a number to compare")
        return Score(score=float(answer))
    if isinstance(answer, Score) or (isinstance(answer, list) and all(isinstance(item, Score) for item in answer)):
        return answer
    raise EvaluatorError(
        f"the function returned a {type(answer).__name__}; return a bool, a number, a Score or a list of Scores"
    )


async def _in_thread(call: Callable[[], Any]) -> Any:
    """Run `call` in a daemon thread of its own.

    The event loop's pool would be used up by calls that hang, and the process would wait for them at its end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():  # nobody waits any more
            return
        if error is None:
            future.set_result(result)
        elif isinstance(error, StopIteration):  # a future cannot hold it
            future.set_exception(EvaluatorError("the function raised StopIteration"))
        else:
            future.set_exception(error)

    def run() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = context.run(call)
        except Exception as caught:
            error = caught
        except SystemExit as caught:
            error = EvaluatorError(f"the function ended the process: exit {caught.code}")
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop has ended; so has the wish for an answer

    threading.Thread(target=run, name="burnish-evaluator", daemon=True).start()
    return await future
