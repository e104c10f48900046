"""Evidence carried over nights counts every group once, and only what was measured alike."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.datasets import Split
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.gate import GateRule, Outcome, Tonight, Verdict, decide, enough
from burnish.domain.gate.differences import Differences
from burnish.domain.gate.eprocess import evidence, log_wealth
from burnish.loop.carry import carried_over

RULE = GateRule(mode="e_process", across_nights="fixed", level=0.05)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}") as opened:
        yield opened


def runs(experiment: str, arm: str, scores: dict[str, float | None]) -> list[Run]:
    return [
        Run(
            key=RunKey(experiment_id=experiment, arm=arm, example_id=example),
            version_id=arm,
            status=RunStatus.UNMEASURED if score is None else RunStatus.OK,
            scores={} if score is None else {"right": score},
        )
        for example, score in scores.items()
    ]


def night(store: Store, number: int, before: dict[str, float | None], after: dict[str, float | None]) -> None:
    """One night's attempt at proposal p, as the store keeps it."""
    name = f"desk/{number}"
    store.attempts.open("desk", name, "p", RULE)
    store.experiments.start(
        Experiment(
            id=f"e{number}",
            agent="desk",
            night=name,
            split=Split.HELD_OUT,
            arms=("baseline", "p"),
            versions={"baseline": "b", "p": "p"},
            dataset_fingerprint="f",
            metric="right",
            created_at=utc_now(),
        )
    )
    store.experiments.add_runs([*runs(f"e{number}", "baseline", before), *runs(f"e{number}", "p", after)])


def test_copies_of_an_example_are_one_bet(store: Store) -> None:
    """Ten copies carry over what one example does, and one copy spends all of them."""
    groups = {f"e{n}": f"g{n // 10}" for n in range(40)}
    night(store, 1, {f"e{n}": 0.0 for n in range(20)}, {f"e{n}": 1.0 for n in range(20)})
    night(store, 2, {f"e{n}": 0.0 for n in range(15, 25)}, {f"e{n}": 1.0 for n in range(15, 25)})
    wealth, spent = carried_over(store, "desk", "desk/9", "p", "right", "baseline", groups, RULE)
    assert np.allclose(wealth, log_wealth(Differences(np.ones(3))))
    assert {f"e{n}" for n in range(30)} == set(spent)


def test_a_night_that_lost_one_arm_carries_nothing_over(store: Store) -> None:
    """Time-outs of the candidate alone would leave only what it got right."""
    ids = [f"e{n}" for n in range(40)]
    after: dict[str, float | None] = {i: None if n < 12 else 1.0 for n, i in enumerate(ids)}
    night(store, 1, dict.fromkeys(ids, 0.0), after)
    assert ((), frozenset()) == carried_over(store, "desk", "desk/9", "p", "right", "baseline", {}, RULE)


def carried_only(wealth: Sequence[float], level: float = 0.05, guards: tuple[str, ...] = ()) -> Verdict:
    plan = Tonight.plan(level, [], RULE, {}).model_copy(update={"carried": tuple(wealth)}).after(1)
    assert enough("right", [], [], RULE, plan)
    return decide("p", "e", "right", [], [], RULE, guards=guards, tonight=plan)


def test_without_a_fresh_example_the_carried_evidence_decides() -> None:
    """Enough of it is accepted, too little refused, and a guard that nobody measured vouches for nothing."""
    strong, weak = log_wealth(Differences(np.ones(20))), log_wealth(Differences(np.ones(2)))
    accepted, refused = carried_only(strong.tolist()), carried_only(weak.tolist())
    assert (Outcome.ACCEPTED, Outcome.REFUSED) == (accepted.outcome, refused.outcome)
    assert math.isclose(accepted.p_value or 1, math.exp(-evidence(Differences(np.ones(20)))))
    assert "earlier nights" in " ".join(accepted.reasons)
    assert Outcome.INCONCLUSIVE is carried_only(strong.tolist(), guards=("safety",)).outcome
    assert Verdict.model_validate_json(accepted.model_dump_json()) == accepted


def test_a_bet_is_on_a_whole_group_and_stays_as_it_was_settled() -> None:
    """A group of which members are still to come is no evidence yet, so wealth is won example by example only."""
    ids = [f"e{n:02}" for n in range(40)]
    groups = {i: f"g{n % 20}" for n, i in enumerate(ids[:38])}  # e00 to e17 have their partner in the second half
    before = runs("e", "b", dict.fromkeys(ids, 0.0))
    after = runs("e", "c", {i: 1.0 if n < 20 else 0.0 for n, i in enumerate(ids)})
    plan = Tonight(level=0.05, order=tuple(ids), sizes=(20, 40), groups=groups)
    (first,) = decide("p", "e", "right", before, after, RULE, tonight=plan.after(1)).looks
    whole = decide("p", "e", "right", before, after, RULE, tonight=plan.after(2)).looks
    assert 2 == first.pairs
    assert first == whole[0]
    assert math.isclose(first.z * math.log(10), evidence(Differences(np.ones(2))))


def test_looks_do_not_cut_a_group() -> None:
    """Where members stand together, a look ends with the group that it would have cut."""
    ids = [f"e{n:03}" for n in range(100)]
    groups = {i: f"g{n // 7}" for n, i in enumerate(ids)}
    assert (28, 56, 77, 100) == Tonight.plan(0.01, ids, GateRule(), groups).sizes
    assert (100,) == Tonight.plan(0.01, ids, GateRule(), dict.fromkeys(ids, "one")).sizes


def test_tied_groups_carried_over_keep_the_level() -> None:
    """Ten groups of ten alike examples, bet on over two nights, cross in at most the level's share without a gain."""
    rng = np.random.default_rng(31)
    trials, level, wrong, naive = 1000, 0.05, 0, 0
    groups = np.repeat(np.arange(10), 10)
    for _ in range(trials):
        nights = [Differences(rng.choice([-1.0, 0.0, 1.0], size=10)[groups], groups) for _ in range(2)]
        wrong += evidence(nights[1], log_wealth(nights[0]).tolist()) >= -math.log(level)
        naive += evidence(Differences(nights[0].values)) >= -math.log(level)
    assert wrong <= level * trials
    assert naive > 2 * level * trials
