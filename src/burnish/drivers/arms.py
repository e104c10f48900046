"""An experiment's runs summed up by arm, for people to read. The gate's own test is in its verdict, not here."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from burnish.domain.experiments import Experiment, Run
from burnish.domain.missingness import missing

__all__ = ["ArmSummary", "baseline_of", "summarise_arms"]

Z_95 = 1.959964  # two-sided 95 % of the normal distribution


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm over its examples; repetitions of an example are averaged first.

    `low` and `high` are the 95 % interval of the mean (normal approximation; None below two examples). `wins`,
    `losses` and `ties` compare with the baseline arm over the examples measured in both, as do `fixed` and `broken`.
    `failures` counts runs in which the agent failed, `unmeasured` those without a score, of which `infrastructure` and
    `evaluator_failures` say why (see `domain.missingness`).
    """

    name: str
    examples: int
    runs: int
    measured: int
    failures: int
    unmeasured: int
    infrastructure: int
    evaluator_failures: int
    mean: float | None
    low: float | None
    high: float | None
    wins: int
    losses: int
    ties: int
    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    cost_usd: float | None
    tokens: int
    latency_s: float | None


def baseline_of(experiment: Experiment) -> str:
    """The arm the others are held against: the one called baseline, else the first."""
    return "baseline" if "baseline" in experiment.arms else experiment.arms[0]


def summarise_arms(experiment: Experiment, runs: Sequence[Run]) -> list[ArmSummary]:
    """One summary an arm, in the experiment's order."""
    by_arm: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_arm[run.key.arm].append(run)
    base = _example_means(by_arm[baseline_of(experiment)], experiment.metric)
    return [_summary(name, by_arm[name], experiment.metric, base) for name in experiment.arms]


def _summary(name: str, runs: Sequence[Run], metric: str, base: dict[str, float]) -> ArmSummary:
    means = _example_means(runs, metric)
    shared = sorted(means.keys() & base.keys())
    fixed = tuple(example for example in shared if means[example] > base[example])
    broken = tuple(example for example in shared if means[example] < base[example])
    mean, low, high = _interval(list(means.values()))
    left = missing(runs, metric)
    costs = [run.cost_usd for run in runs if run.cost_usd is not None]
    latencies = [run.latency_s for run in runs if run.latency_s is not None]
    return ArmSummary(
        name=name,
        examples=len({run.key.example_id for run in runs}),
        runs=left.runs,
        measured=len(means),
        failures=left.agent_failures,
        unmeasured=left.unmeasured,
        infrastructure=left.infrastructure,
        evaluator_failures=left.evaluator_failures,
        mean=mean,
        low=low,
        high=high,
        wins=len(fixed),
        losses=len(broken),
        ties=len(shared) - len(fixed) - len(broken),
        fixed=fixed,
        broken=broken,
        cost_usd=sum(costs) if costs else None,
        tokens=sum(run.tokens or 0 for run in runs),
        latency_s=sum(latencies) / len(latencies) if latencies else None,
    )


def _example_means(runs: Iterable[Run], metric: str) -> dict[str, float]:
    scores: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        value = run.score(metric)
        if value is not None:
            scores[run.key.example_id].append(value)
    return {example: sum(values) / len(values) for example, values in scores.items()}


def _interval(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    if not values:
        return None, None, None
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None, None
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    half = Z_95 * math.sqrt(variance / len(values))
    return mean, mean - half, mean + half
