"""Offer an accepted change of a judge: a pull request in the repository of the project's files, or a patch file."""

import contextlib
from typing import TYPE_CHECKING

from burnish.adapters.publishing.git import AgentRepository
from burnish.adapters.publishing.judge_body import JudgeBodyContext, render_judge_body
from burnish.adapters.publishing.markdown import plain
from burnish.adapters.publishing.project_files import ProjectRepository, find_project_repository, patch_of
from burnish.adapters.publishing.registry import open_forge, open_repository
from burnish.domain.base import content_hash, utc_now
from burnish.domain.forges import PullRequestDraft
from burnish.domain.gate import Outcome
from burnish.domain.proposals import Proposal, ProposalStatus, PullRequest, PullRequestState
from burnish.errors import ConfigError, InputError, PublishError
from burnish.loop.aligning.attempt import JudgeRun
from burnish.loop.aligning.files import applied
from burnish.loop.aligning.week import book_of
from burnish.loop.publish import TITLE_LIMIT, branch_of

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["open_for", "publish_judge"]


def open_for(workshop: "Workshop", judge: str) -> PullRequest | None:
    """The pull request for this judge that is still open, as its forge says now; as last known where nobody answers."""
    store, book = workshop.store, book_of(workshop.config.name)
    for item in store.pull_requests.list(book, PullRequestState.OPEN):
        if item.metadata.get("judge") != judge:
            continue
        with contextlib.suppress(PublishError, ConfigError):
            state = _state(workshop, item)
            if state is not item.state:
                store.pull_requests.save(item.model_copy(update={"state": state}))
                continue
        return item
    return None


def _state(workshop: "Workshop", item: PullRequest) -> PullRequestState:
    place = _place(workshop)
    if place is None or item.number is None:
        return item.state
    there = workshop.config.model_copy(update={"name": item.agent, "repository": place.config})
    forge = open_forge(there, workshop.store.pull_requests, workshop.settings)
    try:
        return forge.state(item.number) if forge.name == item.forge else item.state
    finally:
        getattr(forge, "close", lambda: None)()


def publish_judge(workshop: "Workshop", run: JudgeRun, sealed: frozenset[str] = frozenset()) -> JudgeRun:
    """Open the pull request of an accepted change, or find the one that is there; once, however often it is called.

    Where the project lies in no git repository, or its files there are not those that were measured, the change is
    written as a patch into burnish's home instead, and `published` says why. Raises InputError without an accepted
    verdict, PublishError where git or the forge refuses.
    """
    if run.trial is None or run.trial.verdict.outcome is not Outcome.ACCEPTED:
        raise InputError(f"the judge {run.judge} has no accepted change; only the verdict's yes is published")
    if run.url:
        return run
    store, book = workshop.store, book_of(workshop.config.name)
    proposal = store.proposals.get(run.proposal_id)
    record = store.pull_requests.find(book, branch_of(proposal))
    if record is not None:
        store.proposals.set_status(proposal.id, ProposalStatus.PUBLISHED, record.url)
        return run.model_copy(update={"url": record.url, "published": f"It was there already, {record.state.value}."})
    place = _place(workshop)
    if place is None:
        return _patched(workshop, run, proposal, "The project lies in no git repository with a branch checked out.")
    settings, config = workshop.settings, workshop.config
    there = config.model_copy(update={"name": book, "repository": place.config})
    with open_repository(there, settings) as repository:
        texts = _texts(repository, place, proposal)
        if texts != _measured(workshop, proposal):
            return _patched(
                workshop,
                run,
                proposal,
                f"The judge's files on {place.config.base} are not the ones that were measured; commit and push them.",
            )
        changed = applied(texts, proposal.edits)
        if changed is None:
            raise PublishError(
                f"the judge's files have changed since proposal {proposal.id} was measured; run it again"
            )
        title = plain(proposal.title, TITLE_LIMIT)
        forge = open_forge(there, store.pull_requests, settings)
        try:
            draft = PullRequestDraft(
                branch=branch_of(proposal),
                base=place.config.base,
                title=title,
                body=_body(workshop, run, proposal, patch_of(texts, changed), sealed),
                labels=place.config.labels,
            )
            commit = repository.commit(
                draft.branch,
                repository.base_commit,
                {f"{place.folder}{path}": text for path, text in changed.items()},
                f"{title}\n\n{plain(proposal.rationale)}\n\nBurnish-Proposal: {proposal.id}\n",
                proposal.created_at,
            )
            found = forge.find(draft.branch)
            if found is None or found.state is PullRequestState.OPEN:
                repository.push(draft.branch)
                found = forge.open(draft)
        finally:
            getattr(forge, "close", lambda: None)()
    opened = PullRequest(
        id=content_hash(book, draft.branch),
        agent=book,
        proposal_id=proposal.id,
        forge=place.config.forge,
        branch=draft.branch,
        base=draft.base,
        commit=commit,
        number=found.number,
        url=found.url,
        title=title,
        body=draft.body,
        state=found.state,
        created_at=utc_now(),
        metadata={"judge": run.judge},
    )
    store.pull_requests.save(opened)
    store.proposals.set_status(proposal.id, ProposalStatus.PUBLISHED, opened.url)
    return run.model_copy(update={"url": opened.url, "published": "Opened."})


def _place(workshop: "Workshop") -> ProjectRepository | None:
    config, settings = workshop.config, workshop.settings
    found = find_project_repository(
        settings.project.expanduser().resolve(), config.repository, token=settings.github_token is not None
    )
    if found is None or config.align.repository is None:
        return found
    return ProjectRepository(config.align.repository, found.folder)


def _texts(repository: AgentRepository, place: ProjectRepository, proposal: Proposal) -> dict[str, str]:
    """The judge's files at the head of the base, by path inside the project."""
    paths = {edit.path for edit in proposal.edits}
    found = repository.read_files([f"{place.folder}{path}" for path in paths])
    return {path.removeprefix(place.folder): text for path, text in found.items()}


def _measured(workshop: "Workshop", proposal: Proposal) -> dict[str, str]:
    project = workshop.settings.project
    return {edit.path: (project / edit.path).read_text(encoding="utf-8") for edit in proposal.edits}


def _patched(workshop: "Workshop", run: JudgeRun, proposal: Proposal, why: str) -> JudgeRun:
    """The change as a file for `git apply` (or `patch -p1`), named for the proposal: written again it is the same."""
    before = _measured(workshop, proposal)
    after = applied(before, proposal.edits)
    if after is None:
        raise PublishError(f"the judge's files have changed since proposal {proposal.id} was measured; run it again")
    file = workshop.settings.home_dir / "judges" / f"{branch_of(proposal).rpartition('/')[2]}.patch"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(patch_of(before, after), encoding="utf-8")
    said = f"{why} The change is in {file}: apply it in the project's folder with `git apply` or `patch -p1`."
    return run.model_copy(update={"patch": str(file), "published": said})


def _body(workshop: "Workshop", run: JudgeRun, proposal: Proposal, diff: str, sealed: frozenset[str]) -> str:
    assert run.trial is not None
    assert run.choice is not None
    calls, dollars = workshop.store.calls.spent(workshop.night)
    context = JudgeBodyContext(
        agent=workshop.config.name,
        week=workshop.night.rpartition("/")[2],
        version=run.version,
        new_version=run.new_version,
        proposal=proposal,
        trial=run.trial,
        choice=run.choice,
        diff=diff,
        sealed=sealed,
        calls=calls,
        cost_usd=dollars,
        base_url=f"http://127.0.0.1:{workshop.settings.server_port}",
        reproduce=f"burnish run align_judges --agent {workshop.config.name} --judge {run.judge} --no-publish",
    )
    return render_judge_body(context, workshop.settings.project / "config" / "prompts")
