"""A judge's agreement with people, held against other implementations and real verdicts."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, to_table
from support.shared_data import shared

from burnish.domain.agreement import Agreement, JudgeRule, Rating, Weights, agree, stand

RULE = JudgeRule()


def ratings(*cells: tuple[float, float, int]) -> list[Rating]:
    """So many items that the judge and one person scored so."""
    return [Rating(judge, (person,)) for judge, person, count in cells for _ in range(count)]


def pandalm() -> list[dict[str, Any]]:
    with shared("judge_human/pandalm_even.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_kappa_and_its_error_are_those_of_other_implementations(weights: Weights) -> None:
    """On a random table of four grades, scikit-learn gives the same kappa and statsmodels the same standard error."""
    random = np.random.default_rng(3)
    people = random.integers(0, 4, 150)
    judge = np.clip(people + random.integers(-1, 2, 150), 0, 3)
    found = agree(judge.tolist(), people.tolist(), weights=weights)
    theirs = cohens_kappa(to_table(np.array([judge, people]).T)[0], wt=None if weights == "none" else weights)
    sklearns = cohen_kappa_score(judge, people, weights=None if weights == "none" else weights)
    assert sklearns == pytest.approx(found.kappa, abs=1e-12)
    assert float(theirs.std_kappa) == pytest.approx(found.standard_error, abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= theirs.kappa_low + 1e-12
    assert found.high >= theirs.kappa_upp - 1e-12


def test_a_recorded_judge_agrees_with_people_less_than_people_with_each_other() -> None:
    """PandaLM's recorded gpt-3.5 verdicts have kappa 0.496 with the majority; annotators have 0.84 to 0.87."""
    rows = pandalm()
    judged = [(row["judges"]["gpt-3.5-turbo"], row["human_majority"]) for row in rows]
    answered = [(judge, people) for judge, people in judged if judge is not None]
    found = agree([judge for judge, _ in answered], [people for _, people in answered])
    assert 489 == found.items
    assert 0.4956 == pytest.approx(found.kappa, abs=5e-5)
    assert 0.0337 == pytest.approx(found.standard_error, abs=5e-5)  # statsmodels prints 0.0337
    for first, second in ((1, 2), (1, 3), (2, 3)):
        between = agree([r[f"annotator{first}"] for r in rows], [r[f"annotator{second}"] for r in rows])
        assert between.kappa is not None
        assert 0.83 < between.kappa < 0.88


def test_a_recorded_judge_may_not_carry_a_pull_request() -> None:
    """On real verdicts of which answer is better, gpt-3.5 stays below a floor of 0.75 that one person clears."""
    rows = [row for row in pandalm() if row["human_majority"] in (1, 2)]

    def standing(judge: list[int | None]) -> tuple[bool, str]:
        items = [
            Rating(float(said == 1), (float(row["human_majority"] == 1),))
            for said, row in zip(judge, rows, strict=True)
            if said in (1, 2)
        ]
        found = stand("first_is_better", "v1", items, 0.5, JudgeRule(kappa_floor=0.75))
        return found.can_carry, found.reason

    can, why = standing([row["judges"]["gpt-3.5-turbo"] for row in rows])
    assert not can, why
    assert "below the floor of 0.75" in why
    assert standing([row["annotator1"] for row in rows])[0]


def test_rates_count_what_people_passed_and_failed() -> None:
    """TPR is over the items that people passed, TNR over those they failed, each with Wilson's interval."""
    found = stand("helpful", "v1", ratings((1, 1, 18), (0, 1, 2), (0, 0, 15), (1, 0, 5)), 0.5, RULE).agreement
    assert found.tpr is not None
    assert found.tnr is not None
    assert (0.9, 20) == (found.tpr.share, found.tpr.count)
    assert (0.75, 20) == (found.tnr.share, found.tnr.count)
    assert (0.699, 0.972) == pytest.approx((found.tpr.low, found.tpr.high), abs=5e-4)


def test_full_agreement_on_a_handful_keeps_a_wide_interval() -> None:
    """Six of six is not certainty: the interval reaches far below 1, where the asymptotic one is a point."""
    found = agree([1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0])
    assert (1.0, 0.0) == (found.kappa, found.standard_error)
    assert found.low is not None
    assert found.low < 0.3


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_one_label_from_both_sides_is_no_kappa(weights: Weights) -> None:
    """The first items of a queue that everybody passes: nothing to divide by, and that is said."""
    found = agree([1.0, 1.0], [1.0, 1.0], weights=weights)
    assert (None, 1.0, "people gave every item the same label") == (found.kappa, found.observed, found.undefined)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        pytest.param([], "labelled 0 of the items", id="no labels"),
        pytest.param(ratings((1, 1, 10), (0, 0, 10)), "labelled 20 of the items", id="too few"),
        pytest.param(ratings((1, 1, 30), (0, 1, 10)), "people gave every item the same label", id="one class"),
        pytest.param(ratings((1, 1, 20), (1, 0, 20)), "below the floor", id="judge that passes all"),
        pytest.param(ratings((1, 1, 15), (0, 1, 5), (1, 0, 5), (0, 0, 15)), "kappa 0.50", id="below the floor"),
    ],
)
def test_an_unknown_or_low_agreement_carries_nothing(items: list[Rating], reason: str) -> None:
    """Without labels, with few, with labels of one kind and below the floor, a judge carries no pull request alone."""
    found = stand("helpful", "v1", items, 0.5, RULE)
    assert not found.can_carry
    assert reason in found.reason
    assert "cannot carry a pull request alone" in found.reason


def test_a_judge_that_agrees_may_carry() -> None:
    """At the floor with enough labels, the metric counts, and the reason gives the figure with its interval."""
    found = stand("helpful", "v1", ratings((1, 1, 18), (0, 1, 2), (1, 0, 2), (0, 0, 18)), 0.5, RULE)
    assert found.can_carry
    assert "kappa 0.80 (0.54 to 0.99) on 40 items" in found.reason


def test_the_majority_of_people_decides_and_a_tie_says_nothing() -> None:
    """Two of three people outvote the third; one against one is left out and counted."""
    items = [Rating(1, (1, 1, 0)), Rating(0, (0, 0, 1)), Rating(1, (1, 0)), Rating(1, ())]
    found = stand("helpful", "v1", items, 0.5, RULE)
    assert (2, 1, 1.0) == (found.agreement.items, found.split, found.agreement.kappa)


def test_graded_labels_count_by_their_distance() -> None:
    """On a scale, a verdict next door costs little and one at the other end much."""
    grades = [0.0, 0.25, 0.5, 0.75, 1.0] * 8
    near = [min(1.0, grade + 0.25) for grade in grades]
    far = [1.0 - grade for grade in grades]
    close, opposite = (
        stand("helpful", "v1", [Rating(j, (p,)) for j, p in zip(judge, grades, strict=True)], 0.5, RULE).agreement
        for judge in (near, far)
    )
    assert ("quadratic", "quadratic") == (close.weights, opposite.weights)
    assert close.kappa is not None
    assert opposite.kappa is not None
    assert close.kappa > 0.7
    assert opposite.kappa < 0


def test_agreement_holds_no_items() -> None:
    """What is shown of an agreement are numbers: no field could name an item or quote it."""
    texts = {name for name, field in Agreement.model_fields.items() if field.annotation is str}
    assert {"undefined"} == texts
