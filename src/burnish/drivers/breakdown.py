"""An experiment in parts, for people to read: every evaluator, and on dev every failure cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from burnish.domain.by_cluster import Part, by_evaluator, by_group, clusters_of, metrics_of
from burnish.domain.datasets import DATASET, Split
from burnish.domain.experiments import Experiment, Run
from burnish.domain.gate import Comparison, GateRule
from burnish.drivers.arms import ArmSummary, baseline_of

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["Breakdown", "breakdown", "breakdown_json", "missing_text"]

INTERVAL = GateRule(level=0.025)  # a two-sided interval of 95 %


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One arm against the baseline. `clusters` is empty for held-out experiments.

    Discovering leaves held-out traces out, so held-out examples belong to no cluster.
    """

    arm: str
    evaluators: tuple[Comparison, ...]
    clusters: tuple[Part, ...] = ()


def breakdown(store: "Store", experiment: Experiment, runs: Sequence[Run]) -> list[Breakdown]:
    """A breakdown of every arm but the baseline, in the experiment's order; 95 % intervals, no verdict."""
    base = baseline_of(experiment)
    by_arm = {arm: [run for run in runs if run.key.arm == arm] for arm in experiment.arms}
    metrics = metrics_of(runs, experiment.metric)
    groups: dict[str, str] = {}
    names: dict[str, str] = {}
    if experiment.split is Split.DEV:
        clusters = store.clusters.list(agent=experiment.agent, night=experiment.night)
        groups = clusters_of(store.datasets.examples(experiment.agent, DATASET, Split.DEV), clusters)
        names = {cluster.id: cluster.name for cluster in clusters}
    return [
        Breakdown(
            arm=arm,
            evaluators=by_evaluator(metrics, by_arm[base], by_arm[arm], INTERVAL),
            clusters=by_group(experiment.metric, by_arm[base], by_arm[arm], groups, names, INTERVAL) if groups else (),
        )
        for arm in experiment.arms
        if arm != base
    ]


def breakdown_json(items: Sequence[Breakdown]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [
        {
            "arm": item.arm,
            "evaluators": [comparison.model_dump(mode="json") for comparison in item.evaluators],
            "clusters": [part.model_dump(mode="json") for part in item.clusters],
        }
        for item in items
    ]


def missing_text(arm: ArmSummary) -> str:
    """What could not be measured in an arm and why, in a sentence; empty where everything was."""
    if not arm.unmeasured:
        return ""
    reasons = {
        "infrastructure": arm.infrastructure,
        "an evaluator failed": arm.evaluator_failures,
        "no score": arm.unmeasured - arm.infrastructure - arm.evaluator_failures,
    }
    why = ", ".join(f"{reason} {count}" for reason, count in reasons.items() if count)
    return f"{arm.unmeasured} of {arm.runs} runs unmeasured ({why})"
