"""Which judges may be believed: unaligned, aligned or stale."""

from datetime import UTC, datetime, timedelta

import pytest

from burnish.domain.agreement import AlignmentState, JudgeRule, JudgeStanding, Rating, stand
from burnish.domain.alignment.drift import Drift
from burnish.domain.alignment.measurement import Alignment, as_of
from burnish.domain.alignment.state import Earlier, with_history

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RULE = JudgeRule()
FALLEN = Drift(found=True, reason="Agreement fell from 0.95 to 0.70.")
WAS = Earlier("v0", "small", NOW - timedelta(days=30))


def standing(right: int, of: int) -> JudgeStanding:
    """A judge that agrees with people on `right` of `of` items, half of which people pass."""
    ratings = [Rating(float(n % 2) if n < right else 1.0 - n % 2, (float(n % 2),)) for n in range(of)]
    return stand("helpful", "v1", ratings, 0.5, RULE)


@pytest.mark.parametrize(
    ("right", "of", "drift", "age", "earlier", "state"),
    [
        pytest.param(38, 40, None, 3, None, "aligned", id="holds"),
        pytest.param(38, 40, None, None, None, "aligned", id="age unknown"),
        pytest.param(0, 0, None, None, None, "unaligned", id="never labelled"),
        pytest.param(20, 20, None, 3, None, "unaligned", id="too few labels"),
        pytest.param(20, 20, None, 3, WAS, "stale", id="changed since it was aligned"),
        pytest.param(0, 0, None, None, WAS, "stale", id="changed and not labelled yet"),
        pytest.param(26, 40, None, 3, WAS, "unaligned", id="below the floor, whatever it was"),
        pytest.param(26, 40, FALLEN, 300, WAS, "unaligned", id="below the floor outranks drift and age"),
        pytest.param(38, 40, FALLEN, 3, None, "stale", id="drift"),
        pytest.param(38, 40, Drift(look=1), 3, None, "aligned", id="looked for drift in vain"),
        pytest.param(38, 40, None, 91, None, "stale", id="old labels"),
        pytest.param(38, 40, None, 90, None, "aligned", id="labels just young enough"),
    ],
)
def test_the_first_line_of_the_table_that_fits_decides(
    right: int, of: int, drift: Drift | None, age: int | None, earlier: Earlier | None, state: str
) -> None:
    """Only an aligned judge carries, and every other one is told what to do."""
    newest = None if age is None else NOW - timedelta(days=age)
    found = with_history(standing(right, of), RULE, now=NOW, newest_label_at=newest, drift=drift, earlier=earlier)
    assert AlignmentState(state) is found.state
    assert (state == "aligned") is found.can_carry
    assert ("cannot carry a pull request alone" in found.reason) is not found.can_carry
    if state == "stale":
        assert "Label" in found.reason


@pytest.mark.parametrize(
    ("earlier", "model", "said"),
    [
        (WAS, "large", "aligned with people on 2026-01-30, but its model was small then and is large now"),
        (WAS, "small", "but it was changed since"),
        (Earlier("v1", None, NOW), None, "labels that said so are gone"),
    ],
)
def test_a_stale_judge_says_what_has_changed(earlier: Earlier, model: str | None, said: str) -> None:
    """Another model is named, another rubric is not called another model."""
    assert said in with_history(standing(0, 0), RULE, now=NOW, earlier=earlier, model=model).reason


def test_how_long_agreement_lasts_is_the_agents_to_set() -> None:
    """[gate.judges] stale_after_days."""
    newest = NOW - timedelta(days=20)
    rule = JudgeRule(stale_after_days=14)
    assert AlignmentState.STALE is with_history(standing(40, 40), rule, now=NOW, newest_label_at=newest).state


def measured(state: str, version: str = "v1", model: str = "small", age: int = 3) -> Alignment:
    """What was found so many days ago, of labels as old."""
    return Alignment(
        agent="support",
        judge="helpful",
        version=version,
        model=model,
        measured_at=NOW - timedelta(days=age),
        held_out=standing(38, 40).agreement,
        newest_label_at=NOW - timedelta(days=age),
        state=AlignmentState(state),
        reason="So it is.",
    )


@pytest.mark.parametrize(
    ("newest", "state", "said"),
    [
        (None, "unaligned", "Nobody has measured"),
        (measured("aligned"), "aligned", "So it is."),
        (measured("stale"), "stale", "So it is."),
        (measured("unaligned"), "unaligned", "So it is."),
        (measured("aligned", age=100), "stale", "100 days old"),
        (measured("aligned", "v0"), "stale", "as another version"),
        (measured("aligned", "v0", "large"), "stale", "answered by large"),
        (measured("unaligned", "v0"), "unaligned", "was unaligned on 2026-02-26"),
    ],
)
def test_an_old_measurement_is_read_as_of_today(newest: Alignment | None, state: str, said: str) -> None:
    """A list that measures nothing knows that days have passed and that the judge was changed."""
    found, why = as_of(newest, "helpful", "v1", RULE, NOW, "small")
    assert AlignmentState(state) is found
    assert said in why


@pytest.mark.parametrize("of", [1, 29, 60])
def test_a_judge_and_people_who_say_the_same_of_everything_are_no_crash(of: int) -> None:
    """The first labels of a project often agree with the judge throughout: nothing is known yet."""
    found = stand("helpful", "v1", [Rating(1.0, (1.0,))] * of, 0.5, RULE)
    assert (AlignmentState.UNALIGNED, None, of) == (found.state, found.agreement.kappa, found.agreement.items)


def test_a_floor_that_was_raised_counts_at_once() -> None:
    """What was measured under an easier rule is held against the agent's present one, without measuring."""
    newest = measured("aligned")
    assert AlignmentState.ALIGNED is as_of(newest, "helpful", "v1", JudgeRule(kappa_floor=0.8), NOW, "small")[0]
    for rule, said in ((JudgeRule(kappa_floor=0.95), "floor of 0.95"), (JudgeRule(minimum_labels=50), "50 are needed")):
        state, why = as_of(newest, "helpful", "v1", rule, NOW, "small")
        assert AlignmentState.UNALIGNED is state
        assert said in why
