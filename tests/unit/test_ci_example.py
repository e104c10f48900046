"""The CI example is valid, and what it calls exists."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from burnish.drivers.cli.app import app
from burnish.drivers.gate_comment import MARK

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci" / "github-actions.yml"


def steps() -> list[dict[str, Any]]:
    workflow = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = workflow["jobs"]["gate"]["steps"]
    assert {"pull_request": None} == workflow[True]  # YAML 1.1 reads `on` as true, and GitHub does not mind
    return found


def test_every_step_does_one_thing() -> None:
    """It uses an action at a stated version or runs a script."""
    for step in steps():
        assert ("uses" in step) is not ("run" in step)
        assert "uses" not in step or re.fullmatch(r"[\w-]+(/[\w-]+)+@v\d+", step["uses"])


def test_the_commands_and_options_it_calls_exist() -> None:
    """Each `burnish …` line parses against the command line as it is."""
    group = typer.main.get_command(app)
    calls = [
        shlex.split(line.split("||")[0])
        for step in steps()
        for line in step.get("run", "").splitlines()
        if line.strip().startswith("burnish ")
    ]
    assert calls
    for _, name, *arguments in calls:
        command: Any = group.commands[name]  # type: ignore[attr-defined]
        known = {option for one in command.params for option in one.opts}
        assert set() == {argument for argument in arguments if argument.startswith("--")} - known


def test_the_comment_is_found_by_the_mark_that_is_written() -> None:
    """One comment a pull request, and expressions of GitHub never stand inside a script, where a name could be code."""
    scripts = [step["run"] for step in steps() if "run" in step]
    assert any(MARK in script for script in scripts)
    assert [] == [script for script in scripts if "${{" in script]


def test_answers_are_kept_whatever_the_verdict() -> None:
    """Restored before the gate and saved after it, under the same key; the action that does both saves no failure."""
    found = steps()
    names = [step.get("uses", step.get("id", "")).partition("@")[0] for step in found]
    restore, gate, save = (names.index(name) for name in ("actions/cache/restore", "gate", "actions/cache/save"))
    assert restore < gate < save
    assert "actions/cache" not in names
    assert found[save]["if"].startswith("always()")
    assert [found[restore]["with"][name] for name in ("path", "key")] == list(found[save]["with"].values())


@pytest.mark.parametrize(("ids", "called"), [("", "POST issues/7/comments"), ("11\\n12\\n", "PATCH comments/11")])
def test_one_comment_is_kept_up_to_date(tmp_path: Path, ids: str, called: str) -> None:
    """The script as GitHub runs it: the first of several marked comments is brought up to date, else one is made."""
    (script,) = (step["run"] for step in steps() if step.get("name") == "Comment")
    (tmp_path / ".burnish").mkdir()
    (tmp_path / ".burnish" / "gate.md").write_text(MARK)
    gh = tmp_path / "gh"
    # It writes on after the first line, as with pages to come: where nobody reads, it fails.
    gh.write_text(
        f"#!/bin/bash\ncase \"$*\" in *--paginate*) printf '{ids}'; sleep 0.2; printf '{ids}' || exit 1;;\n"
        '*) echo "$@" >> called;; esac\n'
    )
    gh.chmod(0o755)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=tmp_path, text=True,
        capture_output=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "NUMBER": "7", "REPOSITORY": "o/r", "GH_TOKEN": "x"},
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    method, _, path = called.partition(" ")
    (line,) = (tmp_path / "called").read_text().splitlines()
    assert line.startswith(f"api --method {method} repos/o/r/")
    assert f"{path} " in line
