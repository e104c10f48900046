"""The gate against recorded outcomes of real agents (beside the project; skipped where absent)."""

import itertools
import json
import math
from typing import Any

import pytest
from support.shared_data import shared

from burnish.domain.experiments import Run, RunKey, RunStatus
from burnish.domain.gate import GateRule, Outcome, Verdict, decide
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
