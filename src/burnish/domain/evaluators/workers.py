"""Processes that run users' functions, so that one that hangs, dies or takes all memory costs its own result only.

A worker answers one call at a time over pipes: a pickled call goes in (ours, so it can be trusted), a line of JSON
comes out. One that dies, runs out of memory or is late is killed; the next call starts another. They are shared by all
evaluators of this process and end with it.
"""

import atexit
import contextlib
import json
import os
import pickle
import subprocess
import sys
import threading
from typing import Any, Final

__all__ = ["Worker", "WorkerDiedError", "give_back", "take"]

ANSWER_LIMIT: Final = 8 * 1024 * 1024
IDLE_AT_MOST: Final = 4

_idle: list["Worker"] = []
_lock = threading.Lock()


class WorkerDiedError(Exception):
    """The process ended in the middle of a call."""


class Worker:
    """One process. `call` blocks; `kill` from another thread ends it."""

    def __init__(self, memory_mb: int) -> None:
        self.memory_mb = memory_mb
        self._loaded: set[str] = set()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "burnish.domain.evaluators.worker", str(memory_mb), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        """Whether it can take a call."""
        return self._process.poll() is None

    def ready(self) -> None:
        """Wait until it has started. Raises WorkerDiedError."""
        self._line()

    def load(self, function: str) -> None:
        """Have the function's module imported, so that its time is not the call's; an error of it is told by the call.

        Raises WorkerDiedError.
        """
        if function not in self._loaded:
            self.call(function, None, {})
            self._loaded.add(function)

    def call(self, function: str, context: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer to one call; without a context the function is only looked up. Raises WorkerDiedError."""
        assert self._process.stdin is not None
        body = pickle.dumps((function, context, arguments), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            self._process.stdin.write(len(body).to_bytes(8) + body)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise WorkerDiedError(self._ending()) from error
        return self._line()

    def kill(self) -> None:
        """End it and what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, 9)
        self._process.wait()
        # A thread may still read: it gets the end of the file, and closing is its turn then.
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            line = self._process.stdout.readline(ANSWER_LIMIT)
        except (OSError, ValueError) as error:  # killed and closed while we read
            raise WorkerDiedError(self._ending()) from error
        if not line.endswith(b"\n"):
            raise WorkerDiedError(self._ending() if len(line) < ANSWER_LIMIT else "its answer has no end")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ending(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(2)
            return f"its process was ended by signal {-code}" if code < 0 else f"its process exited with code {code}"
        return "its process closed the connection"


def take(memory_mb: int) -> Worker:
    """An idle worker with this limit, or a new one that has started. Raises WorkerDiedError."""
    with _lock:
        for place, worker in enumerate(_idle):
            if worker.memory_mb == memory_mb:
                del _idle[place]
                if worker.alive:
                    return worker
                worker.kill()
                break
    worker = Worker(memory_mb)
    try:
        worker.ready()
    except WorkerDiedError:
        worker.kill()
        raise
    return worker


def give_back(worker: Worker) -> None:
    """Keep a worker for the next call; the longest idle makes room."""
    with _lock:
        _idle.append(worker)
        leaving = [_idle.pop(0)] if len(_idle) > IDLE_AT_MOST else []
    for one in leaving:
        one.kill()


@atexit.register
def _end() -> None:
    with _lock:
        leaving, _idle[:] = list(_idle), []
    for worker in leaving:
        worker.kill()
