"""Agreement that falls while nobody changes the judge is noticed, and one that does not is left alone."""

import math
import random
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from burnish.domain.alignment import drift
from burnish.domain.alignment.drift import Match, drift_of, fall_of, looks_by

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


def matches(*stretches: tuple[int, float], seed: int = 0, a_day: int = 4) -> list[Match]:
    """Labels on traces that began one after the other: so many, of which the judge is right on such a share."""
    rng = random.Random(seed)
    right = [float(rng.random() < share) for count, share in stretches for _ in range(count)]
    times = [START + timedelta(days=number / a_day) for number in range(len(right))]
    return [Match(at, at, one, str(number)) for number, (at, one) in enumerate(zip(times, right, strict=True))]


def test_a_fall_is_found_with_when_it_began() -> None:
    """95 % right in the first 70, 55 % in the next: the cut lies near the change and the rates on either side."""
    found = drift_of(matches((70, 0.95), (70, 0.55)), 0.05)
    assert found.found
    assert found.since is not None
    assert abs(found.since - (START + timedelta(days=70 / 4))) < timedelta(days=4)
    assert found.before is not None
    assert found.after is not None
    assert found.before.share > 0.85 > 0.7 > found.after.share
    assert "has fallen" in found.reason


@pytest.mark.parametrize("stretches", [((70, 0.55), (70, 0.95)), ((140, 0.8),), ((140, 1.0),)])
def test_what_rises_or_stays_is_no_drift(stretches: tuple[tuple[int, float], ...]) -> None:
    """A judge that came to agree, one that errs as ever, and one that never errs."""
    assert not drift_of(matches(*stretches), 0.05).found


def test_the_chance_of_a_fall_is_that_of_all_orders() -> None:
    """Counted over every arrangement of 4 errors among 22: the drawn p-value is the exact one."""
    right = [1.0] * 16 + [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]

    def largest(wrong: tuple[int, ...]) -> float:
        falls = []
        for cut in range(drift.EITHER_SIDE, len(right) - drift.EITHER_SIDE + 1):
            early = sum(one < cut for one in wrong)
            after = len(right) - cut
            gap = (len(wrong) - early) / after - early / cut
            falls.append(gap * math.sqrt(cut * after / len(right)))
        return max(falls)

    orders = [largest(wrong) for wrong in combinations(range(22), 4)]
    seen = largest(tuple(n for n, one in enumerate(right) if not one))
    exact = sum(one >= seen - 1e-12 for one in orders) / len(orders)
    assert exact == pytest.approx(fall_of(right, draws=40_000).p_value, abs=0.005)


def test_watching_for_a_life_cries_wolf_at_most_as_often_as_it_says() -> None:
    """150 judges right on 85 %, never changing, each looked at at 40, 60, 90 and 135 labels: 5 % are allowed."""
    alarms = 0
    for seed in range(150):
        right = [one.right for one in matches((135, 0.85), seed=seed)]
        looks = [(look, round(40 * 1.5 ** (look - 1))) for look in (1, 2, 3, 4)]
        alarms += any(
            fall_of(right[:size], draws=499, seed=seed).p_value <= 0.05 / (look * (look + 1)) for look, size in looks
        )
    assert alarms / 150 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 150)


def test_looks_come_at_half_as_many_labels_again_and_share_the_level() -> None:
    """Between looks nothing new is said, and all of them together spend no more than the level."""
    assert [(0, 0), (1, 40), (1, 40), (2, 60), (3, 90), (4, 135)] == [
        looks_by(count) for count in (39, 40, 59, 60, 134, 135)
    ]
    few, more = drift_of(matches((40, 0.9), seed=3), 0.05), drift_of(matches((59, 0.9), seed=3), 0.05)
    assert few.p_value == more.p_value
    assert sum(0.05 / (look * (look + 1)) for look in range(1, 10_000)) < 0.05


def test_what_was_labelled_later_waits_for_the_next_look() -> None:
    """Old traces labelled late do not change a look that was held: which labels it has is fixed by when they came."""
    items = matches((59, 0.9), seed=3)
    late = [one._replace(labelled_at=START + timedelta(days=300), right=0.0) for one in items[:19]]
    assert drift_of(items[19:], 0.05).p_value == drift_of([*late, *items[19:]], 0.05).p_value


def test_a_long_session_is_one_voice() -> None:
    """Twenty traces of one conversation that went wrong are one unit, and too few to look at."""
    items = [one._replace(unit="one session") for one in matches((60, 0.2))]
    assert 0 == drift_of(items, 0.05).look


def test_weeks_tell_how_it_went() -> None:
    """Windows begin on Mondays; a week without labels is left out."""
    weeks = drift_of([*matches((28, 1.0)), Match(START + timedelta(days=21), START, 0.0, "late")], 0.05).windows
    assert [(START, 28, 1.0), (START + timedelta(days=21), 1, 0.0)] == [
        (one.start, one.right.count, one.right.share) for one in weeks
    ]


@pytest.mark.parametrize("level", [0.05, 0.001])
def test_a_look_can_find_what_it_is_allowed_to(level: float) -> None:
    """However small the part of the level, enough orders are drawn that a plain fall gets below it."""
    found = drift_of(matches((300, 0.98), (300, 0.3)), level)
    assert (7, True) == (found.look, found.found)


def test_drawing_ends_early_where_nothing_is_to_be_found() -> None:
    """The chance is the same within what drawing leaves open, from a part of the draws."""
    right = [one.right for one in matches((200, 0.8), seed=4)]
    assert fall_of(right, draws=drift.ENOUGH - 1).p_value == pytest.approx(fall_of(right).p_value, abs=0.07)
    assert fall_of(right).p_value == fall_of(right, draws=1_000_000).p_value
