"""Whose words count beside a judge's, and which of them were said blind."""

from typing import NamedTuple

from burnish.domain.agreement import Rating
from burnish.domain.alignment.compared import beside_majority, blind, ceiling, counting
from burnish.domain.feedback import ADJUDICATED


class Said(NamedTuple):
    key: str
    version: str = ""


OWN, OTHER = Said("helpful"), Said("review")
DECIDED, ELSEWHERE = Said("helpful", ADJUDICATED), Said("review", ADJUDICATED)


def test_an_experts_decision_counts_alone_and_is_not_blind() -> None:
    """Who decided had read what the others said, which is still what people said."""
    assert (DECIDED,) == counting([OWN, OTHER, DECIDED], "helpful")
    assert (OWN,) == blind([OWN, OTHER, DECIDED], "helpful")


def test_the_judges_own_key_outranks_the_others() -> None:
    """Labels under other keys stand in where there are none of its own, an expert's decision among them."""
    assert (OWN,) == counting([OTHER, OWN, ELSEWHERE], "helpful")
    assert (OTHER, OTHER) == counting([OTHER, OTHER], "helpful")
    assert (ELSEWHERE,) == counting([OTHER, ELSEWHERE], "helpful")


def test_ties_are_in_no_pair_of_judge_and_people() -> None:
    """The judge is held against what most say; people among themselves count every trace with two labels."""
    ratings = [Rating(1.0, (1.0, 0.0)), Rating(1.0, (1.0,)), Rating(0.0, (1.0, 1.0, 0.0))]
    assert (2, 0.5) == ((found := beside_majority(ratings, 0.5)).items, found.observed)
    assert 2 == ceiling([one.people for one in ratings], 0.5).items
