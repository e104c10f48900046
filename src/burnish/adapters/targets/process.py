"""One long-lived process of an agent: started in a version's folder, spoken to in JSON lines over a socket."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from burnish.errors import TargetError

__all__ = ["AgentProcess", "ProcessDiedError"]

LINE_LIMIT = 64 * 1024 * 1024
LOG_LIMIT = 1024 * 1024
TAIL = 1500


class ProcessDiedError(Exception):
    """The process ended or broke the protocol in the middle of an exchange."""


class AgentProcess:
    """A process in its own session with one socket to us.

    What it prints goes to a file, whose end is quoted in errors: files need no reader, so a chatty agent never blocks.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, channel: socket.socket, log: IO[bytes], started: float
    ) -> None:
        self._process = process
        self._channel: socket.socket | None = channel
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._log = log
        self.used_at = started

    @classmethod
    async def start(
        cls, argv: Sequence[str], root: Path, environment: Mapping[str, str], *, over_stdio: bool
    ) -> "AgentProcess":
        """Start `argv` in `root`. The socket is its stdin and stdout, or the descriptor that replaces "{fd}" in argv.

        Raises TargetError where the program cannot be started.
        """
        ours, theirs = socket.socketpair()
        log = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 - it lives as long as the process
        # The child shares this descriptor's position: appending, it does not care where we seek or truncate.
        fcntl.fcntl(log, fcntl.F_SETFL, fcntl.fcntl(log, fcntl.F_GETFL) | os.O_APPEND)
        try:
            fd = theirs.fileno()
            process = await asyncio.create_subprocess_exec(
                *(part.replace("{fd}", str(fd)) if not over_stdio else part for part in argv),
                cwd=root,
                env=dict(environment),
                stdin=fd if over_stdio else asyncio.subprocess.DEVNULL,
                stdout=fd if over_stdio else log,
                stderr=log,
                pass_fds=() if over_stdio else (fd,),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            ours.close()
            log.close()
            raise TargetError(f"cannot start {argv[0]!r} in {root}: {error}; correct [target]") from error
        except BaseException:  # cancelled, because another process of the agent could not be started
            ours.close()
            log.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours, log, asyncio.get_running_loop().time())

    @property
    def alive(self) -> bool:
        """Whether it can take another run."""
        return self._process.returncode is None and not (self._reader is not None and self._reader.at_eof())

    async def send(self, message: Mapping[str, Any]) -> None:
        """Write one line. Raises ProcessDiedError."""
        _, writer = await self._streams()
        try:
            writer.write(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
            await writer.drain()
        except OSError as error:
            raise ProcessDiedError(await self._ending()) from error

    async def receive(self) -> dict[str, Any]:
        """The next JSON object; other lines are skipped. Raises ProcessDiedError at the end or for a huge line."""
        reader, _ = await self._streams()
        while True:
            try:
                line = await reader.readline()
            except ValueError as error:
                raise ProcessDiedError(f"its answer is longer than {LINE_LIMIT} bytes") from error
            except OSError:  # it died with unread input: the same as an end of file
                line = b""
            if not line:
                raise ProcessDiedError(await self._ending())
            try:
                message = json.loads(line)
            except ValueError:
                self._note(line)
                continue
            if isinstance(message, dict):
                return message
            self._note(line)

    async def kill(self) -> None:
        """End the process and everything it started, and wait for it."""
        # The session outlives its leader: what the agent started dies with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        elif self._channel is not None:
            self._channel.close()
        self._log.close()

    def tail(self) -> str:
        """The end of what it printed."""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - TAIL))
        return self._log.read().decode("utf-8", "replace").strip()

    def trim(self) -> None:
        """Drop what it printed once that is long."""
        if self._log.seek(0, os.SEEK_END) > LOG_LIMIT:
            self._log.truncate(0)
            self._log.seek(0)

    @property
    def signalled(self) -> bool:
        """Whether a signal ended it (out of memory, a crash in native code) and not its own exit."""
        return (self._process.returncode or 0) < 0

    async def _streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._channel, limit=LINE_LIMIT)
        return self._reader, self._writer

    async def _ending(self) -> str:
        try:
            code = await asyncio.wait_for(self._process.wait(), timeout=2)
        except TimeoutError:
            return "it closed the connection"
        return f"it was ended by signal {-code}" if code < 0 else f"it exited with code {code}"

    def _note(self, line: bytes) -> None:
        self._log.seek(0, os.SEEK_END)
        self._log.write(line[:TAIL])
