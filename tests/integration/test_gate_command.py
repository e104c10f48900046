"""`burnish gate` on real repositories, for every kind of agent."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.model_server import Answer, ModelServer, completion, serve_in_thread
from support.repositories import git
from support.suite_project import PROMPT, SuiteProject, route
from typer.testing import CliRunner, Result

from burnish.drivers.cli.app import app

Gate = Callable[..., Result]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Call the command for the project in the test's folder, from inside it."""

    def call(*arguments: str, base: str = "main") -> Result:
        monkeypatch.chdir(tmp_path / "agent")
        monkeypatch.setenv("COLUMNS", "160")
        return CliRunner().invoke(app, ["--project", str(tmp_path / "agent"), "gate", "--base", base, *arguments])

    return call


def routing(body: dict[str, Any]) -> Answer:
    return Answer(completion(route(body["messages"][0]["content"], body["messages"][1]["content"])))


@pytest.mark.parametrize("kind", ["prompt", "python", "command"])
def test_the_exit_code_is_the_verdict(tmp_path: Path, gate: Gate, kind: str) -> None:
    """A harmless change of the prompt passes, one that breaks a must-pass case is a regression; files say the same."""
    with serve_in_thread(ModelServer(routing)) as server:
        project = SuiteProject(tmp_path / "agent", kind, count=6, must=range(6), base_url=server.base_url)
        project.write("prompts/router.md", PROMPT + "Be kind.\n")
        passed = gate()
        assert (0, True) == (passed.exit_code, passed.stdout.startswith("pass  desk: working tree on")), passed.output
        project.write("prompts/router.md", PROMPT.replace("bravo: parcel", "bravo: <b>crash|"))
        asked = len(server.requests)
        files = ("--junit", "out/gate.xml", "--json-file", "out/gate.json", "--markdown", "out/gate.md")
        failed = gate(*files)
        assert 1 == failed.exit_code, failed.output
        assert "2 cases that must pass broke: case-1, case-4." in failed.stdout
        paid = len(server.requests)
        again = gate(*files)
        assert (failed.stdout, paid) == (again.stdout, len(server.requests))
        assert (paid > asked) is (kind == "prompt")
    out = tmp_path / "agent" / "out"
    data = json.loads((out / "gate.json").read_text())
    assert ("regression", 1) == (data["outcome"], data["exit_code"])
    tree = ElementTree.parse(out / "gate.xml").getroot()
    cases = {case.get("name"): case for case in tree.iter("testcase")}
    assert {"case-1", "case-4", "verdict"} == {name for name, case in cases.items() if case.find("failure") is not None}
    assert ("7", "3", "0") == (tree.get("tests"), tree.get("failures"), tree.get("skipped"))
    comment = (out / "gate.md").read_text()
    assert comment.startswith("<!-- burnish gate -->\n\n### burnish gate, desk: ❌ regression")
    assert "| case-1 **must pass** | the parcel 1 is gone | bravo | bravo |" in comment
    assert "<b>" not in comment
    assert ["M prompts/router.md", "?? out/"] == git(project.folder, "status", "--short").splitlines()


def test_a_small_suite_is_inconclusive_and_says_what_would_do(tmp_path: Path, gate: Gate) -> None:
    """Exit 2, with the number of cases; a wider margin needs fewer."""
    project = SuiteProject(tmp_path / "agent")
    project.write("prompts/router.md", PROMPT + "Be kind.\n")
    found = gate("--json")
    assert 2 == found.exit_code
    data = json.loads(found.stdout)
    assert (True, 124) == (data["small"], data["metrics"][0]["needed"])
    assert 0 == gate("--margin", "0.5").exit_code


def test_a_change_of_code_is_held_against_where_the_branch_began(tmp_path: Path, gate: Gate) -> None:
    """Not against what others did on main meanwhile."""
    project = SuiteProject(tmp_path / "agent", must=range(12))
    git(project.folder, "checkout", "-q", "-b", "feature")
    project.write("agent.py", "def answer(text):\n    return 'cedar'\n")
    project.commit()
    git(project.folder, "checkout", "-q", "main")
    project.write("prompts/router.md", "nothing\n")
    project.commit()
    git(project.folder, "checkout", "-q", "feature")
    found = gate()
    assert 1 == found.exit_code
    assert "8 cases that must pass broke" in found.stdout


def test_committing_what_was_measured_measures_nothing_again(tmp_path: Path, gate: Gate) -> None:
    """A version is its files."""
    project = SuiteProject(tmp_path / "agent")
    git(project.folder, "checkout", "-q", "-b", "feature")
    project.write("prompts/router.md", PROMPT + "Be kind.\n")
    first = json.loads(gate("--json").stdout)
    project.commit()
    second = json.loads(gate("--json").stdout)
    assert first["experiment_id"] == second["experiment_id"]
    assert second["candidate"].startswith("HEAD (")


def test_cases_that_the_change_removes_or_rewrites_are_named(tmp_path: Path, gate: Gate) -> None:
    """A person must see that the measure was changed with what it measures."""
    project = SuiteProject(tmp_path / "agent", count=3)
    project.write("evals/cases.yaml", project.case(0, True).replace("atlas", "bravo") + project.case(7))
    data = json.loads(gate("--json").stdout)
    assert (["case-1", "case-2"], ["case-0"]) == (data["removed"], data["altered"])
    assert ["case-7"] == [case["id"] for case in data["cases"] if case["added"]]


def test_an_endpoint_that_is_away_is_unmeasured_and_no_score(tmp_path: Path, gate: Gate) -> None:
    """Exit 2, nothing broken."""
    with serve_in_thread(
        ModelServer(lambda body: Answer({"error": {"message": "no such model"}}, status=404))
    ) as server:
        project = SuiteProject(tmp_path / "agent", "prompt", count=3, base_url=server.base_url)
        project.write("prompts/router.md", PROMPT + "Be kind.\n")
        data = json.loads((found := gate("--json")).stdout)
    assert (2, False) == (found.exit_code, data["small"])
    assert {"unmeasured"} == {case["state"] for case in data["cases"]}


@pytest.mark.parametrize(
    ("ending", "code"),
    [("| true", 1), ("--json | true", 1), ("2>&1 | true", 1), (">/dev/full", 4), ("--json >/dev/full", 4)],
)
def test_the_verdict_outlives_its_reader(tmp_path: Path, ending: str, code: int) -> None:
    """A closed pipe makes no pass of a regression, and output that cannot be written makes no regression."""
    project = SuiteProject(tmp_path / "agent", count=1)
    project.write("prompts/router.md", "nothing\n")
    project.write("agent.py", "def answer(text):\n    return 'cedar'\n")
    script = f'"{sys.executable}" -m burnish gate --base main {ending}; echo "${{PIPESTATUS[0]}}"'
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BURNISH_")}
    done = subprocess.run(["bash", "-c", script], cwd=project.folder, env=kept, capture_output=True, text=True)
    assert f"{code}\n" == done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    assert ("burnish: cannot write the output: " in done.stderr) is (code == 4)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--base", "nowhere"], 4, "no 'nowhere' in"),
        (["--bse", "main"], 4, "No such option"),
        (["--margin", "0"], 4, "must be above 0"),
        (["--repetitions", "x"], 4, "repetitions"),
        (["--agent", "other"], 3, "no agent 'other'"),
        (["--repo", "/"], 4, "no git repository"),
        (["--junit", "/proc/none/x.xml"], 4, "cannot write"),
    ],
)
def test_what_keeps_the_gate_from_running_is_no_verdict(
    tmp_path: Path, gate: Gate, arguments: list[str], code: int, said: str
) -> None:
    """Wrong usage and configuration leave with codes of their own."""
    SuiteProject(tmp_path / "agent", count=1)
    found = gate(*arguments)
    assert (code, True) == (found.exit_code, said in found.output), found.output


@pytest.mark.parametrize(
    ("path", "text", "code", "said"),
    [
        ("evals/cases.yaml", "- id: a\n  inptu: 1\n", 4, "evals/cases.yaml:1: case 'a': "),
        ("evals/cases.yaml", "", 3, "no cases in"),
        ("config/agents/desk.toml", "nonsense", 4, "not valid TOML"),
        ("agent.py", "import missing_module\n", 4, "cannot import 'agent:answer'"),
    ],
)
def test_a_broken_project_is_no_verdict(tmp_path: Path, gate: Gate, path: str, text: str, code: int, said: str) -> None:
    """The file and what is wrong with it."""
    SuiteProject(tmp_path / "agent", count=1).write(path, text)
    found = gate()
    assert (code, True) == (found.exit_code, said in found.output), found.output
