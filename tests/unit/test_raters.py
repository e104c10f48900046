"""Agreement of people with each other, against published examples and the krippendorff package."""

import random

import numpy
import pytest
from support.shared_data import shared

from burnish.domain.raters import Distance, ac1, alpha, raters_agree

# Krippendorff (2011): 12 units, 4 observers, missing labels; the same table is the example of Gwet's handbook.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
UNITS = [[label for label in unit if label is not None] for unit in zip(*OBSERVERS, strict=True)]


@pytest.mark.parametrize(("distance", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_the_published_one(distance: Distance, published: float) -> None:
    """Krippendorff's own worked example."""
    found = alpha(UNITS, distance)
    assert found is not None
    assert published == round(found, 3)


def test_ac1_is_the_published_one() -> None:
    """Gwet's worked example on the same table."""
    found = ac1(UNITS)
    assert found is not None
    assert 0.77544 == round(found, 5)


@pytest.mark.parametrize("distance", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_the_krippendorff_package(distance: Distance, seed: int) -> None:
    """Random tables with gaps."""
    import krippendorff

    rng = random.Random(seed)
    table = [[rng.choice([0.0, 0.25, 0.5, 1.0, None]) for _ in range(40)] for _ in range(5)]
    units = [[label for label in unit if label is not None] for unit in zip(*table, strict=True)]
    reliability = numpy.array([[numpy.nan if x is None else x for x in row] for row in table])
    expected = krippendorff.alpha(reliability_data=reliability, level_of_measurement=distance)
    assert expected == pytest.approx(alpha(units, distance), abs=1e-12)


def test_people_who_compared_answers_agree_as_the_package_says() -> None:
    """Three annotators over 500 pairs of answers; the interval holds the figure."""
    import json

    import krippendorff

    lines = shared("judge_human/pandalm_even.jsonl").read_text(encoding="utf-8").splitlines()
    units = [[row[f"annotator{n}"] for n in (1, 2, 3)] for row in map(json.loads, lines)]
    expected = krippendorff.alpha(reliability_data=list(zip(*units, strict=True)), level_of_measurement="nominal")
    found = raters_agree(units)
    assert found.alpha == pytest.approx(expected, abs=1e-12)
    assert found.alpha_low is not None
    assert found.alpha_high is not None
    assert found.alpha_low < expected < found.alpha_high
    assert (500, 1500) == (found.items, found.ratings)


def test_where_nearly_all_get_the_same_label_ac1_stays() -> None:
    """The paradox that kappa and alpha have: 98 % of pairs equal, and alpha near 0."""
    units = [["pass", "pass"]] * 98 + [["pass", "fail"], ["fail", "pass"]]
    found = raters_agree(units, categories=2)
    assert found.alpha is not None
    assert found.ac1 is not None
    assert (0.98, -0.01, 0.98) == (found.observed, round(found.alpha, 2), round(found.ac1, 2))


def test_what_is_undefined_is_none() -> None:
    """Nobody labelled twice, or everybody said the same."""
    assert (None, None) == (alpha([["a"], ["b"]]), ac1([["a"], ["b"]]))
    assert alpha([["a", "a"]] * 5) is None
    assert (1.0, None) == (raters_agree([["a", "a"]] * 5, categories=2).ac1, raters_agree([["a", "a"]] * 5).alpha)
    assert 0 == raters_agree([]).items
