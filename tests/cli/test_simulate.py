"""`burnish simulate`, in a process of its own."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Call = Callable[..., subprocess.CompletedProcess[str]]
SMALL = ("--streams", "2", "--nights", "10", "--seed", "3")


def test_worlds_are_simulated_and_drawn(burnish: Call, tmp_path: Path) -> None:
    """JSON names world, settings and rates of every rule; the figure is written; the same seed prints the same."""
    drawing = tmp_path / "figure.svg"
    wanted = ("simulate", "--world", "nothing", "--world", "gain10", *SMALL, "--figure", str(drawing), "--json")
    answer = burnish(*wanted)
    assert (0, "") == (answer.returncode, answer.stderr)
    found = json.loads(answer.stdout)
    assert (3, "saffron") == (found["seed"], found["gate"]["across_nights"])
    rules = {row["policy"]: row for row in found["worlds"]["nothing"]["policies"]}
    assert rules["mean improves, held-out split"]["false_rate"] > rules["burnish's gate"]["false_rate"]
    assert 20 == rules["burnish's gate"]["null_nights"]
    assert "burnish&#x27;s gate" in drawing.read_text(encoding="utf-8")
    assert answer.stdout == burnish(*wanted).stdout


def test_the_table_has_a_row_a_rule(burnish: Call) -> None:
    """And the others can be left out."""
    answer = burnish("simulate", "--world", "gain15", *SMALL, "--gate-only")
    assert 0 == answer.returncode
    assert "gain15: one night in five, one of four candidates gains 15 points" in answer.stdout
    assert "burnish's gate" in answer.stdout
    assert "McNemar" not in answer.stdout


def test_an_unknown_world_names_those_there_are(burnish: Call) -> None:
    """One line, no traceback."""
    answer = burnish("simulate", "--world", "atlantis")
    assert 1 == answer.returncode
    assert "no world 'atlantis'; there are: nothing, gain5, gain10" in answer.stderr
    missing = burnish("simulate", "--world", "gain5", *SMALL, "--figure", "x.svg")
    assert 1 == missing.returncode
    assert "--figure draws the worlds nothing and gain10" in missing.stderr
