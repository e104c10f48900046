"""What a dataset can show, before money is spent on it."""

import numpy as np
import pytest

from burnish.domain.planning import detectable, estimate_flips, examples_needed, needs, variance

# Simulated with 20 % flips, one-sided 5 %, 80 % power: gain, examples with 1 run, with 3 runs.
TABLE = [(0.03, 1619, 720), (0.05, 600, 281), (0.10, 159, 82), (0.15, 73, 40)]


@pytest.mark.parametrize(("gain", "once", "thrice"), TABLE)
def test_the_planning_table_is_reproduced(gain: float, once: int, thrice: int) -> None:
    """All eight figures come out within 3 %."""
    assert once == pytest.approx(examples_needed(gain, 0.2, 1), rel=0.03)
    assert thrice == pytest.approx(examples_needed(gain, 0.2, 3), rel=0.03)


@pytest.mark.parametrize(("flips", "repetitions"), [(0.0, 1), (0.2, 1), (0.2, 3), (0.5, 2), (0.9, 1)])
def test_what_is_detectable_is_what_is_needed_turned_round(flips: float, repetitions: int) -> None:
    """The gain that so many examples show needs just so many examples, from certain agents to coins."""
    for examples in (15, 41, 150, 2000):
        gain = detectable(examples, flips, repetitions, level=0.01)
        assert gain is not None
        assert examples_needed(gain, flips, repetitions, level=0.01) <= examples
        assert examples_needed(gain - 2e-4, flips, repetitions, level=0.01) > examples


def test_too_few_examples_show_nothing() -> None:
    """At 1 %, six examples cannot pass an exact test even if all of them are fixed; so nothing can be seen."""
    assert [None, None] == [detectable(count, 0.2, 1, level=0.01) for count in (0, 6)]
    assert detectable(7, 0.2, 1, level=0.01) is not None
    with pytest.raises(ValueError, match="needs no examples"):
        examples_needed(0.0, 0.2, 1)


def test_more_runs_help_only_against_flips() -> None:
    """An agent that always answers alike gains nothing from repetitions; a restless one gains much."""
    assert examples_needed(0.1, 0.0, 1) == examples_needed(0.1, 0.0, 9)
    assert examples_needed(0.1, 0.4, 1) > 2 * examples_needed(0.1, 0.4, 5)


def test_the_power_is_what_was_asked_for() -> None:
    """Where the assumptions hold, a paired t test on as many examples as planned finds the gain four times in five."""
    from scipy.stats import ttest_1samp

    random = np.random.default_rng(4)
    flips, gain, repetitions = 0.2, 0.10, 3
    examples = examples_needed(gain, flips, repetitions)
    step = 1 - 2 * flips
    up, down = 0.03 + gain / step, 0.03  # churn of 6 %, half of it each way
    found, trials = 0, 800
    for _ in range(trials):
        moved = random.choice([step, -step, 0.0], examples, p=[up, down, 1 - up - down])
        # Means of R runs whose variance of the difference is flips / R, less what the repaired no longer flip.
        settled = np.where(moved > 0, 0.5, 1.0)
        noise = random.normal(0.0, np.sqrt(flips * settled / repetitions))
        found += ttest_1samp(moved + noise, 0.0, alternative="greater").pvalue < 0.05
    assert 0.75 < found / trials < 0.85
    assert variance(gain, flips, repetitions) == pytest.approx(0.133, abs=0.001)


def test_flips_are_estimated_from_repeated_answers() -> None:
    """Right-or-wrong answers of a known restlessness give back its flip rate; single answers say nothing."""
    random = np.random.default_rng(8)
    answers = [list((random.random(4) < 0.113).astype(float)) for _ in range(400)]  # 2 x 0.113 x 0.887 = 0.2
    found = estimate_flips([*answers, [1.0], [0.0]], "repetitions")
    assert found is not None
    assert 400 == found.examples
    assert 0.2 == pytest.approx(found.share, abs=0.03)
    assert found.low < found.share < found.high
    assert estimate_flips(answers[:19], "repetitions") is None
    calm = estimate_flips([[1.0, 1.0]] * 20, "nights")
    assert calm is not None
    assert (0.0, "nights") == (calm.share, calm.basis)


def test_what_is_missing_is_counted() -> None:
    """With 41 examples, +10 points needs about 117 more, and +15 about 32 more."""
    found = {need.gain: need for need in needs(41, 0.2, 1, 0.05)}
    assert [73, 158] == [found[gain].planned for gain in (0.15, 0.10)]
    assert [32, 117] == [found[gain].missing for gain in (0.15, 0.10)]
    assert 0 == needs(5000, 0.2, 1, 0.05)[-1].missing
