"""The gate against recorded outcomes of real agents (beside the project; skipped where absent)."""

import itertools
import json
import math
from typing import Any

import pytest
from support.shared_data import shared

from burnish.domain.base import content_hash
from burnish.domain.experiments import Run, RunKey, RunStatus
from burnish.domain.gate import GateRule, Outcome, Tonight, Verdict, begin, decide, enough
from burnish.domain.statistics import mcnemar

RULE = GateRule(level=0.05, minimum_pairs=20)


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shared(name).read_text(encoding="utf-8").splitlines() if line.strip()]


def run(arm: str, example: object, score: float | None) -> Run:
    return Run(
        key=RunKey(experiment_id="e", arm=arm, example_id=str(example)),
        version_id=arm,
        status=RunStatus.UNMEASURED if score is None else RunStatus.OK,
        scores={} if score is None else {"reward": score},
    )


def tau(arm: str, rows: list[dict[str, Any]]) -> list[Run]:
    """Crashes of the harness (an error, or an empty trajectory) are unmeasured, never wrong."""
    return [
        run(arm, r["task_id"], None if r["info"].get("error") or not r["traj"] else float(r["reward"])) for r in rows
    ]


def decided(baseline: list[Run], candidate: list[Run], rule: GateRule = RULE) -> Verdict:
    return decide("p", "e", "reward", baseline, candidate, rule)


def test_the_same_agent_against_itself_is_never_accepted() -> None:
    """Four trials of one airline agent: none of the twelve ordered pairs opens a pull request."""
    rows = lines("traces_tau/airline_gpt4o_4trials.jsonl")
    trials = {n: tau(str(n), [r for r in rows if r["trial"] == n]) for n in range(4)}
    outcomes = {(a, b): decided(trials[a], trials[b]).outcome for a, b in itertools.permutations(sorted(trials), 2)}
    assert [pair for pair, outcome in outcomes.items() if outcome is Outcome.ACCEPTED] == []
    assert len(outcomes) == 12


def test_retail_preconditions_are_refused() -> None:
    """The retail agent with preconditions is not shown to be better than its base on the same 100 tasks."""
    base = tau("base", lines("traces_tau/retail_base.jsonl"))
    changed = tau("preconditions", lines("traces_tau/retail_preconditions.jsonl"))
    verdict = decided(base, changed)
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.comparison is not None
    assert verdict.comparison.pairs == 100


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_decisions_on_bbh_equal_exact_mcnemar(level: float) -> None:
    """On every task, sums equal the published summary and the verdict is exact McNemar's, both ways round."""
    items = lines("gate/bbh_direct_vs_cot_items.jsonl")[1:]  # record 0 is the canary
    tasks = [r for r in lines("gate/bbh_direct_vs_cot_summary.jsonl") if "task" in r]
    assert len(tasks) == 15
    for task in tasks:
        rows = [r for r in items if r["task"] == task["task"]]
        direct = [run("direct", r["i"], float(r["direct_correct"])) for r in rows]
        cot = [run("cot", r["i"], float(r["cot_correct"])) for r in rows]
        rule = GateRule(level=level)
        verdict = decided(direct, cot, rule)
        result = verdict.comparison
        assert result is not None
        assert (result.pairs, result.wins, result.losses) == (task["n"], task["cot_only"], task["direct_only"])
        assert math.isclose(result.baseline_mean, task["direct_acc"], abs_tol=1e-4)
        assert math.isclose(result.candidate_mean, task["cot_acc"], abs_tol=1e-4)
        two_sided = min(1.0, 2 * mcnemar(max(result.wins, result.losses), min(result.wins, result.losses)))
        assert math.isclose(two_sided, task["mcnemar_exact_p"], abs_tol=1e-6)
        expected = Outcome.ACCEPTED if mcnemar(task["cot_only"], task["direct_only"]) < level else Outcome.REFUSED
        assert verdict.outcome is expected
        back = Outcome.ACCEPTED if mcnemar(task["direct_only"], task["cot_only"]) < level else Outcome.REFUSED
        assert decided(cot, direct, rule).outcome is back


def looked(baseline: list[Run], candidate: list[Run], level: float, rule: GateRule) -> Verdict:
    """As a night goes: examples in the order of a hash, a decision after every look, no more runs than needed."""
    ids = sorted({r.key.example_id for r in [*baseline, *candidate]}, key=lambda i: content_hash("limit", i))
    tonight = Tonight.plan(level, ids, rule, {})
    for size in tonight.sizes:
        tonight = tonight.after(tonight.taken + 1)
        seen = set(ids[:size])
        before = [r for r in baseline if r.key.example_id in seen]
        after = [r for r in candidate if r.key.example_id in seen]
        if enough("reward", before, after, rule, tonight):
            break
    return decide("p", "e", "reward", before, after, rule, tonight=tonight)


MODES = [GateRule(), GateRule(mode="fixed_sample"), GateRule(mode="e_process")]


@pytest.mark.parametrize("rule", MODES, ids=lambda rule: rule.mode)
def test_the_same_agent_is_not_accepted_at_any_look(rule: GateRule) -> None:
    """The airline trials one against one and two against two, in every mode, on the first night's level and at 5 %."""
    rows = lines("traces_tau/airline_gpt4o_4trials.jsonl")
    trials = {n: tau("x", [r for r in rows if r["trial"] == n]) for n in range(4)}
    for level in (begin(rule).tonight(), 0.05):
        for left, right in itertools.permutations(range(4), 2):
            assert Outcome.ACCEPTED is not looked(trials[left], trials[right], level, rule).outcome
        for left in itertools.combinations(range(4), 2):
            right = [n for n in range(4) if n not in left]
            arms = [
                [
                    r.model_copy(update={"key": r.key.model_copy(update={"repetition": repetition})})
                    for repetition, n in enumerate(side)
                    for r in trials[n]
                ]
                for side in (left, right)
            ]
            assert Outcome.ACCEPTED is not looked(arms[0], arms[1], level, rule).outcome


@pytest.mark.parametrize("rule", MODES, ids=lambda rule: rule.mode)
def test_retail_preconditions_are_refused_at_a_look(rule: GateRule) -> None:
    """73 before and 70 after is no gain, however it is looked at."""
    base = tau("base", lines("traces_tau/retail_base.jsonl"))
    changed = tau("preconditions", lines("traces_tau/retail_preconditions.jsonl"))
    assert (73, 70) == tuple(sum(r.scores.get("reward", 0.0) for r in arm) for arm in (base, changed))
    assert Outcome.REFUSED is looked(base, changed, begin(rule).tonight(), rule).outcome


def test_crashes_of_the_harness_are_unmeasured() -> None:
    """They leave the pairs, are counted in the verdict and never become a wrong answer."""
    rows = lines("traces_tau/airline_gpt4o_4trials.jsonl")
    first, second = (tau("x", [r for r in rows if r["trial"] == n]) for n in (0, 1))
    crashed = {r.key.example_id for r in [*first, *second] if r.status is RunStatus.UNMEASURED}
    result = decided(first, second).comparison
    assert result is not None
    assert result.pairs == len({r.key.example_id for r in first} - crashed)
    # A crash that is put into one arm of a perfect gain leaves no verdict once it is too frequent.
    better = [r.model_copy(update={"status": RunStatus.OK, "scores": {"reward": 1.0}}) for r in second]
    lost = [r.model_copy(update={"status": RunStatus.UNMEASURED, "scores": {}}) for r in better[:8]] + better[8:]
    worse = [r.model_copy(update={"status": RunStatus.OK, "scores": {"reward": 0.0}}) for r in first]
    assert Outcome.ACCEPTED is decided(worse, better).outcome
    assert Outcome.INCONCLUSIVE is decided(worse, lost).outcome


def test_bbh_gains_that_survive_correction_are_accepted_and_no_others() -> None:
    """Fifteen tasks both ways round, looked at four times at Bonferroni's level: exactly the significant gains pass."""
    items = lines("gate/bbh_direct_vs_cot_items.jsonl")[1:]
    tasks = [r for r in lines("gate/bbh_direct_vs_cot_summary.jsonl") if "task" in r]
    rule = GateRule()
    level = 0.05 / (2 * len(tasks))
    accepted, significant, saved = set(), set(), 0
    for task in tasks:
        rows = [r for r in items if r["task"] == task["task"]]
        direct = [run("direct", r["i"], float(r["direct_correct"])) for r in rows]
        cot = [run("cot", r["i"], float(r["cot_correct"])) for r in rows]
        for way, before, after, fixed, broken in (
            ("cot", direct, cot, task["cot_only"], task["direct_only"]),
            ("direct", cot, direct, task["direct_only"], task["cot_only"]),
        ):
            verdict = looked(before, after, level, rule)
            saved += verdict.stopped_early
            if verdict.outcome is Outcome.ACCEPTED:
                accepted.add((task["task"], way))
            if mcnemar(fixed, broken) < level:
                significant.add((task["task"], way))
    assert significant == accepted
    assert 11 == len(accepted)
    assert saved > len(tasks)
