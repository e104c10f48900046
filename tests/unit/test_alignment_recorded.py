"""A recorded judge and three people, through the store and back: every figure is that of the usual packages."""

import json
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, recall_score
from statsmodels.stats.inter_rater import cohens_kappa, to_table
from support.databases import sqlite_url
from support.shared_data import shared
from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.domain.evaluators.judge import Judge
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.loop.alignment import measure_judge
from burnish.project import AgentConfig

JUDGE = Judge(name="first_is_better", rubric="Is the first answer better?", model="gpt-3.5-turbo")
CONFIG = AgentConfig.model_validate(
    {
        "name": "support",
        "repository": {"url": "."},
        "target": {"kind": "command", "command": ["true"]},
        "improve": {"metric": JUDGE.name},
    }
)


def test_figures_are_those_of_other_packages(tmp_path: Path) -> None:
    """gpt-3.5's recorded verdicts on PandaLM's pairs: 489 of them, "the first is better" as a pass."""
    lines = shared("judge_human/pandalm_even.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["judges"]["gpt-3.5-turbo"] is not None]
    people = np.array([[float(row[f"annotator{n}"] == 1) for n in (1, 2, 3)] for row in rows])
    judge = np.array([float(row["judges"]["gpt-3.5-turbo"] == 1) for row in rows])
    majority = (people.sum(axis=1) >= 2).astype(float)
    with Store.open(sqlite_url(tmp_path)) as store:
        names = [f"pair {number}" for number in range(len(rows))]
        store.traces.add([trace(name) for name in names])
        said = [
            judged(name, float(one), JUDGE.name, version=JUDGE.version) for name, one in zip(names, judge, strict=True)
        ]
        for name, labels in zip(names, people, strict=True):
            said += [
                Feedback(
                    trace_id=name, key="review", source=FeedbackSource.HUMAN, score=float(one), author=f"person {n}",
                    created_at=START,
                )
                for n, one in enumerate(labels)
            ]  # fmt: skip
        store.feedback.add(said)
        found = measure_judge(store, CONFIG, JUDGE, now=START)
    theirs = cohens_kappa(to_table(np.array([judge, majority]).T)[0])
    assert 489 == found.held_out.items
    assert cohen_kappa_score(judge, majority) == pytest.approx(found.held_out.kappa, abs=1e-12)
    assert float(theirs.std_kappa) == pytest.approx(found.held_out.standard_error, abs=1e-12)
    assert found.held_out.tpr is not None
    assert found.held_out.tnr is not None
    assert recall_score(majority, judge) == pytest.approx(found.held_out.tpr.share, abs=1e-12)
    assert recall_score(majority, judge, pos_label=0) == pytest.approx(found.held_out.tnr.share, abs=1e-12)
    assert found.raters is not None
    assert found.ceiling is not None
    both = krippendorff.alpha(reliability_data=np.array([judge, majority]), level_of_measurement="nominal")
    three = krippendorff.alpha(reliability_data=people.T, level_of_measurement="nominal")
    assert both == pytest.approx(found.raters.alpha, abs=1e-12)
    assert three == pytest.approx(found.ceiling.alpha, abs=1e-12)
    assert (489, 1467) == (found.ceiling.items, found.ceiling.ratings)
    assert found.raters.alpha is not None
    assert found.ceiling.alpha_low is not None
    assert found.raters.alpha < found.ceiling.alpha_low, "the judge is well below what people reach with each other"
