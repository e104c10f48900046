"""One local Prefect server under burnish's home, started when needed and reused.

The ephemeral server that Prefect starts by itself takes its time at every run and forgets task runs when the process
ends; this one keeps its database in the home, leaves the UI reachable and outlives the run.
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from burnish.errors import BurnishError, ConfigError

__all__ = ["LocalServer", "server_environment"]

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0


def server_environment(home: Path) -> dict[str, str]:
    """What the server and the runs need: a home of their own, and no calls to the outside."""
    return {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # Leases on disk: the in-memory ones leak a dead run's concurrency slot over a restart of the server.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }


class LocalServer:
    """The Prefect server of one home. `ensure()` starts it unless it answers already."""

    def __init__(self, home: Path, port: int) -> None:
        self._home = home
        self.port = port

    @property
    def ui_url(self) -> str:
        """Where people look."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """What PREFECT_API_URL is set to."""
        return f"{self.ui_url}/api"

    def running(self) -> bool:
        """Whether a healthy Prefect API answers on the port."""
        import httpx

        try:
            response = httpx.get(f"{self.api_url}/health", timeout=2.0, trust_env=False)
        except httpx.HTTPError:
            return False
        return response.status_code == 200 and response.text.strip() == "true"

    def ensure(self) -> bool:
        """Start the server if it does not answer; returns whether it was started now.

        Raises ConfigError where something else holds the port, or this home's server is on another one, and
        BurnishError where the server does not come up; its log says why.
        """
        with self._starting():
            if self.running():
                return False
            if self._port_taken():
                raise ConfigError(
                    f"port {self.port} is taken by another program; set BURNISH_PREFECT_PORT to a free port"
                )
            if self._alive():
                raise ConfigError(
                    f"the Prefect server of {self._home} (process {self._told(self._pid_file)}) is on port "
                    f"{self._told(self._port_file)}; set BURNISH_PREFECT_PORT to that, or end the process first"
                )
            process = self._start()
            deadline = time.monotonic() + START_TIMEOUT_S
            while not self.running():
                if process.poll() is not None or time.monotonic() > deadline:
                    process.terminate()
                    raise BurnishError(f"the Prefect server did not start; its log is {self.log}:\n{self._log_tail()}")
                time.sleep(0.3)
            return True

    def stop(self) -> bool:
        """Stop the server this home started and wait until its port is free; returns whether there was one.

        Raises BurnishError where it does not end.
        """
        if not self._pid_file.exists():
            return False
        with self._starting():
            ours = self._alive()
            with contextlib.suppress(ValueError):
                if ours and not self._ended(int(self._pid_file.read_text())):
                    raise BurnishError(f"the Prefect server on port {self.port} does not stop; its log is {self.log}")
            self._pid_file.unlink()
        return ours

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._home / "prefect" / "server.log"

    @property
    def _pid_file(self) -> Path:
        return self._home / "prefect" / "server.pid"

    @property
    def _port_file(self) -> Path:
        return self._home / "prefect" / "server.port"

    @property
    def _alive_file(self) -> Path:
        return self._home / "prefect" / "server.alive"

    def _alive(self) -> bool:
        """Whether the server started here still runs: it holds this lock till it ends, its pid may be another's."""
        with self._alive_file.open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _ended(self, pid: int) -> bool:
        """Ask the server to end, then make it; whether it has."""
        for request in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, request)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while time.monotonic() < deadline:
                if not self._alive() and not self._port_taken():
                    return True
                time.sleep(0.1)
        return False

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        folder = self._home / "prefect"
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        with (folder / "server.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once start one server
            yield

    def _port_taken(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [
            sys.executable, "-m", "prefect", "server", "start",
            "--host", "127.0.0.1", "--port", str(self.port), "--analytics-off",
        ]  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if k not in ("PREFECT_API_URL", "PREFECT_PROFILE")}
        environment |= server_environment(self._home)
        environment["PREFECT_SERVER_UI_API_URL"] = (
            self.api_url
        )  # else the pages ask port 4200, whatever the server's own
        with self.log.open("ab") as log, self._alive_file.open("a") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C on the run leaves the server up
                pass_fds=[alive.fileno()],
            )
        self._pid_file.write_text(str(process.pid))
        self._port_file.write_text(str(self.port))
        return process

    @staticmethod
    def _told(file: Path) -> str:
        try:
            return file.read_text().strip()
        except OSError:
            return "(unknown)"

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return ""
