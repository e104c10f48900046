"""`burnish plan`, with and without a store."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.seeded import store_url
from typer.testing import CliRunner, Result

from burnish.adapters.store import Store
from burnish.domain.datasets import Example, Split
from burnish.drivers.cli.app import app
from burnish.drivers.cli.braille import dots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project as `burnish init` writes it."""
    assert 0 == CliRunner().invoke(app, ["init", str(tmp_path), "--agent", "desk"]).exit_code
    return tmp_path


def ask(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--project", str(folder), "plan", "desk", *arguments], env={"COLUMNS": "100"})


def data(folder: Path, *arguments: str) -> Any:
    result = ask(folder, *arguments, "--json")
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def test_a_fresh_project_has_a_plan(folder: Path) -> None:
    """Before any run it says what would be needed, and no database is made for it."""
    result = ask(folder, "--level", "0.05")
    assert 0 == result.exit_code, result.output
    assert "With 0 held-out examples" in result.stdout
    assert "+10 points" in result.stdout
    assert "158" in result.stdout
    assert not (folder / ".burnish").exists()


def test_the_table_and_the_plot_follow_the_dataset(folder: Path) -> None:
    """With 50 held-out examples the gain of one run each is named, in words, in JSON and as a mark in the plot."""
    examples = [(Example(id=f"e{n:03}", input=str(n), group=f"g{n}"), Split.HELD_OUT) for n in range(50)]
    with Store.open(store_url(folder)) as store:
        store.datasets.add("desk", "main", examples)
    found = data(folder, "--level", "0.05", "--repetitions", "1")
    assert 50 == found["examples"]
    assert 0.17 < found["gain"] < 0.19
    assert 1 == len({row["runs"] for row in found["curve"] if row["runs"] == 3})
    text = ask(folder, "--level", "0.05", "--repetitions", "1").stdout
    assert "today: 50 examples, +18 points" in text
    plotted = [line for line in text.splitlines() if any("\u2801" <= letter <= "\u28ff" for letter in line)]
    assert len(plotted) >= 8
    assert all(len(line) <= 100 for line in plotted)


def test_what_would_be_can_be_asked(folder: Path) -> None:
    """Another level, power, number of runs and flip rate give another answer."""
    base = data(folder)["needs"][1]["planned"]
    once = data(folder, "--repetitions", "1")["needs"][1]["planned"]
    assert base < once
    assert once > data(folder, "--repetitions", "1", "--flips", "0.05")["needs"][1]["planned"]
    assert base < data(folder, "--power", "0.95")["needs"][1]["planned"]
    assert base < data(folder, "--level", "0.001")["needs"][1]["planned"]
    assert 2 == ask(folder, "--flips", "0.6").exit_code


def test_an_unknown_agent_is_not_found(folder: Path) -> None:
    """A wrong name names the agents there are."""
    result = CliRunner().invoke(app, ["--project", str(folder), "plan", "dsek"])
    assert "Agents here: desk" in str(result.exception)


def test_dots_are_where_they_belong() -> None:
    """The corners of the plot are the corners of its first and last cells; what lies outside is left out."""
    assert ["\u2801\u2808", "\u2840\u2880"] == list(dots([(0, 1), (1, 1), (0, 0), (1, 0), (2, 0), (0, -1)], 2, 2))
