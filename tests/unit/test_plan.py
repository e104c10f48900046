"""The plan of a night: from stated assumptions before any run, from what is stored afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.databases import sqlite_url

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example, Split
from burnish.domain.evaluators.base import CodeCheck, Evaluator
from burnish.domain.evaluators.judge import Judge
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.gate import GateRule, begin
from burnish.domain.plan import points
from burnish.loop.plan import plan_agent, plan_markdown
from burnish.project import AgentConfig


class Right(CodeCheck):
    kind = "right_in_test"


RIGHT = (Right(name="right"),)
BASE: dict[str, Any] = {
    "name": "desk",
    "repository": {"url": "unused"},
    "target": {"kind": "prompt", "prompt": "p.md", "concurrency": 5},
    "improve": {"metric": "right", "candidates": 3, "dev_limit": 60, "repetitions": 1},
    "gate": {"level": 0.05, "across_nights": "fixed"},
}


def config(**more: Any) -> AgentConfig:
    return AgentConfig.model_validate({**BASE, **more})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(sqlite_url(tmp_path)) as opened:
        opened.datasets.add("desk", "main", [*examples(Split.DEV, 0, 20), *examples(Split.HELD_OUT, 20, 61)])
        yield opened


def examples(split: Split, first: int, last: int) -> list[tuple[Example, Split]]:
    return [(Example(id=f"e{n:03}", input=str(n), expected="yes", group=f"g{n}"), split) for n in range(first, last)]


def measured(store: Store, night: str, scores: dict[int, list[float | None]], split: Split = Split.DEV) -> None:
    """A night's baseline: the scores of each example's repetitions, None for an unmeasured run."""
    experiment = Experiment(
        id=f"{night}-{split.value}", agent="desk", night=night, split=split, arms=("baseline",),
        versions={"baseline": "v"}, dataset_fingerprint="f", metric="right", created_at=utc_now(),
    )  # fmt: skip
    store.experiments.start(experiment)
    store.experiments.add_runs(
        [
            Run(
                key=RunKey(experiment_id=experiment.id, arm="baseline", example_id=f"e{n:03}", repetition=repetition),
                version_id="v",
                status=RunStatus.UNMEASURED if score is None else RunStatus.OK,
                scores={} if score is None else {"right": score},
                cost_usd=0.01,
                latency_s=3.0,
            )
            for n, answers in scores.items()
            for repetition, score in enumerate(answers)
        ]
    )


def test_before_anything_exists_there_is_a_plan() -> None:
    """Without a store, the plan says what would be needed, on the stated assumption of 20 % flips."""
    found = plan_agent(config(), RIGHT, None)
    assert (0, None, "assumed", 0.2) == (found.examples, found.gain, found.flips.basis, found.flips.share)
    assert {0.15: 73, 0.1: 158, 0.05: 596, 0.03: 1606} == {need.gain: need.missing for need in found.needs}
    assert "no verdict is possible: [gate] minimum_pairs asks for 20" in found.sentences[0]
    assert "It is assumed that 20% of the answers flip" in plan_markdown(found)


def test_the_plan_names_the_gain_that_can_be_seen_and_what_is_missing(store: Store) -> None:
    """With 41 held-out examples, +20 points can be seen, and +10 needs 117 more."""
    found = plan_agent(config(), RIGHT, store)
    first, second, *_ = found.sentences
    assert "With 41 held-out examples and 1 run of each, a gain of +20 points or more is seen in 80% of" in first
    assert second.startswith("+10 points needs 117 more; +5 points needs 555 more (with 3 runs of each: 42 and 239")
    assert "held_out_limit is 150" in second
    assert "+10 points | 158 | 83 | 117 |" in plan_markdown(found)


def test_flips_come_from_repetitions_where_there_are_some(store: Store) -> None:
    """Half of the examples change their answer in one of two runs; unmeasured runs say nothing."""
    measured(store, "desk/1", {n: [1.0, float(n % 2), None] for n in range(20)})
    found = plan_agent(config(), RIGHT, store).flips
    assert ("repetitions", 0.5, 20) == (found.basis, found.share, found.examples)


def test_flips_come_from_several_nights_where_nothing_was_repeated(store: Store) -> None:
    """One run a night of the same version: two nights tell; one alone leaves the assumption standing."""
    measured(store, "desk/1", {n: [1.0] for n in range(20)})
    assert "assumed" == plan_agent(config(), RIGHT, store).flips.basis
    measured(store, "desk/2", {n: [float(n % 4 > 0)] for n in range(20)})
    found = plan_agent(config(), RIGHT, store)
    assert ("nights", 0.25) == (found.flips.basis, found.flips.share)
    assert found.gain is not None
    given = plan_agent(config(), RIGHT, store, flips=0.0)
    assert given.gain is not None
    assert given.gain < found.gain


def test_sealed_runs_are_not_looked_at(store: Store) -> None:
    """Runs on the held-out split tell the plan nothing: neither flips nor cost."""
    measured(store, "desk/1", {n: [1.0, 0.0] for n in range(20, 60)}, Split.HELD_OUT)
    found = plan_agent(config(), RIGHT, store)
    assert ("assumed", None, None) == (found.flips.basis, found.outlay.usd, found.outlay.seconds)


def test_a_night_is_priced_from_stored_runs_and_held_against_the_budget(store: Store) -> None:
    """20 dev examples by 4 arms and 41 held-out by 2, at the mean price and time of stored runs."""
    measured(store, "desk/1", {n: [1.0] for n in range(20)})
    found = plan_agent(config(budget={"usd": 2.0, "calls": 500}), RIGHT, store)
    assert (80, 82, 162) == (found.outlay.dev_runs, found.outlay.held_out_runs, found.outlay.calls)
    assert found.outlay.usd == pytest.approx(1.62)
    assert found.outlay.seconds == pytest.approx(162 * 3.0 / 5)
    assert found.outlay.covered
    assert not any("does not cover" in sentence for sentence in found.sentences)


@pytest.mark.parametrize(
    ("budget", "evaluators"),
    [
        pytest.param({"usd": 1.0}, RIGHT, id="dollars"),
        pytest.param({"calls": 100}, RIGHT, id="calls"),
        pytest.param({"calls": 200}, (Judge(name="right", rubric="Is it right?"),), id="calls of the judge"),
    ],
)
def test_a_budget_that_is_too_small_is_said_before_it_is_spent(
    store: Store, budget: dict[str, Any], evaluators: tuple[Evaluator, ...]
) -> None:
    """A night that the budget does not cover ends inconclusive, so the plan says what to change."""
    measured(store, "desk/1", {n: [1.0] for n in range(20)})
    found = plan_agent(config(budget=budget), evaluators, store)
    assert not found.outlay.covered
    assert any("The budget does not cover this" in sentence for sentence in found.sentences)


def test_a_metric_from_a_judge_shows_its_standing(store: Store) -> None:
    """A judge that nobody has labelled is said to carry nothing, before the night pays for it."""
    found = plan_agent(config(), (Judge(name="right", rubric="Is it right?"),), store)
    assert [False] == [judge.can_carry for judge in found.judges]
    assert "cannot carry a pull request alone" in found.sentences[-1]
    assert () == plan_agent(config(), RIGHT, store).judges


def test_the_limit_bounds_what_is_used(store: Store) -> None:
    """Examples beyond the limit do not count towards the power."""
    found = plan_agent(config(improve={"metric": "right", "held_out_limit": 25}), RIGHT, store)
    assert (41, 25) == (found.held_out, found.examples)


def test_points_are_written_as_people_say_them() -> None:
    """Whole points, with a digit where a small gain has one."""
    assert ["+10 points", "+5 points", "+7.3 points", "+25 points"] == [points(g) for g in (0.1, 0.05, 0.073, 0.254)]


def test_a_plan_reckons_with_the_level_that_the_next_attempt_would_get(store: Store) -> None:
    """SAFFRON has less for the night after one without evidence, so the plan shows less."""
    agent = config().model_copy(update={"gate": GateRule()})
    fresh = plan_agent(agent, RIGHT, store)
    store.attempts.open(agent.name, "n1", "p", agent.gate)
    later = plan_agent(agent, RIGHT, store)
    assert (begin(agent.gate).tonight(), store.attempts.next_level(agent.name, agent.gate)) == (
        fresh.level,
        later.level,
    )
    assert fresh.level > later.level
