"""`burnish redact check`, `burnish traces redactions` and `burnish prune`."""

import json
from pathlib import Path

import pytest
from support.seeded import store_url
from support.store_samples import trace
from typer.testing import CliRunner, Result

from burnish.adapters.store import Store
from burnish.drivers.cli.app import app
from burnish.loop.screen import Screens, prepare_traces


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--project", str(folder), *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store.open(store_url(tmp_path)) as store:
        said = [trace("old", input="write to ann@example.com"), trace("new", after=86_400.0 * 5)]
        prepared = prepare_traces(Screens(), said)
        store.traces.add(prepared.traces, prepared.taken)
    return tmp_path


def test_a_text_is_shown_as_it_would_be_stored(tmp_path: Path) -> None:
    """Finds become markers and are counted; a file works as a text does; nothing found is code 3."""
    shown = call(tmp_path, "redact", "check", "mail ann@example.com, password=hunter22", "--json")
    assert {
        "text": "mail [redacted:email], password=[redacted:password]",
        "found": {"email": 1, "password": 1},
    } == json.loads(shown.stdout)
    (tmp_path / "log.json").write_text('{"user": {"api_key": "abcdefgh1"}}')
    plain = call(tmp_path, "redact", "check", str(tmp_path / "log.json"))
    assert '"api_key": "[redacted:secret]"' in plain.stdout
    assert "1 secret" in plain.stderr
    assert 3 == call(tmp_path, "redact", "check", "nothing here").exit_code


def test_redactions_are_listed_by_day_agent_and_detector(folder: Path) -> None:
    """What was taken out on the way in is counted, and told as JSON too."""
    rows = json.loads(call(folder, "traces", "redactions", "--json").stdout)
    assert [("support", "email", 1)] == [(row["agent"], row["detector"], row["count"]) for row in rows]
    assert "email" in call(folder, "traces", "redactions").stdout
    assert 3 == call(folder, "traces", "redactions", "--agent", "nobody").exit_code


def test_pruning_wants_to_be_told_what_goes(folder: Path) -> None:
    """By age or by whose they are; a user without traces is code 3."""
    assert "--older-than, --user" in str(call(folder, "prune", "--yes").exception)
    assert 3 == call(folder, "prune", "--user", "nobody", "--yes").exit_code
    unset = call(folder, "prune", "--older-than", "2026-02-02", "--user", "", "--yes")
    assert "a variable that is not set" in str(unset.exception)
    assert "Gone: 1 traces" in call(folder, "prune", "--trace", "new", "--yes").stderr


def test_pruning_asks_says_and_does(folder: Path) -> None:
    """A dry run and a no touch nothing; a yes deletes what was announced."""
    would = call(folder, "prune", "--older-than", "2026-02-02", "--dry-run")
    assert "1 traces, 2 spans" in would.stderr
    assert 1 == call(folder, "prune", "--older-than", "2026-02-02").exit_code  # no answer is a no
    with Store.open(store_url(folder)) as store:
        assert "old" == store.traces.load(["old"]).__next__().trace_id
    gone = json.loads(call(folder, "prune", "--older-than", "2026-02-02", "--yes", "--json").stdout)
    assert (1, 2) == (gone["gone"]["traces"], gone["gone"]["spans"])
    with Store.open(store_url(folder)) as store:
        assert ["new"] == [one.trace_id for one in store.traces.load(["old", "new"])]
    assert 3 == call(folder, "prune", "--older-than", "2026-02-02", "--yes").exit_code
