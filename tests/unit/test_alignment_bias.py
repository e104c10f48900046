"""Length and place: what a judge lets count."""

import json
import random

import numpy as np
import pytest
from scipy.stats import spearmanr
from support.shared_data import shared

from burnish.domain.alignment import bias
from burnish.domain.alignment.bias import Sized, length_bias, position_bias


def answers(favour: float, count: int = 400, seed: int = 1, people_like_long: float = 0.3) -> list[Sized]:
    """A judge that is right on 80 %, and passes a long answer that it would fail with a chance of `favour`."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        long = rng.random() < 0.5
        people = float(rng.random() < 0.4 + people_like_long * long)
        judge = people if rng.random() < 0.8 else 1 - people
        if long and rng.random() < favour:
            judge = 1.0
        found.append(Sized(judge, people, rng.uniform(600, 1200) if long else rng.uniform(50, 400)))
    return found


def test_a_judge_that_passes_long_answers_is_found_out() -> None:
    """The gap is in points of the pass rate, its interval holds the truth, and the sentence says which half."""
    found = length_bias(answers(0.5), 0.5, draws=499)
    assert found.gap is not None
    assert found.low is not None
    assert found.high is not None
    assert found.p_value is not None
    # Half of the long ones that it would fail: 0.40 of what people fail, 0.10 of what they pass, weighing 40 and 51.
    assert found.low < 0.23 < found.high
    assert found.p_value < 0.05
    assert "favours long answers" in found.reading
    assert "of what people fail it passes" in found.reading


def test_people_who_prefer_long_answers_are_no_bias_of_the_judge() -> None:
    """Among items judged the same by people, a judge that errs at random is not swayed: 5 % at the nominal 5 %."""
    p_values = [length_bias(answers(0, 150, seed), 0.5, draws=199).p_value or 1.0 for seed in range(120)]
    assert 0.0 < sum(p <= 0.05 for p in p_values) / 120 < 0.10
    assert "No sign" in length_bias(answers(0, 400, 5), 0.5, draws=199).reading


def test_the_interval_of_the_gap_holds_the_truth_as_often_as_it_says() -> None:
    """No favour, so the gap is 0: the 95 % interval has it in about 95 % of 200 draws."""
    found = [length_bias(answers(0, 120, seed), 0.5, draws=1) for seed in range(200)]
    inside = sum(one.low is not None and one.high is not None and one.low <= 0 <= one.high for one in found)
    assert 0.91 <= inside / 200 <= 0.995


def test_a_judge_that_prefers_short_answers_is_told_from_one_that_prefers_long() -> None:
    """The same judge with the lengths turned round."""
    turned = [one._replace(length=2000 - one.length) for one in answers(0.4)]
    assert "favours short answers" in length_bias(turned, 0.5, draws=199).reading


def test_with_one_kind_of_label_the_association_is_spearmans() -> None:
    """scipy gives the same rank correlation where people pass everything, ties included."""
    rng = np.random.default_rng(2)
    judge, length = rng.integers(0, 5, 80) / 4, rng.integers(10, 40, 80).astype(float)
    found = length_bias([Sized(float(j), 1.0, float(n)) for j, n in zip(judge, length, strict=True)], 0.5, draws=9)
    assert float(spearmanr(judge, length).statistic) == pytest.approx(found.association, abs=1e-12)


def test_nothing_is_said_of_little_or_of_a_judge_that_always_says_the_same() -> None:
    """Neither a handful of labels nor a constant makes a figure."""
    assert "20 labels are needed" in length_bias(answers(0, 19), 0.5).reading
    same = length_bias([one._replace(judge=1.0) for one in answers(0, 60)], 0.5, draws=9)
    assert (None, "Nothing can be said") == (same.p_value, same.reading[:19])


def test_of_many_items_the_chance_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The normal distribution that stands for the permutations gives what they give."""
    for seed in range(4):
        items = answers(0.1, 400, seed)
        drawn = length_bias(items, 0.5)
        with monkeypatch.context() as patch:
            patch.setattr(bias, "MANY", 400)
            worked_out = length_bias(items, 0.5)
        assert drawn.association == worked_out.association
        assert drawn.p_value == pytest.approx(worked_out.p_value, abs=0.02)


def test_a_place_that_wins_both_orders_is_a_bias() -> None:
    """30 of 100 flips, of which the first place won 22 of 26: the exact test says p = 0.0005."""
    found = position_bias({"agree": 70, "first": 22, "second": 4, "one tie": 4})
    assert found is not None
    assert found.first is not None
    assert (0.3, 100, 22 / 26) == (found.flips.share, found.flips.count, found.first.share)
    assert 0.000534 == pytest.approx(found.p_value, abs=1e-6)
    assert "first place wins 22 of 26 times" in found.reading
    assert "favours it" in found.reading
    fair = position_bias({"agree": 70, "first": 15, "second": 15})
    assert fair is not None
    assert "chance explains" in fair.reading


def test_a_handful_of_pairs_says_nothing_of_places() -> None:
    """Below twenty there is no figure; without a flip there is no place."""
    assert position_bias({"agree": 19}) is None
    steady = position_bias({"agree": 20})
    assert steady is not None
    assert (0.0, None) == (steady.flips.share, steady.first)


def test_a_recorded_judge_is_not_swayed_by_length() -> None:
    """gpt-3.5 on PandaLM's pairs chooses the first answer no more often where that one is longer, as people see it."""
    lines = shared("judge_human/pandalm_even.jsonl").read_text(encoding="utf-8").splitlines()
    items = []
    for row in map(json.loads, lines):
        judge, people = row["judges"]["gpt-3.5-turbo"], row["human_majority"]
        if judge in (1, 2) and people in (1, 2):
            longer = len(str(row["response1"])) - len(str(row["response2"]))
            items.append(Sized(float(judge == 1), float(people == 1), float(longer)))
    found = length_bias(items, 0.5, draws=999)
    assert found.gap is not None
    assert (431, 0.017) == (found.items, round(found.gap, 3))
    assert "No sign that length sways the judge" in found.reading
