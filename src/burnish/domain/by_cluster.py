"""One experiment in parts: candidate against baseline for every evaluator, and for every group of examples.

For reading, not for deciding: the gate has one metric and its guards. Of ten clusters tested at 1 %, one in ten
experiments that change nothing shows a "significant" one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from burnish.domain.base import Value
from burnish.domain.datasets import Example
from burnish.domain.experiments import Run
from burnish.domain.gate import Comparison, GateRule, compare
from burnish.domain.proposals import Cluster

__all__ = ["Part", "by_evaluator", "by_group", "clusters_of", "metrics_of"]

NO_CLUSTER = ""


class Part(Value):
    """The comparison over the examples of one group. `key` is a cluster's id, or empty for examples of none."""

    key: str
    name: str
    examples: int
    comparison: Comparison


def metrics_of(runs: Iterable[Run], first: str) -> tuple[str, ...]:
    """Every key that a run was scored or failed to be scored under; `first` comes first, the others by name.

    What a comparison with the baseline says of itself (`<metric>.order`) stands on one side alone and is no metric.
    """
    found = {
        key
        for run in runs
        for key in (*run.scores, *run.evaluator_failures)
        if key.rpartition(".")[0] not in run.compared
    }
    return (first, *sorted(found - {first}))


def by_evaluator(
    metrics: Iterable[str], baseline: Sequence[Run], candidate: Sequence[Run], rule: GateRule
) -> tuple[Comparison, ...]:
    """One paired comparison a metric, in the order given."""
    return tuple(compare(metric, baseline, candidate, rule) for metric in metrics)


def by_group(
    metric: str,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    groups: Mapping[str, str],
    names: Mapping[str, str],
    rule: GateRule,
) -> tuple[Part, ...]:
    """One paired comparison a group of examples, largest first, those of no group last.

    `groups` gives the group of an example id, `names` the name of a group. An example belongs to one group at most, so
    the examples of all parts add up to those of the experiment.
    """
    sides: tuple[dict[str, list[Run]], dict[str, list[Run]]] = (defaultdict(list), defaultdict(list))
    members: dict[str, set[str]] = defaultdict(set)
    for side, runs in zip(sides, (baseline, candidate), strict=True):
        for run in runs:
            group = groups.get(run.key.example_id, NO_CLUSTER)
            side[group].append(run)
            members[group].add(run.key.example_id)
    order = sorted(members, key=lambda group: (group == NO_CLUSTER, -len(members[group]), group))
    return tuple(
        Part(
            key=group,
            name=names.get(group, "in no cluster"),
            examples=len(members[group]),
            comparison=compare(metric, sides[0][group], sides[1][group], rule),
        )
        for group in order
    )


def clusters_of(examples: Iterable[Example], clusters: Iterable[Cluster]) -> dict[str, str]:
    """The cluster of each example, by the trace it was made from; examples of none are left out."""
    of_trace = {trace_id: cluster.id for cluster in clusters for trace_id in cluster.trace_ids}
    return {e.id: of_trace[e.trace_id] for e in examples if e.trace_id is not None and e.trace_id in of_trace}
