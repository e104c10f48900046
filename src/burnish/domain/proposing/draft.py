"""The value a strategy yields: a small diff with its reasons, not yet checked against the files."""

from collections.abc import Iterable

from burnish.domain.base import Value
from burnish.domain.proposals import Edit
from burnish.domain.proposing.evidence import Evidence, Group

__all__ = ["Draft", "touched_clusters", "trace_ids"]

MAX_TRACES = 50


class Draft(Value):
    """A proposal in the making. `proposer` names the strategy."""

    proposer: str
    title: str
    rationale: str
    edits: tuple[Edit, ...]
    cluster_ids: tuple[str, ...] = ()
    evidence_trace_ids: tuple[str, ...] = ()


def trace_ids(groups: Iterable[Group]) -> tuple[str, ...]:
    """The traces behind some groups, each once, at most fifty."""
    found = dict.fromkeys(case.trace_id for group in groups for case in group.cases if case.trace_id is not None)
    return tuple(found)[:MAX_TRACES]


def touched_clusters(groups: Iterable[Group], evidence: Evidence) -> tuple[str, ...]:
    """The clusters that share a trace with some groups."""
    traces = {case.trace_id for group in groups for case in group.cases if case.trace_id is not None}
    return tuple(cluster.key for cluster in evidence.clusters if any(case.trace_id in traces for case in cluster.cases))
