"""`burnish pull` and `burnish push` as people call them."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from cli.conftest import run
from support.seeded import store_url
from support.store_samples import trace

from burnish.adapters.sources.jsonl import write_jsonl
from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery

AGENT = """[repository]
url = "support.git"

[source]
kind = "jsonl"
path = "traces.jsonl"

[target]

[improve]
metric = "right"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose traces are a file with one line that is none."""
    (tmp_path / "config" / "agents").mkdir(parents=True)
    (tmp_path / "config" / "agents" / "support.toml").write_text(AGENT)
    write_jsonl(tmp_path / "traces.jsonl", [trace("a" * 32), trace("b" * 32)])
    with (tmp_path / "traces.jsonl").open("a") as file:
        file.write("not JSON\n")
    an_hour_ago = time.time() - 3_600  # one that has just changed may change again and would be read again
    os.utime(tmp_path / "traces.jsonl", (an_hour_ago, an_hour_ago))
    return tmp_path


def call(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run(*arguments, cwd=folder, PYTHONPATH=os.environ.get("PYTHONPATH", ""))


def test_pull_says_what_came_and_stores_it(folder: Path) -> None:
    """Counts in a table, problems on stderr; a dry run before it says the same and leaves nothing behind."""
    dry = call(folder, "pull", "--dry-run")
    assert 0 == dry.returncode, dry.stderr
    assert "Nothing was written" in dry.stderr
    assert not (folder / ".burnish").exists()
    done = call(folder, "pull", "support")
    assert 0 == done.returncode, done.stderr
    headings = [[line.split() for line in told.stdout.splitlines()[:2]] for told in (dry, done)]
    assert headings[0] == headings[1]
    row = done.stdout.splitlines()[2].split()
    assert ["support", "jsonl", "2", "0", "4", "0", "0", "1"] == row[:8] == dry.stdout.splitlines()[2].split()[:8]
    assert "traces.jsonl:3" in done.stderr
    with Store.open(store_url(folder)) as store:
        assert 2 == store.traces.count(TraceQuery(agent="support"))
    assert ["0", "0", "0", "0"] == call(folder, "pull").stdout.splitlines()[2].split()[2:6]


def test_push_says_why_nothing_goes_back(folder: Path) -> None:
    """It is off until the agent's file switches it on."""
    call(folder, "pull")
    done = call(folder, "push")
    assert 0 == done.returncode
    assert "not enabled" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["pull", "nobody"], 3, "no agent 'nobody'"),
        (["pull", "--since", "yesterday"], 2, "yesterday"),
        (["push", "nobody"], 3, "no agent 'nobody'"),
    ],
)
def test_wrong_calls_are_one_line(folder: Path, arguments: list[str], code: int, said: str) -> None:
    """With the exit code that the page about the command line names."""
    done = call(folder, *arguments)
    assert code == done.returncode
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_one_agents_wrong_source_does_not_cost_the_others_their_pull(folder: Path) -> None:
    """It is told beside them, with exit code 1; asked for by name it is the error itself."""
    wrong = AGENT.replace("traces.jsonl", "nowhere.jsonl")
    (folder / "config" / "agents" / "broken.toml").write_text(wrong)
    done = call(folder, "pull")
    assert 1 == done.returncode
    assert ["support", "jsonl", "2"] == done.stdout.splitlines()[3].split()[:3]
    assert "broken: stopped: [source] of agent 'broken': path = 'nowhere.jsonl' does not exist" in done.stderr
    alone = call(folder, "pull", "broken")
    assert (1, "") == (alone.returncode, alone.stdout)


def test_a_pull_fits_a_terminal_of_80_characters(folder: Path) -> None:
    """No column is cut off at the edge."""
    done = run("pull", "--dry-run", cwd=folder, PYTHONPATH=os.environ.get("PYTHONPATH", ""), COLUMNS="80")
    assert ["took"] == done.stdout.splitlines()[1].split()[-1:]
    assert 80 >= max(len(line.rstrip()) for line in done.stdout.splitlines())
