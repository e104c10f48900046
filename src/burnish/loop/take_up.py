"""Take up what earlier nights left open: publish what was accepted and held back, measure again what was not decided.

Evidence is about a version. A proposal whose base commit is still the present one goes on as it is; where the base has
moved, its edits become a new proposal against the present commit, to be measured afresh, and the old one is superseded.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from burnish.domain.base import utc_now
from burnish.domain.gate import Outcome, Verdict
from burnish.domain.prompts import apply_edits
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.domain.suite import SuiteOutcome, SuiteVerdict
from burnish.errors import BurnishError, EditError
from burnish.loop.candidates import LATER_NIGHTS, STAGE, TakenUp
from burnish.loop.experiment import Progress
from burnish.loop.publish import measured_in, publish, why_held
from burnish.loop.suite import guard_regressions, hold_to

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["take_up"]

# What the suite said of proposals of earlier nights, by id: a stage of its own, so that a kill loses no answer.
SUITES = "take_up_suites"
_BOOKED = {"outcome", "reasons", "small", "experiment_id"}
# DRAFTED of an earlier night: it was broken off, or its budget ended, before anything was measured.
_OPEN = (ProposalStatus.INCONCLUSIVE, ProposalStatus.ACCEPTED, ProposalStatus.DRAFTED)


async def take_up(workshop: "Workshop", *, may_publish: bool, progress: Progress | None = None) -> TakenUp:
    """Publish accepted leftovers where the limit of open pull requests allows, oldest first, then choose what to
    measure again: the newest, in half of the places of `improve.candidates` and at least one.

    The choice of a night is made once. A forge that refuses, or an agent that cannot be started, costs the night
    nothing: the proposal waits.
    """
    store, night = workshop.store, workshop.night
    earlier = store.nights.get(night).stages.get(STAGE)
    opened, held = await _publish_leftovers(workshop, progress) if may_publish else ((), "")
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


async def _publish_leftovers(workshop: "Workshop", progress: Progress | None) -> tuple[tuple[str, ...], str]:
    """URLs of what was opened, and why accepted ones are still waiting."""
    opened: list[str] = []
    held: list[str] = []
    store, commit = workshop.store, workshop.base_commit
    leftovers = [p for p in _left_open(workshop) if p.status is ProposalStatus.ACCEPTED and p.base_commit == commit]
    files = workshop.repository.read_files(workshop.config.improve.files, commit) if leftovers else {}
    for proposal in reversed(leftovers):
        verdict = store.proposals.verdict(proposal.id)
        if verdict is None or verdict.outcome is not Outcome.ACCEPTED or _unfit(proposal, workshop, files):
            continue
        try:
            # First the room: a suite that is run every night for a proposal that must wait costs every night.
            reason = await asyncio.to_thread(why_held, workshop, proposal)
            if not reason:
                if (await _guarded(workshop, proposal, verdict, progress)).blocks:
                    continue
                published = await asyncio.to_thread(publish, workshop, proposal, verdict)
                reason = published.reason
                if published.pull_request is not None:
                    opened.append(published.pull_request.url)
                    continue
        except BurnishError as error:
            reason = str(error)
        held.append(reason)
    return tuple(opened), " ".join(dict.fromkeys(held))


async def _guarded(
    workshop: "Workshop", proposal: Proposal, verdict: Verdict, progress: Progress | None
) -> SuiteVerdict:
    """What the suite says of a proposal: what a night since its measurement has booked, or else asked now and booked.

    The suite may never have run: a kill between the verdict and the suite leaves a proposal accepted.
    """
    store, night = workshop.store, workshop.night
    measured = measured_in(workshop, verdict)
    for earlier in store.nights.list(workshop.config.name, limit=LATER_NIGHTS):
        if earlier.id < measured:
            break
        own = earlier.stages.get("suite", {})
        booked = own if own.get("proposal") == proposal.id else earlier.stages.get(SUITES, {}).get(proposal.id)
        if booked is None:
            continue
        said = SuiteVerdict.model_validate({name: booked[name] for name in _BOOKED})
        if not said.blocks or said.outcome is SuiteOutcome.REGRESSION:
            hold_to(workshop, proposal, said)
            return said
        break  # it could not tell, and the proposal was accepted since
    said = await guard_regressions(workshop, proposal, progress)
    there = store.nights.get(night).stages.get(SUITES, {})
    booked = said.model_dump(mode="json", include=_BOOKED)
    store.nights.save_stage(night, SUITES, {**there, proposal.id: booked})
    return said


def _choose(workshop: "Workshop") -> tuple[tuple[str, ...], dict[str, str]]:
    store, config, commit = workshop.store, workshop.config, workshop.base_commit
    places = max(1, config.improve.candidates // 2)
    waiting = _left_open(workshop)
    if not waiting:
        return (), {}
    files = workshop.repository.read_files(config.improve.files, commit)
    known = {p.id: p for p in store.proposals.list(agent=config.name)}
    chosen: list[str] = []
    superseded: dict[str, str] = {}
    for proposal in waiting:
        same = proposal.base_commit == commit
        if same and proposal.status is ProposalStatus.ACCEPTED and not _unfit(proposal, workshop, files):
            continue  # it needs no measurement, only room
        if len(chosen) == places:
            continue
        if unfit := _unfit(proposal, workshop, files):
            superseded[proposal.id] = f"It does not apply to {commit[:12]}: {unfit}"
            continue
        if same:
            chosen.append(proposal.id)
            continue
        renewed = _renewed(proposal, workshop)
        superseded[proposal.id] = f"The base moved to {commit[:12]}; measured afresh as {renewed.id}."
        present = known.get(renewed.id)
        if present is None or (present.night == workshop.night and present.status is ProposalStatus.DRAFTED):
            store.proposals.add([renewed])
            known[renewed.id] = renewed
            if renewed.id not in chosen:
                chosen.append(renewed.id)
    return tuple(chosen), superseded


def _unfit(proposal: Proposal, workshop: "Workshop", files: Mapping[str, str]) -> str:
    """Why the edits do not apply to the present files, or "": the base may have moved, or what may be edited."""
    try:
        apply_edits(files, proposal.edits, workshop.config.improve.files)
    except EditError as error:
        return str(error)
    return ""


def _renewed(proposal: Proposal, workshop: "Workshop") -> Proposal:
    """The same edits against the present base."""
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
