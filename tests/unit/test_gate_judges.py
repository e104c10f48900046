"""A judge's metric carries a pull request only where the judge was held against people."""

from datetime import UTC, datetime

import pytest

from burnish.domain.agreement import JudgeRule, JudgeStanding, Rating, stand
from burnish.domain.alignment.state import Earlier, with_history
from burnish.domain.gate import GateRule, JudgeEvidence, Outcome, Verdict, agreement_rows, held_to_account
from burnish.domain.ppi import PpiEstimate, corrected_mean

RULE = JudgeRule(minimum_labels=30)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def verdict(outcome: Outcome = Outcome.ACCEPTED) -> Verdict:
    return Verdict(proposal_id="p", experiment_id="exp", outcome=outcome, reasons=("It is so.",), level=0.01)


def standing(right: int, of: int) -> JudgeStanding:
    """A judge that agrees with people on `right` of `of` items, half of which people pass."""
    ratings = [Rating(float(n % 2) if n < right else 1.0 - n % 2, (float(n % 2),)) for n in range(of)]
    return stand("helpful", "v1", ratings, 0.5, RULE)


def corrected(people_gain: float, labelled: int) -> PpiEstimate | None:
    """People see a gain in so many of the labelled examples; the judge in 6 of 10 everywhere."""
    judge = [1.0 if n % 10 < 6 else 0.0 for n in range(labelled)]
    people = [1.0 if n < people_gain * labelled else 0.0 for n in range(labelled)]
    return corrected_mean(people, judge, [1.0 if n % 10 < 6 else 0.0 for n in range(100)])


def test_an_unknown_judge_makes_a_yes_inconclusive_and_says_what_to_do() -> None:
    """Nobody has labelled anything: the reason comes first, then how to get labels."""
    found = held_to_account(verdict(), JudgeEvidence(standing=standing(0, 0)), RULE)
    assert Outcome.INCONCLUSIVE is found.outcome
    assert "labelled" in found.reasons[0]
    assert "burnish reviews wanted exp" in found.reasons[1]
    assert "It is so." == found.reasons[2]


def test_a_judge_that_compares_arms_is_helped_by_labels_on_both_arms_alone() -> None:
    """It scores no production trace, so labels there would be work for nothing."""
    for compares, helped in ((False, True), (True, False)):
        found = held_to_account(verdict(), JudgeEvidence(standing=standing(0, 0), compares_arms=compares), RULE)
        assert "burnish reviews wanted exp" in found.reasons[1]
        assert helped == ("production traces" in found.reasons[1])


@pytest.mark.parametrize(("right", "outcome"), [(38, Outcome.ACCEPTED), (26, Outcome.INCONCLUSIVE)])
def test_the_floor_of_agreement_decides(right: int, outcome: Outcome) -> None:
    """38 of 40 right is kappa 0.9, 26 of 40 is 0.3: the floor is 0.6."""
    assert outcome is held_to_account(verdict(), JudgeEvidence(standing=standing(right, 40)), RULE).outcome


@pytest.mark.parametrize(
    ("gain", "labelled", "outcome"),
    [(0.6, 40, Outcome.ACCEPTED), (0.0, 40, Outcome.REFUSED), (0.6, 10, Outcome.INCONCLUSIVE)],
)
def test_labels_on_both_arms_outrank_the_judges_standing(gain: float, labelled: int, outcome: Outcome) -> None:
    """A judge below the floor carries a gain that people confirm and no other; a few labels are too few for that."""
    evidence = JudgeEvidence(standing=standing(26, 40), corrected=corrected(gain, labelled))
    assert outcome is held_to_account(verdict(), evidence, RULE).outcome


def test_a_good_judge_does_not_save_a_gain_that_people_do_not_see() -> None:
    """Above the floor in production, yet kind to the candidate."""
    evidence = JudgeEvidence(standing=standing(40, 40), corrected=corrected(0.0, 40))
    assert Outcome.REFUSED is held_to_account(verdict(), evidence, RULE).outcome


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.INCONCLUSIVE])
def test_no_judge_turns_a_no_into_a_yes(outcome: Outcome) -> None:
    """People's labels may take a yes away and never give one."""
    evidence = JudgeEvidence(standing=standing(40, 40), corrected=corrected(0.9, 40))
    assert outcome is held_to_account(verdict(outcome), evidence, RULE).outcome


def test_agreement_is_shown_where_there_are_labels() -> None:
    """Production always, each arm only where people labelled it."""
    found = standing(38, 40)
    evidence = JudgeEvidence(standing=found, after=found.agreement)
    assert ["production traces", "runs after"] == [row["where"] for row in agreement_rows(evidence)]
    assert "0.90" == agreement_rows(evidence)[0]["kappa"][:4]


def test_a_judge_that_compares_arms_has_no_row_for_production() -> None:
    """It scores no production trace: "0 labels" there would read as work that somebody has left undone."""
    evidence = JudgeEvidence(standing=standing(0, 0), compares_arms=True, after=standing(38, 40).agreement)
    assert ["runs after"] == [row["where"] for row in agreement_rows(evidence)]


def test_a_stale_judge_holds_a_yes_back_and_the_reason_names_its_state() -> None:
    """It agreed with people once; what it is now nobody knows, and the reason says what to do."""
    stale = with_history(standing(0, 0), RULE, now=NOW, earlier=Earlier("v0", "small", NOW), model="large")
    found = held_to_account(verdict(), JudgeEvidence(standing=stale), RULE)
    assert Outcome.INCONCLUSIVE is found.outcome
    assert found.reasons[0].startswith("The judge is stale. The judge helpful was aligned with people on 2026-03-01")
    assert "its model was small then and is large now" in found.reasons[0]


def test_the_floor_is_the_agents_to_set() -> None:
    """[gate.judges] in the agent's file."""
    assert 0.4 == GateRule.model_validate({"judges": {"kappa_floor": 0.4}}).judges.kappa_floor
