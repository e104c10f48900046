"""Cases as pytest tests, in a pytest of their own."""

import os
import subprocess
import sys
from pathlib import Path

from support.suite_project import PROMPT, SuiteProject

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BURNISH_", "PYTEST_"))}
    more = {"PYTHONPATH": str(ROOT / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ("-p", "burnish.pytest_plugin", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *plugins, "-W", "error", "-rA", "--rootdir", str(folder), *arguments]
    return subprocess.run(command, cwd=folder, env={**kept, **more}, capture_output=True, text=True, timeout=240)


def test_cases_run_as_tests(tmp_path: Path) -> None:
    """A must-pass case that fails fails its test; another is an expected failure, and strictly a failure."""
    project = SuiteProject(tmp_path, count=6, must=[0, 1])
    project.write("prompts/router.md", PROMPT.replace("bravo: parcel", "bravo: things"))
    done = run(tmp_path, "--burnish-agent", "desk", "evals/")
    assert 1 == done.returncode, done.stdout + done.stderr
    assert "1 failed, 4 passed, 1 xfailed" in done.stdout
    assert "case 'case-1': right_queue 0.00" in done.stdout
    assert "expected: bravo\noutput:   atlas" in done.stdout
    strict = run(tmp_path, "--burnish-agent", "desk", "--burnish-strict", "evals/")
    assert "2 failed, 4 passed" in strict.stdout


def test_without_an_agent_nothing_is_collected(tmp_path: Path) -> None:
    """Other people's pytest is left alone, and pays for no import of ours."""
    SuiteProject(tmp_path, count=1)
    (tmp_path / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n    assert not {'burnish.domain', 'pydantic', 'git'} & set(sys.modules)\n"
    )
    done = run(tmp_path)
    assert (0, True) == (done.returncode, "1 passed" in done.stdout), done.stdout + done.stderr


def test_other_yaml_is_left_alone_and_a_broken_case_file_is_an_error(tmp_path: Path) -> None:
    """Only files in evals/ are cases; one that cannot be read says where."""
    project = SuiteProject(tmp_path, count=1)
    project.write("evals/cases.yaml", "- id: a\n  inptu: 1\n")
    done = run(tmp_path, "--burnish-agent", "desk")
    assert (2, True) == (done.returncode, "cases.yaml:1: case 'a'" in done.stdout), done.stdout + done.stderr
    assert "queues.yaml" not in done.stdout
    unknown = run(tmp_path, "--burnish-agent", "none", "evals/")
    assert "no agent 'none'" in unknown.stderr
