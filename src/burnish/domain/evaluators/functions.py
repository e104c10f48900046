"""A user's own Python function as an evaluator."""

import asyncio
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
from burnish.errors import ConfigError

__all__ = ["PythonFunction"]


class PythonFunction(Evaluator):
    """Calls `function` ("package.module:function") with the context and the keyword `arguments`.

    It returns a bool, a number, a Score or a list of Scores, and raises where it cannot judge. It may be async; a plain
    function runs in a thread, and when its time is over the thread is left to end by itself. Raise `edition` when its
    code changes meaning: old and new results are then kept apart.
    """

    kind: ClassVar[str] = "python"

    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")
    arguments: dict[str, Json] = {}
    edition: int = 1

    @property
    def uses_expected(self) -> bool:
        """Assumed, as nothing says that the function does not look at it."""
        return True

    def prepare(self) -> None:
        """Import the function. Raises ConfigError."""
        self._load()

    async def evaluate(self, context: EvaluationContext) -> Score | list[Score]:
        """What the function says."""
        function = self._load()
        if inspect.iscoroutinefunction(function):
            answer = await function(context, **self.arguments)
        else:
            answer = await _in_thread(lambda: function(context, **self.arguments))
            if inspect.isawaitable(answer):
                answer = await answer
        return _as_scores(answer)

    def _load(self) -> Callable[..., Any]:
        module_name, _, path = self.function.partition(":")
        where = f"evaluator '{self.name}': function '{self.function}'"
        try:
            found: Any = importlib.import_module(module_name)
        except Exception as error:  # a user's module may raise anything while it is imported
            raise ConfigError(f"{where}: importing {module_name} failed: {type(error).__name__}: {error}") from error
        for name in path.split("."):
            if not hasattr(found, name):
                raise ConfigError(f"{where}: {module_name} has no '{path}'")
            found = getattr(found, name)
        if not callable(found):
            raise ConfigError(f"{where}: it is a {type(found).__name__}, not a function")
        function: Callable[..., Any] = found
        return function


def _as_scores(answer: object) -> Score | list[Score]:
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
