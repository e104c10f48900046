"""`burnish run`, `deploy` and `worker`: the flows, with a local Prefect server that burnish starts when none is set.

The only part of the package that imports prefect, and only inside these commands.
"""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from burnish.drivers.local_server import LocalServer, server_environment
from burnish.errors import BurnishError, ConfigError
from burnish.loop.progress import Show, viewer
from burnish.settings import Settings

__all__ = ["FLOWS", "deploy", "prepare", "run_flow", "worker"]

FLOWS = ("nightly", "pull_and_enrich", "improve_agent", "align_judges")


def prepare(settings: Settings, say: Callable[[str], None], flow: str = "nightly") -> str:
    """Make the project's flows, `flow` above all, runnable from this process; returns the URL of the Prefect UI.

    A project made by an earlier version may lack a flow: `burnish init` adds it.
    A PREFECT_API_URL of the user's is used as it is; otherwise one local server is started or reused.
    """
    project = settings.project.expanduser().resolve()
    if not (project / "flows" / f"{flow}.py").is_file():
        raise ConfigError(
            f"{project} has no flows/{flow}.py; run `burnish init` there, which keeps what is there, or point "
            "--project at a project"
        )
    os.environ["BURNISH_PROJECT"] = str(project)
    os.chdir(project)
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    given = os.environ.get("PREFECT_API_URL")
    if given:
        return given.removesuffix("/api")
    server = LocalServer(settings.home_dir, settings.prefect_port)
    if not server.running():
        say(f"Starting a local Prefect server on {server.ui_url} (10 to 30 s, once) ...")
    server.ensure()
    os.environ.update(server_environment(settings.home_dir))
    os.environ["PREFECT_API_URL"] = server.api_url
    return server.ui_url


def run_flow(name: str, show: Show | None = None, *, verbose: bool = False, **parameters: Any) -> dict[str, Any]:
    """Run one flow of the project in this process and return its result. Call `prepare` first.

    `show` is told the progress of long steps as (done, total, what). Without `verbose` an error is shown once, by who
    called this; Prefect's pages have its traceback in any case.
    """
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    from importlib import import_module

    flow = getattr(import_module(f"flows.{name}"), name)

    if not verbose:
        _without_tracebacks()

    async def run() -> dict[str, Any]:
        viewer.set(show)
        call: Coroutine[Any, Any, dict[str, Any]] = flow(**parameters)
        return await call

    return asyncio.run(run())


def _without_tracebacks() -> None:
    """Keep from the terminal what Prefect logs of an exception in every task and flow that it passes through."""
    from prefect.logging.configuration import setup_logging

    def wanted(record: logging.LogRecord) -> bool:
        ours = record.name.startswith(("prefect.flow_runs", "prefect.task_runs"))
        return not ours or record.levelno < logging.ERROR

    setup_logging()
    for handler in logging.getLogger().handlers:
        handler.addFilter(wanted)


def deploy(settings: Settings, say: Callable[[str], None]) -> str:
    """Register the flows of prefect.yaml with the server; returns the URL of the UI."""
    ui = prepare(settings, say)
    project = Path(os.environ["BURNISH_PROJECT"])
    _prefect(project, "work-pool", "create", "burnish", "--type", "process", "--overwrite")
    _prefect(project, "--no-prompt", "deploy", "--all")
    return ui


def worker(settings: Settings, say: Callable[[str], None]) -> int:
    """Deploy, then work for the pool until stopped; returns the worker's exit code."""
    ui = deploy(settings, say)
    say(f"Flows are at {ui}/deployments. Waiting for runs; Ctrl-C stops.")
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "burnish", "--type", "process"]
    # Three missed beats of 30 s mark a dead run as crashed, so that its slot is freed.
    environment = {**os.environ, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
    return subprocess.call(command, env=environment)  # noqa: S603 - our own interpreter, fixed arguments


def _prefect(project: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", *arguments]
    done = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
        command, cwd=project, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise BurnishError(f"`prefect {' '.join(arguments)}` failed:\n{tail}")
