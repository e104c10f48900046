"""Real servers of trace stores, each out of a virtual environment of its own, on a free port of this machine.

`make integration` makes the environments and names them in BURNISH_PHOENIX_VENV and BURNISH_MLFLOW_VENV. A server
keeps its data in a folder, so that it can be killed and started again with what it had.
"""

import base64
import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

import httpx

from support.loopback import free_port

__all__ = ["MlflowServer", "PhoenixServer", "StoreServer", "venv_of"]

READY_S = 180.0


def venv_of(kind: str) -> Path | None:
    """The virtual environment that the environment names for `kind` (phoenix or mlflow); None where it names none."""
    given = os.environ.get(f"BURNISH_{kind.upper()}_VENV")
    return Path(given).absolute() if given else None


class StoreServer:
    """One server process and its children. `start` returns once it answers; `kill` is SIGKILL."""

    def __init__(self, venv: Path, folder: Path) -> None:
        self.venv, self.folder, self.port = venv, folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it is told by the environment."""
        raise NotImplementedError

    ready_path = "/"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError with the end of its log where it does not."""
        inherited = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command(),
                env=inherited | self.environment(),
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its workers die with it
            )
        limit = time.monotonic() + READY_S
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                if httpx.get(self.url + self.ready_path, timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        end = log.read_text(errors="replace")[-2000:]
        self.kill()
        raise RuntimeError(f"{self.command()[0]} does not answer on {self.url}; its log ends with:\n{end}")

    def kill(self) -> None:
        """End it and its children at once, without a chance to tidy up."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class PhoenixServer(StoreServer):
    """Arize Phoenix on SQLite. A project is the resource attribute `openinference.project.name`."""

    ready_path = "/healthz"

    def command(self) -> list[str]:
        """`phoenix serve`."""
        return [str(self.venv / "bin" / "phoenix"), "serve"]

    def environment(self) -> dict[str, str]:
        """Its folder and ports; nothing that reaches out."""
        return {
            "PHOENIX_WORKING_DIR": str(self.folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            "PHOENIX_AGENTS_DISABLE_BASH": "true",
            "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
            "PHOENIX_ENABLE_MCP_SERVER": "false",
        }

    def send(self, body: bytes, content_type: str = "application/x-protobuf") -> None:
        """Send an OTLP request; it is stored some time later."""
        answer = httpx.post(f"{self.url}/v1/traces", content=body, headers={"Content-Type": content_type}, timeout=60)
        answer.raise_for_status()

    def wait_for(self, spans: int, within_s: float = 900.0) -> None:
        """Wait until the newest span of the project `default` has this number: they are counted as they are stored."""
        asked = {"limit": 1, "sort": "id", "order": "desc"}
        limit = time.monotonic() + within_s
        while True:
            answer = httpx.get(f"{self.url}/v1/projects/default/spans", params=asked, timeout=60)
            newest = answer.json()["data"] if answer.is_success else []
            stored = int(base64.b64decode(newest[0]["id"]).decode().partition(":")[2]) if newest else 0
            if stored >= spans:
                return
            if time.monotonic() > limit:
                raise RuntimeError(f"Phoenix stored {stored} of {spans} spans in {within_s:.0f} s")
            time.sleep(0.1)


class MlflowServer(StoreServer):
    """MLflow's tracking server on SQLite."""

    ready_path = "/health"

    def command(self) -> list[str]:
        """`mlflow server` with one worker."""
        return [
            *(str(self.venv / "bin" / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}", "--workers", "1"),
            *("--default-artifact-root", str(self.folder / "artifacts")),
        ]

    def environment(self) -> dict[str, str]:
        """No job runner, no telemetry."""
        # The server starts its workers by the name `uvicorn`, found on the path.
        path = f"{self.venv / 'bin'}:{os.environ.get('PATH', '')}"
        return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}

    def experiment(self, name: str) -> str:
        """Create an experiment; its id."""
        made = httpx.post(f"{self.url}/api/2.0/mlflow/experiments/create", json={"name": name}, timeout=60)
        made.raise_for_status()
        return str(made.json()["experiment_id"])

    def send(self, body: bytes, experiment: str, content_type: str = "application/x-protobuf") -> None:
        """Send an OTLP request, which is stored when this returns."""
        answer = httpx.post(
            f"{self.url}/v1/traces",
            content=body,
            headers={"Content-Type": content_type, "x-mlflow-experiment-id": experiment},
            timeout=120,
        )
        answer.raise_for_status()
