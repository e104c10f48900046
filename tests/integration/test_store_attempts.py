"""The log of attempts: spent once, whatever happens to the night."""

from collections.abc import Iterator

import pytest

from burnish.adapters.store import Store
from burnish.domain.gate import GateRule, Outcome, Verdict, begin
from burnish.errors import NotFoundError

RULE = GateRule()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url) as opened:
        yield opened


def verdict(proposal: str, p_value: float, outcome: Outcome = Outcome.REFUSED) -> Verdict:
    return Verdict(
        proposal_id=proposal, experiment_id="e", outcome=outcome, reasons=("So it is.",), level=0.01, p_value=p_value
    )


def test_opening_again_gives_the_same_attempt(store: Store) -> None:
    """A resumed night has the level it began with, before and after it is closed."""
    first = store.attempts.open("a", "a/1", "p", RULE)
    assert first == store.attempts.open("a", "a/1", "p", RULE)
    done = store.attempts.close("a", "a/1", verdict("p", 0.4))
    assert done == store.attempts.open("a", "a/1", "p", RULE)
    assert done == store.attempts.close("a", "a/1", verdict("p", 0.4))
    assert [done] == store.attempts.list("a")


def test_the_examples_of_an_attempt_are_fixed_when_it_is_opened(store: Store) -> None:
    """What comes into the held-out split before a restart joins the next measurement, not this one."""
    first = store.attempts.open("a", "a/1", "p", RULE, ["x", "y"])
    assert ("x", "y") == first.order == store.attempts.open("a", "a/1", "p", RULE, ["z", "x", "y"]).order


def test_the_next_level_can_be_asked_for_without_spending_it(store: Store) -> None:
    """What a plan says is what the next attempt gets."""
    store.attempts.open("a", "a/1", "p", RULE)
    said = [store.attempts.next_level("a", RULE) for _ in range(2)]
    assert [store.attempts.open("a", "a/2", "q", RULE).level] * 2 == said


def test_levels_follow_what_was_found(store: Store) -> None:
    """A night without evidence leaves less for the next, a discovery more; another agent has its own wealth."""
    state = begin(RULE)
    for night, (p_value, outcome) in enumerate(
        [(0.6, Outcome.REFUSED), (0.0001, Outcome.ACCEPTED), (0.9, Outcome.REFUSED)]
    ):
        attempt = store.attempts.open("a", f"a/{night}", "p", RULE)
        assert (night + 1, state.tonight()) == (attempt.number, attempt.level)
        store.attempts.close("a", f"a/{night}", verdict("p", p_value, outcome))
        state = state.after(p_value)
    levels = [attempt.level for attempt in store.attempts.list("a")]
    assert levels[0] > levels[1]
    assert levels[2] > levels[1]
    assert levels[0] == store.attempts.open("b", "b/0", "p", RULE).level


def test_an_attempt_left_open_is_spent(store: Store) -> None:
    """Killing a night gives nothing back, and what it comes to later changes no level that was given out since."""
    store.attempts.open("a", "a/1", "p", RULE)
    second = store.attempts.open("a", "a/2", "q", RULE)
    assert begin(RULE).after(1.0).tonight() == second.level
    late = store.attempts.close("a", "a/1", verdict("p", 0.00001, Outcome.ACCEPTED))
    assert (1.0, 0.00001, Outcome.ACCEPTED) == (late.counts_as, late.p_value, late.outcome)
    assert second == store.attempts.open("a", "a/2", "q", RULE)
    store.attempts.close("a", "a/2", verdict("q", 0.7))
    assert begin(RULE).after(1.0).after(0.7).tonight() == store.attempts.open("a", "a/3", "r", RULE).level


def test_a_changed_rule_does_not_renew_the_wealth(store: Store) -> None:
    """Attempts made under other settings count under the new ones too."""
    store.attempts.open("a", "a/1", "p", RULE)
    store.attempts.close("a", "a/1", verdict("p", 0.6))
    other = RULE.model_copy(update={"wealth": 0.04})
    assert begin(other).after(0.6).tonight() == store.attempts.open("a", "a/2", "q", other).level
    fixed = RULE.model_copy(update={"across_nights": "fixed"})
    assert 0.01 == store.attempts.open("a", "a/3", "r", fixed).level
    assert begin(RULE).after(0.6).after(1.0).after(1.0).tonight() == store.attempts.open("a", "a/4", "s", RULE).level


def test_a_changed_rule_credits_no_discovery_that_opened_no_pull_request(store: Store) -> None:
    """A p-value that was refused then is not a discovery now, where the new rule's level would have been higher."""
    strict = RULE.model_copy(update={"wealth": 0.015})
    attempt = store.attempts.open("a", "a/1", "p", strict)
    assert attempt.level < 0.01 < begin(RULE).tonight()
    store.attempts.close("a", "a/1", verdict("p", 0.01))
    assert begin(RULE).after(1.0).tonight() == store.attempts.open("a", "a/2", "q", RULE).level


def test_a_night_that_cannot_be_trusted_is_spent(store: Store) -> None:
    """A promising p-value of an inconclusive night, or of one whose guards failed, is not spared its price."""
    store.attempts.open("a", "a/1", "p", RULE)
    assert 1.0 == store.attempts.close("a", "a/1", verdict("p", 0.1, Outcome.INCONCLUSIVE)).counts_as
    failed = verdict("q", 0.1).model_copy(update={"guards_held": False})
    store.attempts.open("a", "a/2", "q", RULE)
    assert 1.0 == store.attempts.close("a", "a/2", failed).counts_as


def test_a_gain_that_a_guard_refused_is_no_discovery(store: Store) -> None:
    """The night's hypothesis is the whole change, so its p-value counts as 1."""
    store.attempts.open("a", "a/1", "p", RULE)
    assert 1.0 == store.attempts.close("a", "a/1", verdict("p", 0.00001)).counts_as


def test_closing_what_was_never_opened_is_an_error(store: Store) -> None:
    """Nothing is decided at a level that was not booked first."""
    with pytest.raises(NotFoundError, match="open it before measuring"):
        store.attempts.close("a", "a/1", verdict("p", 0.5))
