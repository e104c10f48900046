"""Looks, bets and levels across nights keep their error bounds, whatever the outcomes look like."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from burnish.domain.gate import FixedLevel, GateRule, Outcome, Saffron, begin, follow, look_sizes
from burnish.domain.gate.across_nights import counted
from burnish.domain.gate.differences import Differences
from burnish.domain.gate.eprocess import STAKES, evidence, log_wealth
from burnish.domain.gate.lift import UNCHANGED, lift

Draw = Callable[[np.random.Generator, int], Differences]
NEVER_STOP = GateRule(futility=0.0)


def binary(rng: np.random.Generator, count: int) -> Differences:
    """One run a side, right or wrong; a fifth of the pairs change."""
    return Differences(rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=count), binary=True)


def thirds(rng: np.random.Generator, count: int) -> Differences:
    """Three runs a side, most examples settled, as agents are."""
    chances = rng.beta(0.43, 0.29, count)
    left, right = rng.binomial(3, chances), rng.binomial(3, chances)
    return Differences((right - left) / 3)


def graded(rng: np.random.Generator, count: int) -> Differences:
    """A graded score with a heavy tail on both sides."""
    return Differences(np.clip(rng.standard_t(2, count) / 8, -1, 1))


def grouped(rng: np.random.Generator, count: int) -> Differences:
    """Five examples a user, who all feel the same change."""
    groups = np.arange(count) // 5
    shared = rng.choice([-0.4, 0.0, 0.4], size=groups.max() + 1)
    return Differences(np.clip(shared[groups] + rng.normal(0, 0.2, count), -1, 1), groups)


def course(differences: Differences, level: float, rule: GateRule) -> Any:
    sizes = look_sizes(len(differences), rule)
    parts = [
        Differences(
            differences.values[:size],
            None if differences.groups is None else differences.groups[:size],
            differences.binary,
        )
        for size in sizes
    ]
    return follow(parts, sizes, level, rule)


@pytest.mark.parametrize("draw", [binary, thirds, graded, grouped])
@pytest.mark.parametrize("examples", [25, 40, 100])
def test_looking_four_times_keeps_the_level(draw: Draw, examples: int) -> None:
    """Without any effect, at most the level's share of nights crosses at any look, also for odd outcomes."""
    rng = np.random.default_rng(3)
    nights, level = 800, 0.05
    crossed = sum(course(draw(rng, examples), level, NEVER_STOP).crossed for _ in range(nights))
    assert crossed <= level * nights + 3 * math.sqrt(level * nights)


@pytest.mark.parametrize("draw", [binary, thirds, graded])
def test_a_bet_may_be_stopped_at_any_time(draw: Draw) -> None:
    """Stopping at the highest wealth of 100 examples, looked at after every one, still errs at most at the level."""
    rng = np.random.default_rng(5)
    nights, level = 600, 0.1
    wrong = 0
    for _ in range(nights):
        steps = np.log1p(np.outer(draw(rng, 100).values, STAKES)).cumsum(axis=0)
        wrong += np.exp(steps).mean(axis=1).max() >= 1 / level
    assert wrong <= level * nights + 3 * math.sqrt(level * nights)


def test_evidence_is_carried_over() -> None:
    """Two nights of fresh examples are worth what one night with all of them is."""
    rng = np.random.default_rng(1)
    first, second = thirds(rng, 40), thirds(rng, 30)
    both = Differences(np.concatenate([first.values, second.values]))
    assert math.isclose(evidence(both), evidence(second, carried=log_wealth(first).tolist()), rel_tol=1e-12)


def test_bets_win_on_a_gain_and_need_scores_from_0_to_1() -> None:
    """A steady gain is accepted under bets; larger scores are no evidence, and no crash."""
    rule = GateRule(mode="e_process", minimum_pairs=2)
    rng = np.random.default_rng(2)
    gain = Differences(rng.choice([0.0, 1.0], p=[0.6, 0.4], size=60), binary=True)
    assert course(gain, 0.01, rule).crossed
    assert not course(Differences(gain.values * 10), 0.01, rule).crossed


def test_groups_count_as_one() -> None:
    """Five copies of each example prove no more than the examples themselves."""
    rng = np.random.default_rng(4)
    single = thirds(rng, 60).values + 0.05
    copies = Differences(np.repeat(single, 5), np.repeat(np.arange(60), 5))
    alone = Differences(single)
    assert math.isclose(alone.tested().p_value or 0, copies.tested().p_value or 0, rel_tol=1e-9)
    assert np.allclose(alone.interval(0.95), copies.interval(0.95))
    assert (Differences(np.repeat(single, 5)).tested().p_value or 0) < 0.1 * (copies.tested().p_value or 0)
    assert "on groups" in copies.tested().test


def test_equal_groups_have_the_clustered_error_of_the_reference() -> None:
    """The grouped interval is statsmodels' cluster-robust one of a mean, up to its small-sample factor."""
    import statsmodels.api as sm
    from scipy.stats import t

    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(40), 4)
    values = rng.normal(0.1, 0.3, 40)[groups] + rng.normal(0, 0.2, 160)
    fitted = sm.OLS(values, np.ones(160)).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    low, high = Differences(values, groups).interval(0.95)
    error = float(fitted.bse[0]) * math.sqrt(40 / 39)
    assert math.isclose(high - low, 2 * t.ppf(0.975, 39) * error, rel_tol=1e-9)


def test_unequal_groups_have_the_jackknife_error() -> None:
    """Leaving out one group after the other gives the error, and the sizes give the degrees of freedom."""
    from scipy.stats import t

    rng = np.random.default_rng(6)
    groups = np.unique(np.sort(rng.integers(0, 40, 150)), return_inverse=True)[1]
    values = rng.normal(0.1, 0.3, 40)[groups] + rng.normal(0, 0.2, 150)
    count = groups.max() + 1
    without = np.array([values[groups != group].mean() for group in range(count)])
    error = math.sqrt((count - 1) / count * ((without - values.mean()) ** 2).sum())
    effective = 150**2 / (np.bincount(groups) ** 2).sum()
    low, high = Differences(values, groups).interval(0.95)
    assert math.isclose(high - low, 2 * t.ppf(0.975, effective - 1) * error, rel_tol=1e-9)


# Sizes of the groups that examples form, each with a shared effect of no direction.
UNEQUAL = ((70, *[1] * 30), (40, *[1] * 60), (30, 20, *[1] * 50), (*[5] * 10, *[1] * 50))


@pytest.mark.parametrize("sizes", UNEQUAL)
@pytest.mark.parametrize("looks", [1, 4])
def test_a_large_group_does_not_raise_the_chance_of_a_false_yes(sizes: tuple[int, ...], looks: int) -> None:
    """Where groups move together without direction, at most the level's share is accepted, also look by look."""
    rng = np.random.default_rng(21)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    rule = GateRule(looks=looks, futility=0.0)
    nights, level, crossed = 400, 0.0147, 0
    for _ in range(nights):
        shared = rng.choice([-0.6, 0.0, 0.6], p=[0.25, 0.5, 0.25], size=len(sizes))
        values = shared[groups] + rng.choice([-0.4, 0.0, 0.4], p=[0.1, 0.8, 0.1], size=len(groups))
        names = rng.permutation(len(sizes))  # groups stay together and come in any order
        order = np.argsort(names[groups], kind="stable")
        crossed += course(Differences(values[order], names[groups][order]), level, rule).crossed
    assert crossed <= level * nights + 3 * math.sqrt(level * nights)


@pytest.mark.parametrize(
    ("sizes", "most"), [([1] * 20, 0.05), ([1] * 60, 0.07), ([1] * 80, 0.07), ([5] * 20, 0.05), ([70] + [1] * 30, 0.05)]
)
def test_ties_alone_do_not_exclude_a_loss(sizes: list[int], most: float) -> None:
    """A loss of the whole margin, which comes as rare losses of all, is let through about as often as it is said."""
    rng = np.random.default_rng(22)
    groups = np.repeat(np.arange(len(sizes)), sizes) if max(sizes) > 1 else None
    trials, passed = 600, 0
    for _ in range(trials):
        lost = -(rng.random(len(sizes)) < 0.05).astype(float)
        values = lost if groups is None else lost[groups]
        passed += Differences(values, groups).interval(0.9, step=1.0).low >= -0.05
    assert passed / trials <= most
    assert Differences(np.zeros(120)).interval(0.9, step=1.0).low > -0.05


@pytest.mark.parametrize(
    ("examples", "rule", "sizes"),
    [
        (100, GateRule(), (25, 50, 75, 100)),
        (41, GateRule(), (21, 31, 41)),
        (12, GateRule(), (12,)),
        (100, GateRule(mode="fixed_sample"), (100,)),
        (0, GateRule(), ()),
    ],
)
def test_looks_are_evenly_spaced_and_none_is_too_early(examples: int, rule: GateRule, sizes: tuple[int, ...]) -> None:
    """No look before the minimum of pairs; the last one has every example."""
    assert sizes == look_sizes(examples, rule)


def test_futility_gives_up_on_a_loss_and_not_on_a_gain() -> None:
    """At the first look a clear loss ends the night, a clear gain goes on, and it never changes what a look proves."""
    rule = GateRule()
    sizes = look_sizes(100, rule)
    for values, futile in (([-1.0] * 6 + [0.0] * 19, True), ([1.0] * 6 + [0.0] * 19, False)):
        part = Differences(np.array(values), binary=True)
        found = follow([part], sizes, 0.01, rule)
        assert futile is found.futile
        assert found[:2] != follow([part], sizes, 0.01, NEVER_STOP)[:2] or not futile or found.p_value == 1.0


def test_p_is_below_the_level_exactly_where_a_look_crossed() -> None:
    """Whichever level the night has, the p-value over all looks and the boundaries agree."""
    rng = np.random.default_rng(8)
    for level in (0.05, 0.0109, 0.002):
        for _ in range(200):
            found = course(Differences(thirds(rng, 100).values + 0.08), level, NEVER_STOP)
            assert any(look.crossed for look in found.looks) == (found.p_value < level)


def test_saffron_survives_storage_and_knows_tonight_before_the_p_value() -> None:
    """Level first, then the p-value; restored from JSON it goes on as the procedure itself."""
    from online_fdr.p_values import Saffron as Procedure

    rule = GateRule()
    reference = Procedure(alpha=rule.false_share, wealth=rule.wealth, lambda_=rule.candidate_below)
    state = begin(rule)
    for p_value in (0.6, 0.2, 0.0004, 0.9, 0.7, 0.00001, 0.5):
        level = state.tonight()
        assert level == state.tonight()
        reference.test_one(p_value)
        assert level == reference.last_test_level
        state = Saffron.model_validate_json(state.after(p_value).model_dump_json())


def test_a_fixed_level_stays() -> None:
    """Nights change nothing about it."""
    state = begin(GateRule(across_nights="fixed", level=0.02))
    assert FixedLevel(level=0.02) == state.after(0.001)
    assert 0.02 == state.tonight()


def test_the_first_night_has_a_usable_level() -> None:
    """An agent's first night is tested at more than 1 %, or no small held-out split could ever pass."""
    assert 0.01 < begin(GateRule()).tonight() < 0.02


@pytest.mark.parametrize(
    ("outcome", "p_value", "guards_held", "counts_as"),
    [
        (Outcome.ACCEPTED, 0.001, True, 0.001),
        (Outcome.REFUSED, 0.001, True, 1.0),
        (Outcome.REFUSED, 0.3, True, 0.3),
        (Outcome.REFUSED, 0.1, True, 0.1),
        (Outcome.REFUSED, 0.1, False, 1.0),
        (Outcome.INCONCLUSIVE, 0.1, True, 1.0),
        (Outcome.REFUSED, None, True, 1.0),
    ],
)
def test_only_a_trusted_p_value_is_told_to_the_error_control(
    outcome: Outcome, p_value: float | None, guards_held: bool, counts_as: float
) -> None:
    """A gain that a guard refused, or that could not be trusted, earns no wealth back and is no candidate."""
    assert counts_as == counted(outcome, p_value, 0.01, guards_held)


def test_the_quoted_lift_is_smaller_than_what_was_seen() -> None:
    """It counts further examples without any change, and its interval holds it."""
    found = lift(Differences(np.array([1.0] * 10 + [0.0] * 30), binary=True))
    assert found is not None
    assert math.isclose(0.25 * 40 / (40 + UNCHANGED), found.shrunk)
    assert found.low < found.shrunk < found.high < 0.5
    assert lift(Differences(np.array([1.0]))) is None


def test_one_large_group_is_hardly_worth_more_than_an_example() -> None:
    """The lift of seventy alike examples and thirty others is shrunk as that of two, with an interval to match."""
    groups = np.repeat(np.arange(31), [70, *[1] * 30])
    found = lift(Differences(np.array([0.5] * 70 + [0.0, 0.2] * 15), groups))
    assert found is not None
    assert found.shrunk < found.raw / 4
    assert found.low < 0 < found.high


def test_a_demo_sized_gain_passes_on_the_first_night() -> None:
    """14 fixed and 2 broken of 41 are accepted in nearly any order of examples; 9 and 3 are not."""
    rng = np.random.default_rng(12)
    rule = GateRule()
    level = begin(rule).tonight()
    for fixed, broken, least, most in ((14, 2, 57, 60), (9, 3, 0, 6)):
        values = np.array([1.0] * fixed + [-1.0] * broken + [0.0] * (41 - fixed - broken))
        accepted = 0
        for _ in range(60):
            rng.shuffle(values)
            sizes = look_sizes(41, rule)
            parts: list[Differences] = []
            for size in sizes:
                parts.append(Differences(values[:size].copy(), binary=True))
                found = follow(parts, sizes, level, rule)
                if found.ended or found.futile or found.crossed:
                    break
            accepted += found.crossed
        assert least <= accepted <= most
