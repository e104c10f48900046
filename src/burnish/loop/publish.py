"""Publish an accepted proposal: branch, commit, push, pull request. Twice is once, also after a kill in the middle."""

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.adapters.publishing.body import BodyContext, render_body
from burnish.adapters.publishing.markdown import plain
from burnish.domain.base import Json, Value, content_hash, utc_now
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.experiments import Run
from burnish.domain.forges import ForgePullRequest, PullRequestDraft
from burnish.domain.gate import Outcome, Verdict
from burnish.domain.prompts import apply_edits, check_path, unified_diff
from burnish.domain.proposals import Cluster, Proposal, ProposalStatus, PullRequest, PullRequestState
from burnish.domain.suite import Case, not_yet_in, read_cases, write_cases
from burnish.errors import InputError, NotFoundError
from burnish.loop.measure import BASELINE

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["Published", "as_opened", "branch_of", "measured_in", "publish", "refresh", "why_held"]

REGRESSION_LIMIT = 20
TITLE_LIMIT = 120


class Published(Value):
    """The pull request and what happened, or None and why there is none."""

    pull_request: PullRequest | None
    reason: str


def branch_of(proposal: Proposal) -> str:
    """The branch of a proposal: the same proposal always has the same."""
    return f"burnish/{_slug(proposal.title)}-{proposal.id[:8]}"


def publish(workshop: "Workshop", proposal: Proposal, verdict: Verdict | None) -> Published:
    """Open the pull request of `proposal`, or find the one that is there.

    None is opened while `repository.open_pull_requests` of the agent are open, or where a person closed this one.
    Raises InputError without an accepted verdict, PublishError where git or the forge refuses; both leave the
    proposal as it is, to be published again.
    """
    if verdict is None or verdict.outcome is not Outcome.ACCEPTED or verdict.proposal_id != proposal.id:
        raise InputError(f"proposal {proposal.id} has no accepted verdict; only the gate's yes opens a pull request")
    store, config, forge = workshop.store, workshop.config, workshop.forge
    branch = branch_of(proposal)
    record = store.pull_requests.find(config.name, branch)
    if record is not None:
        store.proposals.set_status(proposal.id, ProposalStatus.PUBLISHED, record.url)
        return Published(pull_request=record, reason=f"It was there already, {record.state.value}.")
    # A kill between opening and recording leaves one that only the forge knows.
    there = forge.find(branch)
    if there is None and (full := _full(workshop)):
        return Published(pull_request=None, reason=full)
    night = measured_in(workshop, verdict)
    files = workshop.repository.read_files(config.improve.files, proposal.base_commit)
    changed = apply_edits(files, proposal.edits, config.improve.files)
    clusters = _clusters(workshop, proposal)
    dev_fixed = _fixed_on_dev(workshop, proposal, night)
    path, text, added = _regression(workshop, proposal, clusters, dev_fixed)
    body = _body(
        workshop, night, proposal, verdict, unified_diff(files, proposal.edits), clusters, dev_fixed, path, added
    )
    title = plain(proposal.title, TITLE_LIMIT)
    draft = PullRequestDraft(
        branch=branch, base=config.repository.base, title=title, body=body, labels=config.repository.labels
    )
    commit = workshop.repository.commit(
        branch,
        proposal.base_commit,
        {**changed, **({path: text} if path is not None else {})},
        f"{title}\n\n{plain(proposal.rationale)}\n\nBurnish-Proposal: {proposal.id}\n",
        proposal.created_at,
    )
    reason = "Opened."
    if there is None:
        workshop.repository.push(branch)
        there = forge.open(draft)
    else:
        reason = f"The forge had it already, {there.state.value}."
        if there.state is PullRequestState.OPEN:
            there = forge.open(draft)  # finds it, and sets the labels that a kill may have left out
    opened = as_opened(workshop.config.name, forge.name, proposal, draft, commit, there)
    store.pull_requests.save(opened)
    store.proposals.set_status(proposal.id, ProposalStatus.PUBLISHED, opened.url)
    return Published(pull_request=opened, reason=reason)


def why_held(workshop: "Workshop", proposal: Proposal) -> str:
    """Why no pull request of `proposal` would open now, or "" where one would, or is there already.

    Asked before anything is spent on it. Raises PublishError where the forge does not answer.
    """
    branch = branch_of(proposal)
    known = workshop.store.pull_requests.find(workshop.config.name, branch) or workshop.forge.find(branch)
    return "" if known is not None else _full(workshop)


def _full(workshop: "Workshop") -> str:
    """That the limit is reached, or "". What another forge holds says nothing: nobody asks it how that stands."""
    mine = [item for item in refresh(workshop) if item.forge == workshop.forge.name]
    is_open = [item for item in mine if item.state is PullRequestState.OPEN]
    limit = workshop.config.repository.open_pull_requests
    if len(is_open) < limit:
        return ""
    urls = ", ".join(item.url for item in is_open)
    return (
        f"{len(is_open)} of at most {limit} pull requests of {workshop.config.name} are open ({urls}): merge or close "
        "one first."
    )


def refresh(workshop: "Workshop") -> list[PullRequest]:
    """Ask the forge how the agent's open pull requests stand, store what changed, and return all, other forges' too."""
    store, forge = workshop.store, workshop.forge
    for item in store.pull_requests.list(workshop.config.name, PullRequestState.OPEN):
        if item.number is not None and item.forge == forge.name:
            state = forge.state(item.number)
            if state is not item.state:
                store.pull_requests.save(item.model_copy(update={"state": state}))
    return store.pull_requests.list(workshop.config.name)


def as_opened(
    agent: str, forge: str, proposal: Proposal, draft: PullRequestDraft, commit: str, there: ForgePullRequest
) -> PullRequest:
    """What is kept of a pull request that its forge has."""
    return PullRequest(
        id=content_hash(agent, draft.branch),
        agent=agent,
        proposal_id=proposal.id,
        forge=forge,
        branch=draft.branch,
        base=draft.base,
        commit=commit,
        number=there.number,
        url=there.url,
        title=draft.title,
        body=draft.body,
        state=there.state,
        created_at=utc_now(),
    )


def measured_in(workshop: "Workshop", verdict: Verdict) -> str:
    """The night of the verdict's measurement: a proposal may have been drafted before it, or be published after it."""
    try:
        return workshop.store.experiments.get(verdict.experiment_id).night
    except NotFoundError:
        return workshop.night


def _body(
    workshop: "Workshop",
    night: str,
    proposal: Proposal,
    verdict: Verdict,
    diff: str,
    clusters: Sequence[Cluster],
    dev_fixed: Sequence[Example],
    path: str | None,
    added: int,
) -> str:
    calls, dollars = workshop.store.calls.spent(night)
    context = BodyContext(
        agent=workshop.config.name,
        night=night,
        proposal=proposal,
        verdict=verdict,
        diff=diff,
        clusters=tuple(clusters),
        dev_fixed=tuple(dev_fixed[:REGRESSION_LIMIT]),
        regression_path=path if added else None,
        regression_count=added,
        calls=calls,
        cost_usd=dollars,
        base_url=f"http://127.0.0.1:{workshop.settings.server_port}",
        reproduce=f"burnish run improve_agent --agent {workshop.config.name} --no-publish",
    )
    return render_body(context, workshop.settings.project / "config" / "prompts")


def _clusters(workshop: "Workshop", proposal: Proposal) -> list[Cluster]:
    found = []
    for cluster_id in proposal.cluster_ids:
        try:
            found.append(workshop.store.clusters.get(cluster_id))
        except NotFoundError:
            continue  # a cluster that later nights no longer see is no reason to hold a pull request back
    return found


def _fixed_on_dev(workshop: "Workshop", proposal: Proposal, night: str) -> list[Example]:
    """Dev examples whose mean score the candidate raised. Held-out runs are not looked at."""
    store, agent = workshop.store, workshop.config.name
    raised: set[str] = set()
    for experiment in store.experiments.list(agent=agent, night=night):
        if experiment.split is Split.DEV and proposal.id in experiment.arms:
            before = _means(store.experiments.runs(experiment.id, BASELINE), experiment.metric)
            after = _means(store.experiments.runs(experiment.id, proposal.id), experiment.metric)
            raised |= {example for example in before.keys() & after.keys() if after[example] > before[example]}
    return [example for example in store.datasets.examples(agent, DATASET, Split.DEV) if example.id in raised]


def _means(runs: Sequence[Run], metric: str) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for run in runs:
        score = run.score(metric)
        if score is not None:
            scores.setdefault(run.key.example_id, []).append(score)
    return {example: sum(values) / len(values) for example, values in scores.items()}


def _regression(
    workshop: "Workshop", proposal: Proposal, clusters: Sequence[Cluster], dev_fixed: Sequence[Example]
) -> tuple[str | None, str, int]:
    """Path and whole text of the file of cases that must stay right, and how many are new in it.

    They come from dev and train: a held-out example in the repository could be read by a later proposer. A case that
    any file of the suite holds is not added again.
    """
    config, store = workshop.config, workshop.store
    folder = config.repository.evals_dir.strip("/")
    if not folder:
        return None, "", 0
    members = {trace_id for cluster in clusters for trace_id in cluster.trace_ids} | set(proposal.evidence_trace_ids)
    train = [e for e in store.datasets.examples(config.name, DATASET, Split.TRAIN) if e.trace_id in members]
    wanted = [
        _case(example, split, proposal, clusters)
        for split, examples in ((Split.DEV, dev_fixed), (Split.TRAIN, train))
        for example in examples
    ]
    files = workshop.repository.read_files((f"{folder}/**",), proposal.base_commit)
    readable = {path: cases for path, text in files.items() if (cases := _cases(path, text)) is not None}
    known = [case for cases in readable.values() for case in cases]
    fresh = not_yet_in(known, wanted)[:REGRESSION_LIMIT]
    if not fresh:
        return None, "", 0
    slug = _slug(clusters[0].name if clusters else proposal.title)
    names = (f"{folder}/{slug}{f'-{number}' if number > 1 else ''}.yaml" for number in itertools.count(1))
    path = next(name for name in names if name not in files or name in readable)  # nothing is put behind a broken list
    check_path(path)
    present = files.get(path, "").rstrip("\n")
    if present and not readable[path]:
        present = ""  # an empty list would not take further items
    return path, (f"{present}\n\n" if present else "") + write_cases(fresh), len(fresh)


def _case(example: Example, split: Split, proposal: Proposal, clusters: Sequence[Cluster]) -> Case:
    """An example as a case. It need not pass by itself: one right answer does not show that it always comes."""
    metadata: dict[str, Json] = {"split": split.value, "proposal": proposal.id}
    cluster = next((c for c in clusters if example.trace_id in c.trace_ids), clusters[0] if clusters else None)
    if cluster is not None:
        metadata["cluster"] = cluster.name
    return Case(
        id=example.id, input=example.input, expected=example.expected, criteria=example.criteria, metadata=metadata
    )


def _cases(path: str, text: str) -> tuple[Case, ...] | None:
    """The cases of one file, or None where it cannot be read."""
    try:
        return read_cases({path: text})
    except InputError:
        return None


def _slug(text: str) -> str:
    """Letters, digits and single dashes, at most forty: fit for branches and file names whatever the text."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return slug or "change"
