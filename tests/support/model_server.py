"""A loopback chat-completions server whose every answer can be scripted; in its own process for benchmarks.

It speaks just enough HTTP/1.1 (keep-alive, Content-Length) on a bare asyncio protocol, so that a benchmark measures
the client. `python tests/support/model_server.py --latency 0.05` prints its port and serves until its input closes.
"""

import argparse
import asyncio
import contextlib
import json
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Answer", "ModelServer", "completion", "serve_in_process", "serve_in_thread"]

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


@dataclass(frozen=True)
class Answer:
    """How to answer: after `latency` seconds, `status` with `body`; `hang` never answers, `drop` hangs up."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    latency: float | None = None
    hang: bool = False
    drop: bool = False


def completion(content: str | None = "ok", **message: Any) -> dict[str, Any]:
    """The body of a good answer; `usage`, `model` and `finish_reason` are taken out, the rest joins the message."""
    usage, model = message.pop("usage", USAGE), message.pop("model", "fake-model")
    reason = message.pop("finish_reason", "stop")
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": reason}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}


Script = Sequence[Answer] | Callable[[dict[str, Any]], Answer]


class ModelServer:
    """Answers from `script` in order (then plain good answers), or by a function of the request's JSON body.

    `requests` and `headers` record what came in, `peak` the most requests that were ever in flight together.
    `punctual` sets its timers earlier by what they are usually late, so that `latency` is the mean of what it takes.
    """

    def __init__(self, script: Script = (), latency: float = 0.0, *, punctual: bool = False) -> None:
        self.latency = latency
        self.punctual = punctual
        self.usually_late = 0.0
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.in_flight = self.peak = 0
        self.port = 0
        self._script = script if callable(script) else iter(script)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for transport in list(self._open):
            transport.abort()
        await asyncio.sleep(0)

    async def __aenter__(self) -> "ModelServer":
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def answer(self, body: dict[str, Any]) -> Answer:
        if callable(self._script):
            return self._script(body)
        return next(self._script, _GOOD)


_GOOD = Answer(completion())
_GOOD_BODY = json.dumps(_GOOD.body).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, server: ModelServer) -> None:
        self.server, self.buffer = server, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server._open.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        arrived = asyncio.get_running_loop().time()
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        self._answer(headers, json.loads(rest[:length] or b"{}"), arrived)

    def _answer(self, headers: dict[str, str], body: dict[str, Any], arrived: float) -> None:
        server = self.server
        server.requests.append(body)
        server.headers.append(headers)
        server.in_flight += 1
        server.peak = max(server.peak, server.in_flight)
        answer = server.answer(body)
        if not answer.hang:
            delay = server.latency if answer.latency is None else answer.latency
            due = arrived + delay - self.server.usually_late
            asyncio.get_running_loop().call_at(due, self._write, answer, due)

    def _write(self, answer: Answer, due: float) -> None:
        self.server.in_flight -= 1
        if self.server.punctual:
            late = asyncio.get_running_loop().time() - due
            self.server.usually_late += 0.05 * (late - self.server.usually_late)
        if self.transport.is_closing():
            return
        if answer.drop:
            self.transport.abort()
            return
        body = _GOOD_BODY if answer is _GOOD else _encoded(answer.body)
        head = [f"HTTP/1.1 {answer.status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        self.transport.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)


def _encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@contextlib.contextmanager
def serve_in_thread(server: ModelServer) -> Iterator[ModelServer]:
    """Serve from a thread of this process, for tests that are not themselves on an event loop."""
    loop, ready = asyncio.new_event_loop(), threading.Event()

    def run() -> None:
        loop.run_until_complete(server.start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(server.stop())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextlib.contextmanager
def serve_in_process(latency: float = 0.0) -> Iterator[str]:
    """The base URL of a server of good answers in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--latency", str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.stdin.close()
            process.wait(10)


async def _main(latency: float) -> None:
    server = ModelServer(latency=latency, punctual=latency > 0)
    await server.start()
    print(server.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    # select() takes microseconds where epoll rounds a timer up to the next millisecond: "50 ms" should mean 50 ms.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_main(parser.parse_args().latency))
