import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.seeded import seeded_store, store_url

from burnish.adapters.store import Store

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with a filled store, only read."""
    folder = tmp_path_factory.mktemp("project")
    seeded_store(store_url(folder)).close()
    return folder


@pytest.fixture(scope="session")
def seeded(project: Path) -> Iterator[Store]:
    with Store.open(store_url(project)) as store:
        yield store


def environment(**more: str) -> dict[str, str]:
    """The environment without burnish's own settings and without a terminal's wishes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BURNISH_", "PREFECT_"))}
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        kept.pop(name, None)
    return {**kept, **more}


def run(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "burnish", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=60)


@pytest.fixture
def burnish(project: Path) -> Call:
    """Call the installed command in the filled project, in a process of its own."""

    def call(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, cwd=project, **more)

    return call
