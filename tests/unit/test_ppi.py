"""Prediction-powered means, held against the authors' package and against a judge that favours one arm."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from burnish.domain.ppi import corrected_mean

# Recorded from ppi-python 0.2.3 (numpy 2.4) on `world(seed, labelled, rest)` below, with Y, F, U as numpy arrays:
#   estimate  ppi_mean_pointestimate(Y, F, U)
#   tuning    (estimate - e0) / (e1 - e0), where e0 and e1 are the estimates with lam=0 and lam=1
#   low, high ppi_mean_ci(Y, F, U, alpha=0.05)
RECORDED = [
    (1, 40, 160, 0.15567814796931165, 0.6363216910778474, 0.026484485232177724, 0.28487181070644557),
    (2, 80, 120, 0.16126918859649123, 0.37181578947368427, 0.02719753920665441, 0.29534083798632804),
    (3, 25, 25, 0.29217084318360914, 0.30427107959022803, 0.06236088579787166, 0.5219808005693466),
]


def world(seed: int, labelled: int, rest: int) -> tuple[list[float], list[float], list[float]]:
    """Paired differences of people and judge; a plain generator, so that every numpy draws the same."""

    def draws(state: int) -> Iterator[float]:
        while True:
            state = (1103515245 * state + 12345) % 2**31
            yield state / 2**31

    draw = draws(seed)
    people, judge = [], []
    for _ in range(labelled + rest):
        difference = float(next(draw) < 0.65) - float(next(draw) < 0.5)
        people.append(difference)
        judge.append(difference if next(draw) < 0.7 else float(int(3 * next(draw)) - 1))
    return people[:labelled], judge[:labelled], judge[labelled:]


@pytest.mark.parametrize(("seed", "labelled", "rest", "estimate", "tuning", "low", "high"), RECORDED)
def test_the_figures_are_those_of_the_authors_package(
    seed: int, labelled: int, rest: int, estimate: float, tuning: float, low: float, high: float
) -> None:
    """Estimate and tuning are equal to the last digit; the error differs by n / (n - 1) and t for the normal alone."""
    from scipy.stats import norm, t

    people, judge, judge_only = world(seed, labelled, rest)
    found = corrected_mean(people, judge, judge_only)
    assert found is not None
    assert found.standard_error is not None
    assert estimate == pytest.approx(found.estimate, abs=1e-12)
    assert tuning == pytest.approx(found.tuning, abs=1e-12)
    theirs = (high - low) / 2 / norm.ppf(0.975)
    rectified = np.var(np.array(people) - tuning * np.array(judge)) / labelled
    imputed = tuning**2 * np.var(judge_only) / rest
    assert theirs == pytest.approx(math.sqrt(rectified + imputed), abs=1e-12)
    ours = math.sqrt(rectified * labelled / (labelled - 1) + imputed * rest / (rest - 1))
    assert ours == pytest.approx(found.standard_error, abs=1e-12)
    assert found.high - found.low == pytest.approx(2 * t.ppf(0.975, labelled - 1) * ours)


def test_a_judge_that_favours_an_arm_passes_no_more_than_the_level() -> None:
    """Nothing gets better, the judge likes the new arm: it passes about 5 % with labels and far more without."""
    from scipy.stats import ttest_1samp

    random = np.random.default_rng(11)
    trials, examples, labelled, level = 600, 200, 60, 0.05
    passed = alone = 0
    for _ in range(trials):
        hard = random.random(examples)
        before, after = random.random(examples) < hard, random.random(examples) < hard
        seen_before = np.where(random.random(examples) < 0.85, before, ~before)
        liked = (random.random(examples) < 0.12) & ~after  # what it should fail and lets pass in the new arm
        seen_after = np.where(random.random(examples) < 0.85, after, ~after) | liked
        people = after.astype(float) - before
        judge = seen_after.astype(float) - seen_before
        found = corrected_mean(list(people[:labelled]), list(judge[:labelled]), list(judge[labelled:]))
        assert found is not None
        passed += found.p_value is not None and found.p_value < level
        alone += ttest_1samp(judge, 0.0, alternative="greater").pvalue < level
    assert 0.03 <= passed / trials <= 0.07
    assert alone / trials > 0.2


def test_a_good_judge_makes_few_labels_go_further() -> None:
    """With a judge that mostly agrees, the error is well below that of the labels alone."""
    people, judge, judge_only = world(5, 40, 400)
    found, without = corrected_mean(people, judge, judge_only), corrected_mean(people, [0.0] * 40, [0.0] * 400)
    assert found is not None
    assert without is not None
    assert found.standard_error is not None
    assert without.standard_error is not None
    assert 0.0 == without.tuning
    assert found.standard_error < 0.85 * without.standard_error


def test_a_judge_that_knows_nothing_earns_no_weight() -> None:
    """A judge against the labels is not believed: the answer is that of the labels alone."""
    people, judge, judge_only = world(6, 40, 100)
    against = corrected_mean(people, [-f for f in judge], [-f for f in judge_only])
    assert against is not None
    assert (0.0, sum(people) / 40) == (against.tuning, pytest.approx(against.estimate))


@pytest.mark.parametrize("people", [[1.0], [0.0] * 20, [1.0] * 20])
def test_labels_without_spread_prove_nothing(people: list[float]) -> None:
    """One label, or labels that are all alike, give no p-value and the whole range."""
    found = corrected_mean(people, [0.0] * len(people), [0.0, 1.0, 0.0])
    assert found is not None
    assert (None, None, -1.0, 1.0) == (found.p_value, found.standard_error, found.low, found.high)


def test_without_labels_there_is_no_estimate() -> None:
    """No label, no answer; and lists that do not belong together are an error."""
    assert corrected_mean([], [], [1.0, 0.0]) is None
    with pytest.raises(ValueError, match="2 labels but 1 scores"):
        corrected_mean([1.0, 0.0], [1.0], [])
    with pytest.raises(ValueError, match="not a finite number"):
        corrected_mean([1.0, math.nan], [1.0, 0.0], [])
