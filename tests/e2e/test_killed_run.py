"""`burnish run nightly` with its Prefect server, killed as a whole with SIGKILL and started again."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.test_killed_night import rows
from e2e.test_killed_night import run as without_prefect
from support.loopback import free_port
from support.model_server import Answer, ModelServer, serve_in_thread
from support.night_project import DAY, NightProject, answer, is_target

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


class Tree:
    """The run and the Prefect server it starts: everything that carries the project's folder in its environment."""

    def __init__(self, project: NightProject, port: int) -> None:
        self._mark = f"BURNISH_PROJECT={project.folder}".encode()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BURNISH_", "PREFECT_"))}
        self._environment = {
            **kept, **project.environment, "BURNISH_PREFECT_PORT": str(port), "PYTHONPATH": str(ROOT / "src"),
        }  # fmt: skip
        self._folder = project.folder

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "burnish", "run", "nightly", "--night", DAY.isoformat(), "--json"]
        with (self._folder / "run.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=log, stderr=log)

    def finish(self) -> None:
        assert 0 == self.start().wait(120), (self._folder / "run.log").read_text()[-3000:]

    def kill(self) -> int:
        """SIGKILL to all of them at once; how many there were."""
        found = self._processes()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(found)

    def _processes(self) -> list[int]:
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if self._mark in (folder / "environ").read_bytes().split(b"\0"):
                        found.append(int(folder.name))
        return found


class Killer:
    """The model; it kills the tree when the agent has asked so many times."""

    def __init__(self) -> None:
        self.tree: Tree | None = None
        self.after, self.killed = 0, 0

    def __call__(self, body: dict[str, Any]) -> Answer:
        if self.tree is not None and is_target(body):
            self.after -= 1
            if self.after == 0:
                self.killed = self.tree.kill()
        return answer(body)


@contextlib.contextmanager
def prepared(folder: Path, base_url: str) -> Iterator[tuple[NightProject, Tree]]:
    """A project with the flows; nothing of it outlives the test."""
    project = NightProject.create(folder, base_url)
    for name in ("flows", "tasks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    tree = Tree(project, free_port())
    try:
        yield project, tree
    finally:
        tree.kill()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes of a run through /proc")
def test_a_run_killed_with_its_server_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Killed while measuring on dev: the next start ends with the verdict, the rows and the pull request of a night
    that nobody disturbs (and that Prefect has no part in). Other moments to be killed at are tried without a server."""
    with serve_in_thread(ModelServer(Killer())) as server, prepared(tmp_path / "whole", server.base_url) as (whole, _):
        assert 0 == without_prefect(whole)
        expected = rows(whole)
    killer = Killer()
    with (
        serve_in_thread(ModelServer(killer)) as server,
        prepared(tmp_path / "killed", server.base_url) as (project, tree),
    ):
        killer.tree = tree
        killer.after = 12
        code = tree.start().wait(120)
        assert -signal.SIGKILL == code, (project.folder / "run.log").read_text()[-3000:]
        assert killer.killed >= 2  # the run and its server
        time.sleep(0.3)
        killer.tree = None
        tree.finish()
        assert expected == rows(project)
