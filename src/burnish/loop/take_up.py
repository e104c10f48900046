"""Take up what earlier nights left open: publish what was accepted and held back, measure again what was not decided.

Evidence is about a version. A proposal whose base commit is still the present one goes on as it is; where the base has
moved, its edits become a new proposal against the present commit, to be measured afresh, and the old one is superseded.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from burnish.domain.base import utc_now
from burnish.domain.gate import Outcome
from burnish.domain.prompts import apply_edits
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.errors import EditError, PublishError
from burnish.loop.candidates import STAGE, TakenUp
from burnish.loop.publish import publish
from burnish.loop.suite import guard_regressions

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["take_up"]

# DRAFTED of an earlier night: it was broken off, or its budget ended, before anything was measured.
_OPEN = (ProposalStatus.INCONCLUSIVE, ProposalStatus.ACCEPTED, ProposalStatus.DRAFTED)


async def take_up(workshop: "Workshop", *, may_publish: bool) -> TakenUp:
    """Publish accepted leftovers where the limit of open pull requests allows, oldest first, then choose what to
    measure again: the newest, in half of the places of `improve.candidates` and at least one.

    The choice of a night is made once. A forge that refuses costs the night nothing: the proposal waits.
    """
    store, night = workshop.store, workshop.night
    earlier = store.nights.get(night).stages.get(STAGE)
    opened, held = await _publish_leftovers(workshop) if may_publish else ((), "")
    if earlier is None:
        chosen, superseded = await asyncio.to_thread(_choose, workshop)
        found = TakenUp(proposals=chosen, superseded=superseded, opened=opened, held=held)
    else:
        before = TakenUp.model_validate(earlier)
        found = before.model_copy(update={"opened": tuple(dict.fromkeys((*before.opened, *opened))), "held": held})
    store.nights.save_stage(night, STAGE, found.model_dump(mode="json"))
    # After the booking: a start killed in between finds them open, chooses alike and books alike.
    for proposal_id, reason in found.superseded.items():
        store.proposals.set_status(proposal_id, ProposalStatus.SUPERSEDED, reason)
    return found


def _left_open(workshop: "Workshop") -> list[Proposal]:
    """Open proposals of earlier nights, newest first."""
    found = workshop.store.proposals.list(agent=workshop.config.name)
    return [p for p in found if p.night < workshop.night and p.status in _OPEN]


async def _publish_leftovers(workshop: "Workshop") -> tuple[tuple[str, ...], str]:
    opened: list[str] = []
    for proposal in reversed(_left_open(workshop)):
        if proposal.status is not ProposalStatus.ACCEPTED or proposal.base_commit != workshop.base_commit:
            continue
        verdict = workshop.store.proposals.verdict(proposal.id)
        if verdict is None or verdict.outcome is not Outcome.ACCEPTED:
            continue
        # The suite may never have run: a kill between the verdict and the suite leaves a proposal accepted.
        if (await guard_regressions(workshop, proposal)).blocks:
            continue
        try:
            published = await asyncio.to_thread(publish, workshop, proposal, verdict)
        except PublishError as error:
            return tuple(opened), str(error)
        if published.pull_request is None:
            return tuple(opened), published.reason
        opened.append(published.pull_request.url)
    return tuple(opened), ""


def _choose(workshop: "Workshop") -> tuple[tuple[str, ...], dict[str, str]]:
    store, config, commit = workshop.store, workshop.config, workshop.base_commit
    places = max(1, config.improve.candidates // 2)
    waiting = [p for p in _left_open(workshop) if p.status is not ProposalStatus.ACCEPTED or p.base_commit != commit]
    if not waiting:
        return (), {}
    files = workshop.repository.read_files(config.improve.files, commit)
    known = {p.id: p for p in store.proposals.list(agent=config.name)}
    chosen: list[str] = []
    superseded: dict[str, str] = {}
    for proposal in waiting:
        if len(chosen) == places:
            break
        if proposal.base_commit == commit:
            chosen.append(proposal.id)
            continue
        try:
            renewed = _renewed(proposal, workshop, files)
        except EditError as error:
            superseded[proposal.id] = f"It does not apply to {commit[:12]}: {error}"
            continue
        superseded[proposal.id] = f"The base moved to {commit[:12]}; measured afresh as {renewed.id}."
        present = known.get(renewed.id)
        if present is None or (present.night == workshop.night and present.status is ProposalStatus.DRAFTED):
            store.proposals.add([renewed])
            known[renewed.id] = renewed
            if renewed.id not in chosen:
                chosen.append(renewed.id)
    return tuple(chosen), superseded


def _renewed(proposal: Proposal, workshop: "Workshop", files: Mapping[str, str]) -> Proposal:
    """The same edits against the present base. Raises EditError where they do not apply."""
    apply_edits(files, proposal.edits, workshop.config.improve.files)
    return proposal.model_copy(
        update={
            "id": Proposal.id_for(proposal.agent, workshop.base_commit, proposal.edits),
            "night": workshop.night,
            "base_commit": workshop.base_commit,
            "status": ProposalStatus.DRAFTED,
            "status_reason": "",
            "created_at": utc_now(),
        }
    )
