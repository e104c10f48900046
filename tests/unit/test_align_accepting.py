"""When a changed judge is accepted: only for what holds on held-out labels, and seldom for nothing."""

import datetime as dt
import random
from collections.abc import Sequence

import pytest

from burnish.domain.agreement import agree
from burnish.domain.alignment.accepting import Trial, decide_trial, kappa_gain, too_few
from burnish.domain.alignment.labelled import Labelled
from burnish.domain.alignment.rule import AlignRule, level_of
from burnish.domain.datasets import Split
from burnish.domain.gate import Outcome
from burnish.domain.statistics import mcnemar

RULE = AlignRule()
AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
Cell = tuple[bool, bool, bool | None, int]  # people pass, the judge passes, the changed judge passes, how many


def trial(*cells: Cell, level: float = 0.025, group: int = 1, missing: int = 0) -> Trial:
    items, said = [], {}
    for passes, present, changed, count in cells:
        for _ in range(count):
            number = len(items)
            items.append(
                Labelled(
                    trace_id=f"t{number}", passes=passes, judge=float(present), said=present, labelled_at=AT,
                    group=f"g{number // group}", split=Split.HELD_OUT,
                )
            )  # fmt: skip
            said[f"t{number}"] = changed
    for number in range(missing):
        del said[f"t{number}"]
    return decide_trial("polite", "p", "n", items, said, level, RULE)


def test_a_gain_that_holds_is_accepted_with_its_figures() -> None:
    """Twelve of fifty failures are caught that were missed, nothing else changes: exact McNemar and both kappas."""
    found = trial((True, True, True, 50), (False, False, False, 38), (False, True, False, 12))
    assert Outcome.ACCEPTED is found.verdict.outcome
    assert mcnemar(12, 0) == found.verdict.p_value
    assert found.before.kappa == pytest.approx(agree([1] * 62 + [0] * 38, [1] * 50 + [0] * 50).kappa)
    assert (1.0, 12, 0) == (found.after.kappa, found.verdict.comparison and found.verdict.comparison.wins, 0)
    assert found.kappa_low is not None
    assert 0.1 < found.kappa_low < 0.24 < (found.kappa_high or 0) < 0.4


def test_what_is_not_shown_is_refused_with_the_labels_that_would_show_it() -> None:
    """Three more right are luck at this level; about how many labels would do is said."""
    found = trial((True, True, True, 50), (False, False, False, 47), (False, True, False, 3))
    assert (Outcome.REFUSED, False) == (found.verdict.outcome, found.verdict.p_value == 0)
    assert found.labels_needed is not None
    assert f"About {found.labels_needed} held-out labels" in found.verdict.reasons[-1]
    worse = trial((True, True, False, 10), (False, True, True, 10))
    assert (Outcome.REFUSED, None) == (worse.verdict.outcome, worse.labels_needed)


def test_no_gain_pays_for_a_loss_on_one_side() -> None:
    """Thirty failures more are caught, and a fifth of what people pass is lost: refused, although the sum is better."""
    found = trial((True, True, True, 40), (True, True, False, 10), (False, True, False, 30), (False, False, False, 20))
    assert Outcome.REFUSED is found.verdict.outcome
    assert "TPR fell from 1.00 to 0.80" in found.verdict.reasons[0]


def test_a_side_with_too_few_labels_is_inconclusive_and_says_how_many_would_do() -> None:
    """All is better, but ten labels of what people pass cannot exclude a loss there."""
    found = trial((True, True, True, 10), (False, True, False, 20), (False, False, False, 70))
    assert Outcome.INCONCLUSIVE is found.verdict.outcome
    assert "10 traces that people pass are too few, about " in found.verdict.reasons[0]
    needed = int(found.verdict.reasons[0].rpartition("about ")[2].split()[0])
    enough = trial((True, True, True, needed), (False, True, False, 20), (False, False, False, 70))
    assert Outcome.ACCEPTED is enough.verdict.outcome


def test_a_reply_without_a_verdict_is_wrong_and_a_missing_one_is_not_counted() -> None:
    """Where the changed judge cannot answer it loses; what could not be measured makes the trial inconclusive."""
    broken = trial((True, True, None, 20), (False, True, False, 40), (True, True, True, 40))
    assert "TPR fell from 1.00 to 0.67" in broken.verdict.reasons[0]
    assert Outcome.INCONCLUSIVE is trial((True, True, True, 50), (False, True, False, 50), missing=20).verdict.outcome


def test_copies_of_an_item_prove_nothing_new() -> None:
    """Ten near-duplicates that change together are one piece of evidence."""
    cells: tuple[Cell, ...] = ((False, True, False, 10), (True, True, True, 40), (False, False, False, 40))
    assert Outcome.ACCEPTED is trial(*cells).verdict.outcome
    grouped = trial(*cells, group=10)
    assert (0.5, Outcome.REFUSED) == (grouped.verdict.p_value, grouped.verdict.outcome)


def test_levels_of_all_attempts_add_up_to_the_promise() -> None:
    """However often a judge is tried, the levels never exceed what was promised, and each has one."""
    levels = [level_of(RULE, attempts) for attempts in range(10_000)]
    assert 0.025 == levels[0]
    assert all(levels)
    assert sum(levels) < RULE.level


def test_too_few_labels_are_said_with_how_many_are_needed() -> None:
    """Nothing is tried, and the number is about what the share of held-out labels makes of the minimum."""
    few = too_few("polite", 3, 8, RULE)
    assert few.endswith("about 40 in all.")
    # Enough in all, but nearly all of them alike: more of the same would not help.
    assert "label more different ones" in too_few("polite", 57, 0, RULE)
    assert "" == too_few("polite", 10, 20, RULE)


def _drawn(truth: Sequence[bool], rng: random.Random) -> list[bool]:
    """A judge that is right three times of four, whatever people say."""
    return [passes if rng.random() < 0.75 else not passes for passes in truth]


def test_changes_of_nothing_are_seldom_accepted_over_a_year_of_attempts() -> None:
    """Forty judges, ten attempts each on the same held-out labels, nothing ever better: hardly one is accepted.

    A level of 5 % each week, without guards, would accept a change of nothing for about a third of them.
    """
    rng = random.Random(1)
    accepted = fooled = 0
    for _ in range(40):
        truth = [rng.random() < 0.5 for _ in range(80)]
        items = [
            Labelled(
                trace_id=f"t{n}", passes=passes, said=said, judge=float(said), group=f"g{n}",
                split=Split.HELD_OUT, labelled_at=AT,
            )
            for n, (passes, said) in enumerate(zip(truth, _drawn(truth, rng), strict=True))
        ]  # fmt: skip
        year = [{f"t{n}": said for n, said in enumerate(_drawn(truth, rng))} for _ in range(10)]
        found = [decide_trial("m", "p", "n", items, said, level_of(RULE, k), RULE) for k, said in enumerate(year)]
        accepted += any(one.verdict.outcome is Outcome.ACCEPTED for one in found)
        fooled += any(one.verdict.p_value is not None and one.verdict.p_value < 0.05 for one in found)
    assert accepted <= 4  # at 5 % more happens once in thirty
    assert fooled >= 3  # the world does tempt


def test_the_interval_of_a_kappa_gain_knows_what_is_undefined() -> None:
    """Two groups are the least; people of one mind have no kappa."""
    assert None is kappa_gain([], {})
    found = trial((True, True, True, 30))
    assert (None, None) == (found.kappa_low, found.before.kappa)
