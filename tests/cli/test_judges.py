"""`burnish judges`: how judges stand with people."""

import json
from pathlib import Path

import pytest
from support.seeded import store_url
from support.store_samples import START, judged, judges_pull, trace
from typer.testing import CliRunner, Result

from burnish.adapters.store import Store
from burnish.domain.alignment.drift import DriftWindow, rate_of
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.drivers.cli.app import app
from burnish.drivers.cli.judge_page import sparkline

AGENT = """
evaluators = ["helpful", "has_answer"]
[repository]
url = "."
[target]
kind = "command"
command = ["true"]
[improve]
metric = "helpful"
[gate.judges]
stale_after_days = 36500
[models.judge]
name = "small"
"""
EVALUATORS = """
- name: helpful
  kind: judge
  rubric: Is it helpful?
- name: has_answer
  kind: refusal
"""


def ask(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--project", str(folder), "judges", *arguments], env={"COLUMNS": "200"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a judge that is right on 54 of 60 labelled traces, and passes what people fail."""
    for name, text in (("agents/support.toml", AGENT), ("evaluators/all.yaml", EVALUATORS)):
        path = tmp_path / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    listed = ask(tmp_path, "list", "support", "--json")
    version = json.loads(listed.stdout)[0]["version"]
    with Store.open(store_url(tmp_path)) as store:
        for number in range(60):
            name, truth, day = f"t{number}", float(number % 2), number * 43_200
            says = 1.0 if number % 10 == 0 else truth
            store.traces.add([trace(name, after=day, output="word " * (number + 1))])
            store.feedback.add(
                [
                    judged(name, says, version=version, after=day),
                    Feedback(
                        trace_id=name, key="review", source=FeedbackSource.HUMAN, score=truth, author="ann",
                        created_at=START,
                    ),
                ]
            )  # fmt: skip
    return tmp_path


def test_a_judge_that_nobody_measured_is_unaligned_and_told_how_to_be(folder: Path) -> None:
    """Reading measures nothing; measuring keeps what it finds, and the list then shows it. Checks are not judges."""
    (row,) = json.loads(ask(folder, "list", "support", "--json").stdout)
    assert ("helpful", "unaligned", None) == (row["judge"], row["state"], row["measurement"])
    assert "burnish judges measure" in row["reason"]
    assert 0 == ask(folder, "measure", "support").exit_code
    (row,) = json.loads(ask(folder, "list", "support", "--json").stdout)
    assert ("aligned", 60, "small") == (
        row["state"], row["measurement"]["held_out"]["items"], row["measurement"]["model"],
    )  # fmt: skip
    shown = ask(folder, "list").stdout  # the only agent need not be named
    assert "0.80 (0.60 to 0.95)" in " ".join(shown.split())


def test_a_judge_on_a_page_has_intervals_weeks_and_what_sways_it(folder: Path) -> None:
    """Kappa, alpha, AC1 and both rates with intervals; the weeks; the reading of length; earlier measurements."""
    for _ in range(2):
        ask(folder, "measure", "support", "helpful")
    text = " ".join(ask(folder, "show", "support", "helpful").stdout.split())
    for part in (
        "held out labels 60 kappa 0.80 (0.60 to 0.95) alpha 0.80 (",
        "TPR 1.00 (0.89 to 1.00) TNR 0.80 (0.63 to 0.90)",
        "week of labels agreement, 95%",
        "2026-01-26",
        "█",
        "sways it • No sign that length sways the judge",
        "No drift shown",
        "measurements measured version model state labels",
    ):
        assert part in text, part
    whole = json.loads(ask(folder, "show", "support", "helpful", "--json").stdout)
    assert 2 == len(whole["history"])
    assert "No sign" in whole["measurement"]["length"]["reading"]


def test_a_wrong_name_is_answered_with_the_nearest(folder: Path) -> None:
    """Of judges alone."""
    found = ask(folder, "show", "support", "helpfull")
    assert 0 != found.exit_code
    assert "did you mean 'helpful'?" in str(found.exception)


def test_bars_are_as_high_as_the_agreement() -> None:
    """Half and less is the lowest bar, all the highest."""
    shares = ([1.0] * 8, [1.0, 1.0, 1.0, 0.0], [1.0, 0.0], [0.0])
    windows = [DriftWindow(start=START, end=START, right=rate_of(right)) for right in shares]
    assert "█▅▁▁" == sparkline(windows)


def test_a_judge_of_arms_says_where_its_word_is_held_against_people(folder: Path) -> None:
    """It has no state; list, show and measure say so, and show tells how far the place of an answer sways it."""
    (folder / "config" / "evaluators" / "pairs.yaml").write_text(
        "{kind: pairwise, name: better, rubric: Which helps more., against: baseline}\n"
    )
    agent = folder / "config" / "agents" / "support.toml"
    agent.write_text(AGENT.replace('"has_answer"', '"better"'))
    listed = ask(folder, "list", "support")
    assert "better compares the arms of an experiment" in listed.stderr
    assert "helpful" in listed.stdout
    shown = json.loads(ask(folder, "show", "support", "better", "--json").stdout)
    assert (0, None) == (shown["pairs"], shown["position"])
    with Store.open(store_url(folder)) as store:
        for number in range(20):
            store.feedback.add(
                [
                    Feedback(
                        trace_id=f"t{number}", key="better.order", source=FeedbackSource.JUDGE, score=0.0,
                        value="first", author="better", version=shown["version"], created_at=START,
                    )
                ]
            )  # fmt: skip
    assert "the first place wins 20 of 20 times" in " ".join(ask(folder, "show", "support", "better").stdout.split())
    assert "labels on both arms" in str(ask(folder, "measure", "support", "better").exception)
    agent.write_text(AGENT.replace('["helpful", "has_answer"]', '["better"]').replace('"helpful"', '"better"'))
    for command in ("list", "show", "measure"):
        alone = ask(folder, command, "support")
        assert (3, "") == (alone.exit_code, alone.stdout)
        assert "reviews wanted EXPERIMENT" in alone.stderr


def test_what_judges_propose_is_listed_under_their_agent(folder: Path) -> None:
    """Proposals, pull requests and weeks of an agent's judges are in its lists, and in no other agent's."""
    proposal, pull = judges_pull("support")
    with Store.open(store_url(folder)) as store:
        store.proposals.add([proposal])
        store.pull_requests.save(pull)
        week = store.nights.begin(proposal.agent, START.date())
    for noun, known in (("proposals", proposal.id), ("pulls", pull.id), ("nights", week.id)):
        for agent, there in (("support", [known]), ("other", [])):
            found = CliRunner().invoke(app, ["--project", str(folder), noun, "list", "--agent", agent, "--json"])
            assert there == [one["id"] for one in json.loads(found.stdout)], noun
