"""Runs inside a worker process: calls users' functions one at a time and answers in lines of JSON.

Arguments: the memory limit in MiB, the parent's process id. What functions print goes nowhere, so that it cannot be
taken for an answer.
"""

import asyncio
import contextlib
import inspect
import io
import json
import math
import os
import pickle
import sys
import threading
import time
from typing import Any, BinaryIO

from burnish.domain.evaluators.base import EvaluatorError, Score
from burnish.domain.evaluators.functions import as_scores, load_function

__all__ = ["main"]


def main() -> None:
    """Serve until the other end closes."""
    memory_mb, parent = int(sys.argv[1]), int(sys.argv[2])
    _end_with(parent)
    answers = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), line_buffering=True)
    calls = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _limit(memory_mb)
    _send(answers, {"ready": True})
    with asyncio.Runner() as runner:
        while True:
            head = calls.read(8)
            if len(head) < 8:
                return
            # Only our parent writes here.
            function, context, arguments = pickle.loads(calls.read(int.from_bytes(head)))  # noqa: S301
            answer = _answer(runner, function, context, arguments)
            _send(answers, answer)
            if answer.get("error") == "MemoryError":  # what it holds by now is anybody's guess
                return


def _answer(runner: asyncio.Runner, function: str, context: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        found = load_function(function)
        if context is None:
            return {}
        given = found(context, **arguments)
        if inspect.isawaitable(given):
            given = runner.run(_settle(given))
        scores = as_scores(given)
        many = scores if isinstance(scores, list) else [scores]
        for score in many:
            if score.score is not None and not math.isfinite(score.score):
                raise EvaluatorError(f"its score is {score.score}, which is not a number to compare")
        return {"scores": [_plain(score) for score in many], "many": isinstance(scores, list)}
    except MemoryError:
        return {"error": "MemoryError", "message": "the function needs more memory than memory_mb allows"}
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        return {"error": "EvaluatorError", "message": f"the function ended the process: exit {error.code}"}
    except BaseException as error:
        name = "EvaluatorError" if isinstance(error, StopIteration) else type(error).__name__
        said = "the function raised StopIteration" if isinstance(error, StopIteration) else str(error) or repr(error)
        return {"error": name, "message": said[:4_000]}


async def _settle(value: Any) -> Any:
    return await value


def _plain(score: Score) -> dict[str, Any]:
    return score.model_dump(mode="json")


def _send(stream: BinaryIO, message: dict[str, Any]) -> None:
    stream.write(json.dumps(message).encode("utf-8", "replace") + b"\n")
    stream.flush()


def _limit(memory_mb: int) -> None:
    """Cap the address space. Where the system knows no such limit, time alone is limited."""
    import resource

    most = memory_mb * 1024 * 1024
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with(parent: int) -> None:
    """End when the parent has ended, also in the middle of a call that hangs."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
