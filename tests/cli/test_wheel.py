"""What travels inside the wheel: `pip install burnish` must be enough for `burnish init` and `burnish demo`."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("flows", "tasks", "config", "examples")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; pip install hatchling")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_projects_files_travel_as_data(names: set[str], folder: str) -> None:
    """Every file that git keeps in these folders is in the wheel, and none of them at its top level."""
    kept = subprocess.run(["git", "ls-files", folder], cwd=ROOT, check=True, capture_output=True, text=True)
    assert kept.stdout
    assert set() == {f"burnish/_project/{path}" for path in kept.stdout.splitlines()} - names
    assert not any(name.startswith(f"{folder}/") for name in names)


@pytest.mark.parametrize("ending", [".html", ".css", ".svg", ".j2", ".toml", ".mako", ".js", "py.typed"])
def test_what_the_package_reads_beside_its_code_is_there(names: set[str], ending: str) -> None:
    """Pages, templates and the sample agent are files, which a build can forget."""
    kept = {p.relative_to(ROOT / "src").as_posix() for p in (ROOT / "src").rglob(f"*{ending}")}
    assert kept
    assert kept <= names


def test_nothing_else_comes_along(names: set[str]) -> None:
    """No byte code, no caches, no tests of ours."""
    assert [] == [n for n in names if "__pycache__" in n or ".burnish/" in n or n.startswith("tests/")]
