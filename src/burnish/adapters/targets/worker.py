"""Runs inside the agent's process: imports module:function and answers one run at a time over a socket.

Started as a script by `python.py`, in the agent's folder and with the agent's environment. It imports nothing of
burnish, so that the agent sees only its own code and what is installed. Lines of JSON go both ways: first
`{"ready": …}` or `{"import_error": …}` from here, then `{"id", "input"}` in and
`{"id", "output" | "exception", "spans"}` out. The agent's prints stay on stdout, away from the socket.
"""

import asyncio
import base64
import contextlib
import dataclasses
import importlib
import inspect
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the other end closes. Arguments: root, module:function, descriptor, the parent's process id."""
    root, entrypoint, descriptor, parent = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    die_with(parent)
    os.set_inheritable(descriptor, False)  # the agent's own subprocesses must not hold the socket open
    sys.path[0] = root
    sys.argv = [entrypoint]
    with socket.socket(fileno=descriptor) as channel, channel.makefile("rwb") as stream:
        spans = SpanCollector()
        try:
            function = load(entrypoint)
        except BaseException as error:  # even SystemExit in a module is an answer here
            send(stream, {"import_error": describe(error)})
            return
        send(stream, {"ready": True})
        with asyncio.Runner() as runner:
            for line in stream:
                request = json.loads(line)
                send(stream, {"id": request["id"], **answer(runner, function, request["input"], spans)})


def die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent dies; elsewhere the closed socket ends it between runs."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(0)


def load(entrypoint: str) -> Callable[[Any], Any]:
    """The function that `module:function` names."""
    module, _, name = entrypoint.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{entrypoint} is not callable")
    return found  # type: ignore[no-any-return]


def answer(
    runner: "asyncio.Runner", function: Callable[[Any], Any], value: Any, spans: "SpanCollector"
) -> dict[str, Any]:
    """Call the function once; what it raises is part of the answer."""
    spans.clear()
    try:
        output = function(value)
        if inspect.isawaitable(output):
            output = runner.run(settle(output))
        reply: dict[str, Any] = {"output": plain(output)}
        json.dumps(reply, allow_nan=False)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: an agent that exits has failed this run only
        reply = {"exception": describe(error)}
    return reply | spans.encoded()


async def settle(value: Any) -> Any:
    """Await anything awaitable; the runner takes coroutines only."""
    return await value


def plain(value: Any) -> Any:
    """The value as JSON data where it is a dataclass or has pydantic's model_dump."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else value


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as data: its text, the class names of it and its causes, the end of its traceback."""
    names: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        names.extend(kind.__name__ for kind in type(cause).__mro__)
        cause = cause.__cause__
    return {
        "type": type(error).__name__,
        "message": str(error)[:2000],
        "names": names,
        "traceback": "".join(traceback.format_exception(error))[-4000:],
    }


def send(stream: Any, message: dict[str, Any]) -> None:
    """Write one line."""
    stream.write(json.dumps(message, default=str).encode() + b"\n")
    stream.flush()


class SpanCollector:
    """Keeps the spans of the present run, where the agent's environment has OpenTelemetry.

    OpenTelemetry allows one global provider. Ours is set before the agent is imported. An agent that sets its own
    afterwards keeps using that object; ours then listens to it as well, whichever way its tracers are made.
    """

    def __init__(self) -> None:
        self._exporter: Any = None
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import SimpleSpanProcessor
            from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        except ImportError:
            return
        self._encode = encode_spans
        self._exporter = exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        listened = {id(provider)}

        def listen(theirs: Any) -> None:
            if id(theirs) not in listened and hasattr(theirs, "add_span_processor"):
                listened.add(id(theirs))
                theirs.add_span_processor(SimpleSpanProcessor(exporter))

        trace.set_tracer_provider = listen  # type: ignore[assignment]

    def clear(self) -> None:
        """Forget the spans of the run before."""
        if self._exporter is not None:
            self._exporter.clear()

    def encoded(self) -> dict[str, str]:
        """The spans as OTLP protobuf in base64, under "spans"; nothing where there are none."""
        found = self._exporter.get_finished_spans() if self._exporter is not None else ()
        if not found:
            return {}
        return {"spans": base64.b64encode(self._encode(found).SerializeToString()).decode()}


if __name__ == "__main__":
    main()
