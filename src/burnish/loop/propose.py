"""Draft the night's proposals: evidence from train and visible traces, small edits, checked to apply."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Value, utc_now
from burnish.domain.chat import ChatModel
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.feedback import PEOPLE, Feedback
from burnish.domain.prompts import apply_edits
from burnish.domain.proposals import Cluster, Proposal, ProposalStatus
from burnish.domain.proposing.draft import Draft
from burnish.domain.proposing.edits import find_label
from burnish.domain.proposing.evidence import Case, Evidence, Group, group_by_label, labels_in
from burnish.domain.proposing.strategies import drafts
from burnish.domain.traces import Trace
from burnish.errors import EditError
from burnish.loop.experiment import Progress
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import OpenStore

__all__ = ["ProposeSummary", "gather", "propose"]

MAX_TRACES_A_CLUSTER = 60
COMMENTS = 3


class ProposeSummary(Value):
    """What proposing did: ids of the drafts that apply and of those that do not, and what came to nothing and why.

    `reused` is set where the night had its proposals already.
    """

    proposals: tuple[str, ...]
    invalid: tuple[str, ...] = ()
    reused: bool = False
    notes: tuple[str, ...] = ()


async def propose(
    store: "OpenStore",
    config: AgentConfig,
    night: str,
    files: Mapping[str, str],
    base_commit: str,
    model: ChatModel,
    clusters: Sequence[Cluster],
    *,
    again: Sequence[str] = (),
    progress: Progress | None = None,
) -> ProposeSummary:
    """Draft up to `improve.candidates` proposals for `night` against `base_commit` and store them.

    `files` are the files that may change, at that commit. Drafts that do not apply are stored as invalid with the
    reason. The same night and commit are drafted once. `again` are proposals that this night takes up from earlier
    ones: they take up places of the drafts, all but one. Raises BudgetExceededError.
    """
    known = {p.id: p for p in await asyncio.to_thread(store.proposals.list, config.name)}
    mine = [p for p in known.values() if p.night == night and p.base_commit == base_commit and p.id not in again]
    if mine:
        return _summary(mine, reused=True)
    evidence = await asyncio.to_thread(gather, store, config.name, files, clusters)
    notes: list[str] = []
    if not evidence.labels and not evidence.clusters:
        notes.append("there is no evidence: correct traces in review, or wait for failing traces")
    found: dict[str, Proposal] = {}
    valid, wanted = 0, max(1, config.improve.candidates - len(again))
    async for draft in drafts(files, config.improve.files, evidence, model, notes, prompt=config.target.prompt):
        proposal = _checked(draft, config, night, files, base_commit, model.name)
        if proposal.id in known:
            again_tonight = " and is taken up tonight" if proposal.id in again else ""
            notes.append(f"'{proposal.title}' was tried in {known[proposal.id].night} already{again_tonight}")
            continue
        if proposal.id not in found:
            found[proposal.id] = proposal
            valid += proposal.status is ProposalStatus.DRAFTED
        if progress is not None:
            progress(valid, wanted, proposal.title)
        if valid == wanted:
            break
    await asyncio.to_thread(store.proposals.add, list(found.values()))
    return _summary(list(found.values()), notes=tuple(notes))


def gather(store: "OpenStore", agent: str, files: Mapping[str, str], clusters: Sequence[Cluster]) -> Evidence:
    """The evidence for an agent: corrected train examples by label, and the visible failing traces by cluster.

    Nothing of a dev or held-out example is read: a cluster's trace counts where it stands behind a train example, or
    where it is visible and neither it nor its input belongs to any example.
    """
    all_of_train = store.datasets.examples(agent, DATASET, Split.TRAIN)
    dev = store.datasets.examples(agent, DATASET, Split.DEV)
    train = [e for e in all_of_train if e.expected is not None]
    members = [trace_id for cluster in clusters for trace_id in cluster.trace_ids[:MAX_TRACES_A_CLUSTER]]
    behind = {e.trace_id: e for e in all_of_train if e.trace_id is not None}
    off_limits = {e.trace_id for e in dev}
    taken = {e.id for e in (*all_of_train, *dev)}
    wanted = list(dict.fromkeys([*behind, *(i for i in members if i not in off_limits)]))
    traces = {
        trace.trace_id: trace
        for trace in store.traces.load(wanted)
        if trace.trace_id in behind or Example.id_for(agent, trace.input) not in taken
    }
    remarks = store.feedback.for_traces(list(traces))
    cases = {
        trace_id: _case(behind.get(trace_id), trace, remarks.get(trace_id, [])) for trace_id, trace in traces.items()
    }
    corrected = [cases.get(e.trace_id or "") or _case(e, None, []) for e in train]
    labels = {label for e in train for label in labels_in(e.expected) if find_label(files, label) is not None}
    grouped = [
        Group(
            key=cluster.id,
            name=cluster.name,
            cases=tuple(cases[trace_id] for trace_id in cluster.trace_ids if trace_id in cases),
            cluster_ids=(cluster.id,),
        )
        for cluster in clusters
    ]
    return Evidence(
        labels=group_by_label(corrected, labels),
        clusters=tuple(sorted((g for g in grouped if g.cases), key=lambda group: -len(group.cases))),
    )


def _case(example: Example | None, trace: Trace | None, remarks: Sequence[Feedback]) -> Case:
    ordered = sorted((r for r in remarks if r.comment), key=lambda remark: remark.source not in PEOPLE)
    return Case(
        trace_id=trace.trace_id if trace is not None else None,
        example_id=example.id if example is not None else None,
        input=example.input if example is not None else trace.input if trace is not None else None,
        output=trace.output if trace is not None else None,
        expected=example.expected if example is not None else None,
        comments=tuple(remark.comment or "" for remark in ordered[:COMMENTS]),
    )


def _checked(
    draft: Draft, config: AgentConfig, night: str, files: Mapping[str, str], base_commit: str, model: str
) -> Proposal:
    status, reason = ProposalStatus.DRAFTED, ""
    try:
        apply_edits(files, draft.edits, config.improve.files)
    except EditError as error:
        status, reason = ProposalStatus.INVALID, str(error)
    return Proposal(
        id=Proposal.id_for(config.name, base_commit, draft.edits),
        agent=config.name,
        night=night,
        base_commit=base_commit,
        title=draft.title,
        rationale=draft.rationale,
        edits=draft.edits,
        cluster_ids=draft.cluster_ids,
        evidence_trace_ids=draft.evidence_trace_ids,
        proposer=draft.proposer,
        model=model,
        status=status,
        status_reason=reason,
        created_at=utc_now(),
    )


def _summary(items: Sequence[Proposal], *, reused: bool = False, notes: tuple[str, ...] = ()) -> ProposeSummary:
    return ProposeSummary(
        proposals=tuple(p.id for p in items if p.status is not ProposalStatus.INVALID),
        invalid=tuple(p.id for p in items if p.status is ProposalStatus.INVALID),
        reused=reused,
        notes=notes,
    )
