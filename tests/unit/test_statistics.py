import math
import random
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain import statistics as stats

COUNTS = st.integers(min_value=0, max_value=60)


@given(fixed=COUNTS, broken=COUNTS)
@settings(max_examples=60, deadline=None)
def test_mcnemar_is_half_the_reference_two_sided_value_when_it_points_up(fixed: int, broken: int) -> None:
    """For an improvement, our one-sided p is half of what statsmodels says two-sided."""
    from statsmodels.stats.contingency_tables import mcnemar

    if fixed <= broken:
        assert stats.mcnemar(fixed, broken) >= 0.5
        return
    reference = mcnemar([[0, broken], [fixed, 0]], exact=True).pvalue
    assert math.isclose(reference / 2, stats.mcnemar(fixed, broken), rel_tol=1e-9)


@pytest.mark.parametrize(("fixed", "broken", "expected"), [(0, 0, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (0, 5, 1.0)])
def test_mcnemar_matches_counting_by_hand(fixed: int, broken: int, expected: float) -> None:
    """Small cases equal what one counts with a coin."""
    assert math.isclose(expected, stats.mcnemar(fixed, broken))


def test_equal_counts_do_not_differ() -> None:
    """The two-sided test gives 1 for nothing missing and for the same number on both sides."""
    assert [stats.differs(0, 0), stats.differs(4, 4)] == [1.0, 1.0]
    assert math.isclose(2 / 64, stats.differs(6, 0))


def test_sign_flip_is_exact_for_few_differences() -> None:
    """Five gains of different sizes are one sign pattern of thirty-two; zeros change nothing."""
    assert math.isclose(1 / 32, stats.sign_flip([0.1, 0.2, 0.3, 0.4, 0.5]) or 0)
    assert stats.sign_flip([0.1, 0.2, 0.3, 0.4, 0.5]) == stats.sign_flip([0.1, 0.0, 0.2, 0.3, 0.0, 0.4, 0.5])


def test_sign_flip_of_equal_steps_is_mcnemar() -> None:
    """On differences of -1, 0 and 1 the permutation test and exact McNemar are the same test."""
    differences = [1.0] * 9 + [-1.0] * 2 + [0.0] * 7
    assert math.isclose(stats.mcnemar(9, 2), stats.sign_flip(differences) or 0)


def test_drawn_sign_flips_are_seeded() -> None:
    """Above the exact limit the answer is drawn, and the same seed draws the same."""
    rng = random.Random(3)
    differences = [rng.gauss(0.2, 1) for _ in range(25)]
    assert stats.sign_flip(differences, seed=1) == stats.sign_flip(differences, seed=1)
    assert abs((stats.sign_flip(differences) or 0) - (stats.paired_t(differences) or 0)) < 0.02


@pytest.mark.parametrize("values", [[], [0.3], [0.2, 0.2, 0.2], [0.1, math.nan], [math.inf, 0.1], [0.1 + 0.2, 0.3]])
def test_paired_t_answers_none_where_it_is_undefined(values: list[float]) -> None:
    """No spread, too few or broken values give None, not 0 and not a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stats.paired_t(values) is None


def test_sign_flip_refuses_what_is_not_a_number() -> None:
    """NaN gives None, nothing gives None, all ties give 1, one gain gives a half."""
    asked = [stats.sign_flip(v) for v in ([math.nan, 0.1], [], [0.0, 0.0], [0.4], [-0.4])]
    assert asked == [None, None, 1.0, 0.5, 1.0]


@given(successes=st.integers(0, 80), extra=st.integers(0, 80))
@settings(max_examples=40, deadline=None)
def test_wilson_agrees_with_scipy(successes: int, extra: int) -> None:
    """Our closed form is the reference's."""
    from scipy.stats import binomtest

    total = successes + extra
    if total == 0:
        assert stats.wilson(0, 0) == (0.0, 1.0)
        return
    reference = binomtest(successes, total).proportion_ci(0.9, method="wilson")
    ours = stats.wilson(successes, total, 0.9)
    assert math.isclose(reference.low, ours.low, abs_tol=1e-9)
    assert math.isclose(reference.high, ours.high, abs_tol=1e-9)


@given(fixed=st.integers(0, 40), broken=st.integers(0, 40), same=st.integers(0, 80))
def test_the_interval_of_pairs_holds_its_estimate_and_stays_on_the_scale(fixed: int, broken: int, same: int) -> None:
    """-1 <= low <= effect <= high <= 1, and never a single point."""
    pairs = fixed + broken + same
    low, high = stats.difference_of_pairs(fixed, broken, pairs, 0.98)
    effect = (fixed - broken) / pairs if pairs else 0.0
    assert -1 <= low <= effect <= high <= 1
    assert low < high


def test_the_interval_of_pairs_covers_what_it_says() -> None:
    """A 90 % interval holds the true difference in about 90 % of simulated experiments."""
    rng = random.Random(11)
    up, down, pairs, trials = 0.15, 0.05, 100, 1500
    held = 0
    for _ in range(trials):
        draws = [rng.random() for _ in range(pairs)]
        fixed, broken = sum(d < up for d in draws), sum(up <= d < up + down for d in draws)
        low, high = stats.difference_of_pairs(fixed, broken, pairs, 0.9)
        held += low <= up - down <= high
    assert 0.875 < held / trials < 0.93


def test_one_difference_says_nothing_about_its_spread() -> None:
    """Below two differences the interval is the whole range of a score."""
    assert [stats.mean_difference([], 0.9), stats.mean_difference([0.5], 0.9)] == [(-1, 1), (-1, 1)]


def test_planning_figures_match_the_published_rule() -> None:
    """At 5 % changed pairs and 80 % power, a margin of 5 points needs 124 examples and 3 points 344."""
    assert [stats.pairs_needed(0.05, 0.05), stats.pairs_needed(0.03, 0.05)] == [124, 344]
    assert math.isclose(0.05, stats.detectable_gain(124, 0.05), rel_tol=0.01)
    assert math.inf == stats.detectable_gain(0, 0.2)
