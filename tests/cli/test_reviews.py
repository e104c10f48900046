"""`burnish reviews wanted`: what people should label."""

import json
from pathlib import Path

import pytest
from support.seeded import store_url
from support.store_samples import START, trace
from typer.testing import CliRunner, Result

from burnish.adapters.store import Store
from burnish.domain.datasets import Split
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.drivers.cli.app import app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment of two candidates over 12 examples; the second left no traces."""
    arms = ("baseline", "calm", "silent")
    experiment = Experiment(
        id="abcdef123456", agent="support", night="support/1", split=Split.DEV, arms=arms,
        versions={arm: arm for arm in arms}, dataset_fingerprint="f", metric="helpful", created_at=START,
    )  # fmt: skip
    with Store.open(store_url(tmp_path)) as store:
        store.traces.add([trace(f"{arm}-{number}", source="experiment") for arm in arms[:2] for number in range(12)])
        store.experiments.start(experiment)
        store.experiments.add_runs(
            [
                Run(
                    key=RunKey(experiment_id=experiment.id, arm=arm, example_id=f"x{number}"),
                    version_id=arm,
                    status=RunStatus.OK,
                    trace_id=None if arm == "silent" else f"{arm}-{number}",
                )
                for arm in arms
                for number in range(12)
            ]
        )
    return tmp_path


def ask(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--project", str(folder), "reviews", *arguments])


def test_drawn_lines_filled_in_can_be_imported(folder: Path) -> None:
    """What is drawn, with a name and a score put in, is what `reviews import` reads."""
    drawn = ask(folder, "wanted", "abcdef", "--arm", "calm", "--pairs", "5")
    assert 0 == drawn.exit_code, drawn.output
    lines = [json.loads(line) for line in drawn.stdout.splitlines()]
    assert 10 == len({line["trace_id"] for line in lines})
    file = folder / "labels.jsonl"
    file.write_text("".join(json.dumps({**line, "reviewer": "ann", "score": 1}) + "\n" for line in lines))
    read = ask(folder, "import", str(file), "--agent", "support", "--json")
    assert {"written": 10, "known": 0, "unmatched": []} == json.loads(read.stdout)


def test_an_unclear_arm_is_asked_for(folder: Path) -> None:
    """With two candidates one must be named; one without traces has nothing to label."""
    assert "name one arm with --arm; this experiment has: calm, silent" in str(
        ask(folder, "wanted", "abcdef").exception
    )
    silent = ask(folder, "wanted", "abcdef", "--arm", "silent")
    assert (3, "") == (silent.exit_code, silent.stdout)
