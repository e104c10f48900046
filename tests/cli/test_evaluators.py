"""`burnish evaluators` and `burnish evaluate` in a project with traces."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.model_server import Answer, ModelServer, completion, serve_in_thread
from support.seeded import seeded_store, store_url
from support.shared_data import ROOT

from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery

AGENT = """\
[repository]
url = "."
[target]
kind = "command"
command = ["true"]
[improve]
metric = "short"
[models.judge]
name = "some-judge"
input_price = 1.0
output_price = 2.0
"""
SPECS = """\
- {kind: length, name: short, maximum: 10000}
- {kind: judge, name: right, rubric: It is right., applies: {when: {evaluator: short, value: true}}}
"""


def run(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Call the command in a process of its own, without burnish's own settings around it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BURNISH_", "PREFECT_"))}
    command = [sys.executable, "-m", "burnish", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A project with an agent, two evaluators and a filled store of its own."""
    seeded_store(store_url(tmp_path)).close()
    with Store.open(store_url(tmp_path)) as store:
        agent = store.traces.list(TraceQuery(limit=1))[0].agent
    (tmp_path / "config" / "evaluators").mkdir(parents=True)
    (tmp_path / "config" / "agents").mkdir()
    (tmp_path / "config" / "agents" / f"{agent}.toml").write_text(AGENT)
    (tmp_path / "config" / "evaluators" / "all.yaml").write_text(SPECS)
    (tmp_path / "agent").write_text(agent)
    return tmp_path


def test_list_and_show(workplace: Path) -> None:
    """The list names kind and chain; an agent's judge model is in the version."""
    plain = json.loads(run("evaluators", "--json", cwd=workplace).stdout)
    bound = json.loads(
        run("evaluators", "list", "--agent", (workplace / "agent").read_text(), "--json", cwd=workplace).stdout
    )
    assert [("short", "length", 0), ("right", "judge", 1)] == [
        (one["name"], one["kind"], one["calls"]) for one in plain
    ]
    assert plain[0]["version"] == bound[0]["version"]
    assert plain[1]["version"] != bound[1]["version"]
    assert "some-judge" == bound[1]["model"]
    shown = run("evaluators", "show", "short", cwd=workplace).stdout
    assert "characters, words, sentences or lines" in " ".join(shown.split())
    assert "maximum: 10000" in shown
    assert "did you mean 'short'" in run("evaluators", "show", "shord", cwd=workplace).stderr


def test_try_one_on_a_trace(workplace: Path) -> None:
    """By name and from a file; nothing is stored, and a failure is told with exit code 1."""
    with Store.open(store_url(workplace)) as store:
        summary = store.traces.list(TraceQuery(limit=1))[0]
        before = len(store.feedback.for_trace(summary.trace_id))
    done = run("evaluators", "test", "short", "--trace", summary.trace_id, "--json", cwd=workplace)
    assert (0, "short") == (done.returncode, json.loads(done.stdout)[0]["key"]), done.stderr
    (workplace / "mine.yaml").write_text("{kind: user_feedback, name: mine, keys: [never-given]}")
    failed = run("evaluators", "test", "mine.yaml", "--trace", summary.trace_id, cwd=workplace)
    assert 1 == failed.returncode
    assert "mine: EvaluatorError: no user has said anything" in failed.stdout
    with Store.open(store_url(workplace)) as store:
        assert before == len(store.feedback.for_trace(summary.trace_id))


def test_a_backfill_says_first_what_it_takes(workplace: Path) -> None:
    """Calls, tokens and dollars before anything is asked; a chosen judge brings the check it waits for."""
    agent = (workplace / "agent").read_text()
    done = run("evaluate", agent, "--evaluators", "right", "--estimate", "--json", cwd=workplace)
    assert 0 == done.returncode, done.stderr
    rows = {row["evaluator"]: row for row in json.loads(done.stdout)["estimate"]}
    assert ["short", "right"] == list(rows)
    assert rows["right"]["calls"] == rows["right"]["items"] == rows["short"]["items"] > 0
    assert rows["short"]["calls"] == 0
    expected = (rows["right"]["input_tokens"] + 2 * rows["right"]["output_tokens"]) / 1e6
    assert rows["right"]["usd"] == pytest.approx(expected, rel=0.01)
    table = run("evaluate", agent, "--estimate", cwd=workplace)
    assert "calls at most" in table.stderr
    stopped = run("evaluate", agent, cwd=workplace)  # nobody says yes
    assert 1 == stopped.returncode


def test_a_backfill_of_checks_needs_no_yes(workplace: Path) -> None:
    """Code checks cost nothing: they run at once, and a second time there is nothing left."""
    agent = (workplace / "agent").read_text()
    done = run("evaluate", agent, "--evaluators", "short", cwd=workplace)
    assert 0 == done.returncode, done.stderr
    assert "short: " in done.stderr
    again = run("evaluate", agent, "--evaluators", "short", cwd=workplace)
    assert (3, True) == (again.returncode, "Nothing is left" in again.stderr)


def test_the_schema_is_written_where_files_name_it(workplace: Path) -> None:
    """The command writes what the repository ships."""
    assert 0 == run("evaluators", "schema", cwd=workplace).returncode
    written = (workplace / "config" / "evaluators" / "schema.json").read_text(encoding="utf-8")
    assert written == (ROOT / "config" / "evaluators" / "schema.json").read_text(encoding="utf-8")
    shutil.rmtree(workplace / "config" / "evaluators")
    assert 0 == run("evaluators", "schema", cwd=workplace).returncode


def test_only_corrected_traces_count_where_an_expected_output_is_wanted(workplace: Path) -> None:
    """What the table promises is what is judged: a trace without a correction is no work for such a check."""
    spec = "- {kind: exact_match, name: same, applies: {has_expected: true}}\n"
    (workplace / "config" / "evaluators" / "same.yaml").write_text(spec)
    agent = (workplace / "agent").read_text()
    told = run("evaluate", agent, "--evaluators", "same", "--estimate", "--json", cwd=workplace)
    (row,) = json.loads(told.stdout)["estimate"]
    done = json.loads(run("evaluate", agent, "--evaluators", "same", "--json", cwd=workplace).stdout)
    assert row["items"] == (done["evaluators"].get("same") or {"scored": 0})["scored"]
    assert 3 == run("evaluate", agent, "--evaluators", "same", cwd=workplace).returncode


def test_a_budget_that_ends_leaves_a_report(workplace: Path) -> None:
    """It is said before that the budget is short; what was judged is counted and stored, and the rest goes on later."""
    agent = (workplace / "agent").read_text()
    passed = {"reasoning": "r", "verdict": "pass"}
    with serve_in_thread(ModelServer(lambda _: Answer(completion(json.dumps(passed))))) as server:
        here = f'base_url = "{server.base_url}"\n'
        file = workplace / "config" / "agents" / f"{agent}.toml"
        file.write_text(AGENT + here + "[budget]\ncalls = 3\n")
        done = run("evaluate", agent, "--yes", cwd=workplace)
        assert 1 == done.returncode
        assert "[budget] has 3 of 3 calls left for today's backfills" in done.stderr
        assert "right: 3 scored, 0 failed, mean 1.000" in done.stderr
        assert "3 of 3 model calls of this night are spent" in done.stderr
        file.write_text(AGENT + here)
        rest = json.loads(run("evaluate", agent, "--yes", "--json", cwd=workplace).stdout)
        assert None is rest["stopped"]
        assert len(server.requests) == 3 + rest["evaluators"]["right"]["scored"]
