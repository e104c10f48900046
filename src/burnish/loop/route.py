"""Fill annotation queues: hold the traces of the last days against each queue's rules and add what teaches most.

Doing it twice adds nothing: a trace comes into a queue once, and a day's cap is a day's cap. Held-out traces may be
labelled as well as others; curating and proposing never see what is said of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from burnish.domain.annotation.items import QueueItem
from burnish.domain.annotation.order import Matched, match, ranked
from burnish.domain.annotation.queues import Queue
from burnish.domain.annotation.rules import Candidate, Feature
from burnish.domain.base import Value, utc_now
from burnish.domain.listing import TraceQuery, TraceSummary

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["QueueFill", "RouteSummary", "route"]

BATCH = 500


class QueueFill(Value):
    """One queue: traces looked at, those that rules bring in and that are new, how many came in, by reason.

    `left` are new ones that the daily cap kept out; they are looked at again as long as they are young enough.
    """

    looked_at: int = 0
    matched: int = 0
    added: int = 0
    left: int = 0
    reasons: dict[str, int] = {}


class RouteSummary(Value):
    """What filling did, by queue."""

    queues: dict[str, QueueFill] = {}


def route(store: "Store", queues: Sequence[Queue], agent: str, agents: int = 1) -> RouteSummary:
    """Fill those queues that take the agent's traces.

    `agents` is how many agents share a queue that names none; each gets its share of the daily cap, so that the first
    of a night leaves room for the others.
    """
    wanted = [queue for queue in queues if queue.takes(agent) and queue.fill]
    if not wanted:
        return RouteSummary()
    now = utc_now()
    since = now - timedelta(days=max(queue.look_back_days for queue in wanted))
    rows = store.traces.list(TraceQuery(agent=agent, since=since))
    there = {queue.name: store.queues.trace_ids(queue.name) for queue in wanted}
    clusters = _clusters(store, agent)
    found: dict[str, list[Candidate]] = {queue.name: [] for queue in wanted}
    looked: Counter[str] = Counter()
    for candidate in _candidates(store, rows, clusters, wanted):
        summary = candidate.summary
        for queue in wanted:
            young = summary.started_at >= now - timedelta(days=queue.look_back_days)
            if young and summary.trace_id not in there[queue.name]:
                looked[queue.name] += 1
                if match(candidate, queue.fill) is not None:
                    found[queue.name].append(candidate)
    fills = {}
    for queue in wanted:
        covered = Counter(cluster for one in there[queue.name] for cluster in clusters.get(one, {}))
        order = ranked(queue.name, found[queue.name], queue.fill, covered, teach=queue.order == "teach")
        added = store.queues.fill(queue, [_item(queue, agent, one) for one in order], len(queue.agents) or agents)
        fills[queue.name] = QueueFill(
            looked_at=looked[queue.name],
            matched=len(order),
            added=added,
            left=len(order) - added,
            reasons=dict(Counter(reason for one in order[:added] for reason in one.reasons)),
        )
    return RouteSummary(queues=fills)


def _candidates(
    store: "Store", rows: Sequence[TraceSummary], clusters: Mapping[str, dict[str, str]], queues: Sequence[Queue]
) -> Iterator[Candidate]:
    whole = any(isinstance(rule, Feature) and rule.metadata for queue in queues for rule in queue.fill)
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        ids = [row.trace_id for row in some]
        said = store.feedback.for_traces(ids)
        # Metadata lies with the payload, so whole traces are read only where a rule asks for it.
        metadata = {trace.trace_id: trace.metadata for trace in store.traces.load(ids)} if whole else {}
        for row in some:
            yield Candidate(row, said[row.trace_id], clusters.get(row.trace_id, {}), metadata.get(row.trace_id, {}))


def _clusters(store: "Store", agent: str) -> dict[str, dict[str, str]]:
    """Names of the newest night's clusters by id, by trace."""
    found: dict[str, dict[str, str]] = {}
    for cluster in store.clusters.list(agent=agent):
        for trace_id in cluster.trace_ids:
            found.setdefault(trace_id, {})[cluster.id] = cluster.name
    return found


def _item(queue: Queue, agent: str, matched: Matched) -> QueueItem:
    trace_id = matched.candidate.summary.trace_id
    return QueueItem(
        id=QueueItem.id_for(queue.name, trace_id),
        queue=queue.name,
        agent=agent,
        trace_id=trace_id,
        profile=queue.profile,
        wanted=queue.labels,
        reasons=matched.reasons,
        weight=matched.weight,
        rank=matched.rank,
        random=matched.random,
    )
