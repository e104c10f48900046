"""The CI example is valid, and what it calls exists."""

import re
import shlex
from pathlib import Path
from typing import Any

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
        assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])


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
