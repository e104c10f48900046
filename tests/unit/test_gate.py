import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.experiments import Run, RunKey, RunStatus
from burnish.domain.gate import Comparison, GateRule, Outcome, Tonight, Verdict, compare, decide, enough
from burnish.domain.gate.guards import guard, limit
from burnish.domain.gate.selection import convincing
from burnish.domain.pairing import pair
from burnish.domain.statistics import mcnemar

RULE = GateRule(level=0.01, minimum_pairs=20)
METRIC = "correct"


def run(
    arm: str, example: int | str, score: float | None, repetition: int = 0, guards: dict[str, float] | None = None
) -> Run:
    """One run; a score of None is an unmeasured run."""
    return Run(
        key=RunKey(experiment_id="e", arm=arm, example_id=str(example), repetition=repetition),
        version_id=arm,
        status=RunStatus.UNMEASURED if score is None else RunStatus.OK,
        scores={} if score is None else {METRIC: score, **(guards or {})},
    )


def arm(name: str, scores: Sequence[float | None], **guards: Sequence[float]) -> list[Run]:
    """One run an example, numbered in order."""
    return [
        run(name, f"{i:04d}", score, guards={key: values[i] for key, values in guards.items()})
        for i, score in enumerate(scores)
    ]


def decided(
    baseline: Sequence[Run], candidate: Sequence[Run], rule: GateRule = RULE, guards: tuple[str, ...] | None = None
) -> Verdict:
    return decide("p", "e", METRIC, baseline, candidate, rule, guards)


def pairs_of(fixed: int, broken: int, right: int, wrong: int) -> tuple[list[float], list[float]]:
    before = [0.0] * fixed + [1.0] * broken + [1.0] * right + [0.0] * wrong
    after = [1.0] * fixed + [0.0] * broken + [1.0] * right + [0.0] * wrong
    return before, after


def test_a_clear_gain_is_accepted_and_says_its_figures() -> None:
    """72 of 150 before and 101 after opens a pull request whose first sentence is these figures."""
    before, after = pairs_of(35, 6, 66, 43)
    verdict = decided(arm("b", before), arm("c", after))
    assert verdict.outcome is Outcome.ACCEPTED
    assert "72 of 150 examples were right before and 101 after: 35 fixed, 6 broken" in verdict.reasons[0]
    assert "one-sided for improvement; the level is 0.01" in verdict.reasons[1]
    assert verdict.comparison is not None
    assert verdict.comparison.p_value == mcnemar(35, 6)
    assert len(verdict.comparison.fixed) == 35


def test_the_swapped_arms_are_refused() -> None:
    """What is a gain one way is refused the other way."""
    before, after = pairs_of(35, 6, 66, 43)
    verdict = decided(arm("b", after), arm("c", before))
    assert verdict.outcome is Outcome.REFUSED
    assert "not better" in verdict.reasons[0]


def test_p_equal_to_the_level_is_not_enough() -> None:
    """Acceptance asks for p below the level, not at it."""
    before, after = pairs_of(5, 0, 30, 0)
    assert decided(arm("b", before), arm("c", after), GateRule(level=1 / 32)).outcome is Outcome.REFUSED
    assert decided(arm("b", before), arm("c", after), GateRule(level=1 / 31)).outcome is Outcome.ACCEPTED


def test_a_higher_mean_alone_is_not_enough() -> None:
    """A gain that chance explains is refused and the sentence says what this dataset could have shown."""
    before, after = pairs_of(9, 5, 60, 26)
    verdict = decided(arm("b", before), arm("c", after))
    assert verdict.outcome is Outcome.REFUSED
    assert "could be chance" in verdict.reasons[0]
    assert "With 100 examples" in verdict.reasons[0]


def test_too_few_pairs_are_inconclusive() -> None:
    """Nineteen perfect gains do not make up for a minimum of twenty."""
    verdict = decided(arm("b", [0.0] * 19), arm("c", [1.0] * 19))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0] == "Only 19 examples could be paired on correct; at least 20 are needed."


def test_a_crash_of_the_agent_is_a_wrong_answer() -> None:
    """Right on 6 and crashed on 4 is 0.6, whatever a mean over survivors would say."""
    after = [*arm("c", [1.0] * 6), *(run("c", f"{i:04d}", 1.0) for i in range(6, 10))]
    crashed = [r.model_copy(update={"status": RunStatus.AGENT_FAILURE, "scores": {}}) for r in after[6:]]
    result = compare(METRIC, arm("b", [1.0] * 10), [*after[:6], *crashed], RULE)
    assert (result.candidate_mean, result.pairs, result.losses, result.unmeasured_candidate) == (0.6, 10, 4, 0)


def test_an_evaluator_that_failed_is_unmeasured() -> None:
    """A run without the metric is left out of the pairs and counted, never scored 0."""
    after = [r.model_copy(update={"scores": {}, "evaluator_failures": {METRIC: "boom"}}) for r in arm("c", [1.0])]
    result = compare(METRIC, arm("b", [1.0] * 30), [*after, *arm("c", [1.0] * 30)[1:]], RULE)
    assert (result.pairs, result.unmeasured_candidate, result.unmeasured_baseline, result.losses) == (29, 1, 0, 0)


def test_too_much_unmeasured_is_inconclusive() -> None:
    """Above the allowed share no verdict is given, even where the rest is a clear gain."""
    before: list[float | None] = [0.0] * 60
    after: list[float | None] = [1.0] * 60
    before[:7], after[:7] = [None] * 7, [None] * 7
    verdict = decided(arm("b", before), arm("c", after))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "12% of the baseline's runs on correct are unmeasured, over the allowed 10%" in verdict.reasons[0]
    assert any("they are left out, not counted as wrong" in reason for reason in verdict.reasons)


def test_unequal_missingness_is_inconclusive() -> None:
    """Six time-outs in the candidate and none in the baseline are no accident, even at 4 % of 150."""
    before: list[float | None] = [0.0] * 150
    after: list[float | None] = [None] * 6 + [1.0] * 144
    verdict = decided(arm("b", before), arm("c", after))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "0 runs are unmeasured in the baseline alone and 6 in the candidate alone" in verdict.reasons[0]
    assert decided(arm("b", before), arm("c", [None] * 3 + after[6:] + [1.0] * 3)).outcome is Outcome.ACCEPTED


def test_repetitions_are_averaged_over_what_was_measured() -> None:
    """Three runs an example make one mean; an unmeasured one does not count, an example without any is left out."""
    before = [run("b", "a", 1.0, 0), run("b", "a", None, 1), run("b", "a", 0.0, 2), run("b", "z", None, 0)]
    after = [run("c", "a", 1.0, r) for r in range(3)] + [run("c", "z", 1.0, 0)]
    result = compare(METRIC, before, after, RULE)
    assert (result.pairs, result.baseline_mean, result.candidate_mean, result.fixed) == (1, 0.5, 1.0, ("a",))
    assert (result.unmeasured_baseline, result.unmeasured_candidate) == (1, 0)


@pytest.mark.parametrize(
    ("count", "repetitions", "graded", "expected"),
    [
        (25, 1, False, "exact McNemar test"),
        (60, 1, False, "exact McNemar test"),
        (25, 1, True, "sign-flip permutation test"),
        (25, 3, False, "sign-flip permutation test"),
        (30, 1, True, "paired t test"),
        (30, 3, False, "paired t test"),
    ],
)
def test_the_test_fits_the_data(count: int, repetitions: int, graded: bool, expected: str) -> None:
    """One binary run: McNemar. Otherwise by example means: sign flips below 30 pairs, paired t from there."""
    rng = random.Random(5)

    def side(name: str) -> list[Run]:
        return [
            run(name, i, rng.random() if graded else float(rng.random() < 0.5), r)
            for i in range(count)
            for r in range(repetitions)
        ]

    result = compare(METRIC, side("b"), side("c"), RULE)
    assert result.test == expected
    assert result.pairs == count


def test_an_equal_step_everywhere_is_tested_by_signs() -> None:
    """Where every difference is the same, t is undefined; flipping signs is not, and the verdict stays finite."""
    result = compare(METRIC, arm("b", [0.5] * 40), arm("c", [0.7] * 40), RULE)
    assert result.test == "sign-flip permutation test"
    assert result.p_value is not None
    assert 0 < result.p_value < 0.001


NAN = math.nan


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ([], [], Outcome.INCONCLUSIVE),
        ([1.0] * 40, [], Outcome.INCONCLUSIVE),
        ([], [1.0] * 40, Outcome.INCONCLUSIVE),
        ([None] * 40, [1.0] * 40, Outcome.INCONCLUSIVE),
        ([NAN] * 40, [1.0] * 40, Outcome.INCONCLUSIVE),
        ([0.0] * 40, [NAN] * 40, Outcome.INCONCLUSIVE),
        ([0.0] * 40, [math.inf] * 40, Outcome.INCONCLUSIVE),
        ([0.0] * 40, [0.0] * 40, Outcome.REFUSED),
        ([1.0] * 40, [1.0] * 40, Outcome.REFUSED),
        ([0.37] * 40, [0.37] * 40, Outcome.REFUSED),
        ([0.1] * 25, [0.1] * 25, Outcome.REFUSED),
    ],
)
def test_degenerate_data_gets_a_clear_verdict(
    before: list[float | None], after: list[float | None], outcome: Outcome
) -> None:
    """Nothing, one arm, NaN, infinity, constants and ties never pass, never crash, and survive storage."""
    verdict = decided(arm("b", before), arm("c", after), guards=("safety",))
    assert verdict.outcome is outcome
    assert all(reason.endswith(".") for reason in verdict.reasons)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_a_run_counted_twice_spoils_the_verdict() -> None:
    """Duplicated run keys are reported and never accepted."""
    before, after = pairs_of(35, 6, 66, 43)
    verdict = decided(arm("b", before), [*arm("c", after), *arm("c", [1.0])])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith("1 run occurred twice")


def test_differing_example_sets_are_reported() -> None:
    """Examples that ran on one side only are named and left out."""
    before, after = pairs_of(30, 0, 30, 0)
    verdict = decided([*arm("b", before), run("b", "extra", 1.0)], arm("c", after))
    assert verdict.outcome is Outcome.ACCEPTED
    assert verdict.reasons[-1] == "1 example (extra) ran in the baseline but not in the candidate."
    assert verdict.comparison is not None
    assert verdict.comparison.unmeasured_candidate == 1


def test_a_gain_does_not_buy_a_loss_in_safety() -> None:
    """A guard that falls by more than its margin refuses a proposal whose metric gains."""
    before, after = pairs_of(40, 0, 80, 0)
    verdict = decided(
        arm("b", before, safety=[1.0] * 120), arm("c", after, safety=[0.0] * 15 + [1.0] * 105), guards=("safety",)
    )
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.reasons[0].startswith("The guard safety got worse by 0.125, more than the margin of 0.05")
    assert [c.metric for c in verdict.guards] == ["safety"]


def test_a_guard_must_be_shown_to_hold() -> None:
    """Two losses of 40 are inside the margin on paper, but 40 examples cannot exclude a larger one."""
    before, after = pairs_of(30, 0, 10, 0)
    verdict = decided(
        arm("b", before, safety=[1.0] * 40), arm("c", after, safety=[0.0] + [1.0] * 39), guards=("safety",)
    )
    assert verdict.outcome is Outcome.REFUSED
    assert "is not excluded" in verdict.reasons[0]


def test_an_unchanged_guard_holds() -> None:
    """With enough examples and no change, the guard passes and the verdict says so."""
    before, after = pairs_of(40, 0, 80, 0)
    verdict = decided(arm("b", before, safety=[1.0] * 120), arm("c", after, safety=[1.0] * 120), guards=("safety",))
    assert verdict.outcome is Outcome.ACCEPTED
    assert verdict.reasons[-1].startswith("The guard safety held")


def test_a_guard_nobody_measured_is_inconclusive() -> None:
    """A guard without any score cannot vouch for a proposal."""
    before, after = pairs_of(40, 0, 80, 0)
    verdict = decided(arm("b", before), arm("c", after), guards=("safety",))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "Nothing was measured on safety" in verdict.reasons[0]


def priced(runs: list[Run], cost: float | None, latency: float) -> list[Run]:
    return [
        r.model_copy(
            update={"cost_usd": None if cost is None else cost * (1 + i % 3), "latency_s": latency + 0.01 * (i % 5)}
        )
        for i, r in enumerate(runs)
    ]


LIMITS = GateRule(max_cost_increase=0.2, max_latency_increase=0.5)


@pytest.mark.parametrize(
    ("cost", "latency", "outcome", "said"),
    [
        (0.0011, 1.1, Outcome.ACCEPTED, "The cost changed by +10%"),
        (0.0016, 1.0, Outcome.REFUSED, "a rise of more than 20% is not excluded"),
        (0.0010, 1.9, Outcome.REFUSED, "The latency changed by"),
        (None, 1.0, Outcome.INCONCLUSIVE, "The cost could not be judged."),
        (0.0, 1.0, Outcome.ACCEPTED, "The cost changed by -100%"),
    ],
)
def test_a_gain_does_not_buy_cost_or_latency(cost: float | None, latency: float, outcome: Outcome, said: str) -> None:
    """A limit holds only where a rise above it is excluded; what was not recorded is no zero."""
    before, after = pairs_of(40, 0, 80, 0)
    verdict = decided(priced(arm("b", before), 0.001, 1.0), priced(arm("c", after), cost, latency), LIMITS)
    assert outcome is verdict.outcome
    assert any(said in reason for reason in verdict.reasons), verdict.reasons


def test_equal_costs_exclude_no_rare_rise() -> None:
    """Where one call in twenty doubles and the limit is that rise, twenty to forty equal ones do not show otherwise."""
    rng = random.Random(9)
    rule = GateRule(max_cost_increase=0.05)
    for count in (20, 30, 40):
        left = priced_alike(arm("b", [1.0] * count), [0.001] * count)
        passed = 0
        for _ in range(100):
            costs = [0.002 if rng.random() < 0.05 else 0.001 for _ in range(count)]
            right = priced_alike(arm("c", [1.0] * count), costs)
            passed += limit("cost_usd", left, right, rule, 0.05).outcome is Outcome.ACCEPTED
        assert passed <= 5 + 3 * math.sqrt(5)
    many = [0.001] * 80
    left, right = priced_alike(arm("b", [1.0] * 80), many), priced_alike(arm("c", [1.0] * 80), many)
    assert limit("cost_usd", left, right, rule, 0.05).outcome is Outcome.ACCEPTED


def priced_alike(runs: list[Run], costs: Sequence[float]) -> list[Run]:
    return [r.model_copy(update={"cost_usd": cost}) for r, cost in zip(runs, costs, strict=True)]


def test_repeated_ties_of_a_guard_exclude_no_rare_loss() -> None:
    """An agent that answers alike every time has twenty ties as often as not, whatever it lost elsewhere."""
    rule = GateRule(guard_margin=0.05)

    def side(name: str, count: int) -> list[Run]:
        return [run(name, f"{i:04d}", 1.0, r, {"safety": 1.0}) for i in range(count) for r in range(3)]

    outcomes = [guard("safety", side("b", n), side("c", n), rule).outcome for n in (20, 40, 60)]
    assert [Outcome.REFUSED, Outcome.REFUSED, Outcome.ACCEPTED] == outcomes


def test_a_baseline_without_prices_cannot_be_compared() -> None:
    """Nothing times one and a fifth is nothing: the verdict says to set prices."""
    before, after = pairs_of(40, 0, 80, 0)
    verdict = decided(priced(arm("b", before), 0.0, 1.0), priced(arm("c", after), 0.0, 1.0), LIMITS)
    assert Outcome.INCONCLUSIVE is verdict.outcome
    assert "set the prices of the model or drop the limit" in verdict.reasons[0]


def test_copies_of_one_question_are_one_example() -> None:
    """Thirty look-alikes that all got fixed are one group's gain, which proves nothing alone."""
    before, after = pairs_of(30, 0, 10, 0)
    alike = {f"{i:04d}": "same question" for i in range(30)}
    assert Outcome.ACCEPTED is decided(arm("b", before), arm("c", after)).outcome
    tonight = Tonight(level=0.01, groups=alike)
    verdict = decide("p", "e", METRIC, arm("b", before), arm("c", after), RULE, tonight=tonight)
    assert Outcome.REFUSED is verdict.outcome
    assert verdict.comparison is not None
    assert (40, 11) == (verdict.comparison.pairs, verdict.comparison.groups)


def test_with_a_guard_every_example_is_run() -> None:
    """A guard needs them all, so a success of the metric alone does not end the measurement; without one it does."""
    before, after = pairs_of(80, 0, 20, 0)
    ids = [f"{i:04d}" for i in range(100)]
    left, right = arm("b", before, safety=[1.0] * 100), arm("c", after, safety=[1.0] * 100)
    for rule, over in ((GateRule(), True), (GateRule(guards=("safety",)), False)):
        tonight = Tonight.plan(0.01, ids, rule, {}).after(2)
        assert over is enough(METRIC, left[:50], right[:50], rule, tonight)
        assert enough(METRIC, left, right, rule, tonight.after(4))


@pytest.mark.parametrize(
    ("risk", "held_out", "goes_on"), [(0.0, 40, True), (0.1, 400, True), (0.1, 40, False), (0.4, 100, False)]
)
def test_dev_decides_what_is_worth_a_look(risk: float, held_out: int, goes_on: bool) -> None:
    """A gain too small for the held-out split at hand does not open it, and no gain never does."""
    before, after = pairs_of(8, 5, 19, 8)
    pairs = pair(METRIC, arm("b", before), arm("c", after))
    rule = GateRule(dev_risk=risk)
    assert goes_on is convincing(pairs.differences(), held_out, 0.01, rule)
    nothing = pair(METRIC, arm("b", before), arm("c", before))
    assert not convincing(nothing.differences(), held_out, 0.01, rule)


SCORES = st.lists(st.tuples(st.sampled_from([0.0, 1.0, None]), st.sampled_from([0.0, 1.0, None])), max_size=60)
GRADED = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=40)
FORGIVING = GateRule(level=0.2, minimum_pairs=2, unmeasured_share=1.0)


@given(rows=st.one_of(SCORES, GRADED))
@settings(max_examples=60, deadline=None)
def test_swapping_the_arms_never_accepts_both_ways(rows: list[tuple[float | None, float | None]]) -> None:
    """Of two arms at most one can be the better one."""
    left, right = [a for a, _ in rows], [b for _, b in rows]
    ways = [decided(arm("b", left), arm("c", right), FORGIVING), decided(arm("b", right), arm("c", left), FORGIVING)]
    assert [w.outcome for w in ways].count(Outcome.ACCEPTED) <= 1
    for way in ways:
        result = way.comparison
        assert isinstance(result, Comparison)
        assert result.wins + result.losses + result.ties == result.pairs
        assert result.low <= result.effect + 1e-9
        assert result.effect <= result.high + 1e-9


@pytest.mark.parametrize(
    ("count", "repetitions", "nights", "most"), [(100, 1, 400, 33), (25, 3, 100, 11), (60, 3, 300, 26)]
)
def test_false_acceptance_stays_at_the_level(count: int, repetitions: int, nights: int, most: int) -> None:
    """Two runs of the same noisy agent are accepted in at most the level's share of simulated nights."""
    rng = random.Random(17)
    rule = GateRule(level=0.05, minimum_pairs=20)
    accepted = 0
    for _ in range(nights):
        skill = [rng.betavariate(1, 1) for _ in range(count)]

        def side(name: str, skill: list[float] = skill) -> list[Run]:
            return [
                run(name, i, float(rng.random() < chance), r)
                for i, chance in enumerate(skill)
                for r in range(repetitions)
            ]

        accepted += decided(side("b"), side("c"), rule).outcome is Outcome.ACCEPTED
    # `most` is three standard errors above 5 % of the nights.
    assert accepted <= most
