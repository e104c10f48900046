"""Improve a judge from people's labels: draft on train, choose on train, and hold one change against held-out labels.

A judge has one attempt a week at most. An attempt is booked with its level and its held-out labels before the changed
judge is asked about any of them; started again it goes on with the same change, and paid replies come from the cache.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.alignment.accepting import Trial, decide_trial, too_few
from burnish.domain.alignment.candidates import Candidate, Choice
from burnish.domain.alignment.labelled import Labelled, of_split
from burnish.domain.alignment.rule import level_of
from burnish.domain.base import Value, content_hash, utc_now
from burnish.domain.datasets import Split
from burnish.domain.evaluators.base import Filter
from burnish.domain.evaluators.judge import Judge
from burnish.domain.gate import Attempt, GateRule, Outcome
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.errors import BudgetExceededError, ConfigError
from burnish.loop.aligning.drafts import Asked, choose_on_train, drafts, verdicts_of
from burnish.loop.aligning.files import changed_files
from burnish.loop.aligning.labels import ceiling_of, labels_of, unjudged
from burnish.loop.aligning.measured import keep_changed, measure_first
from burnish.loop.aligning.week import book_of
from burnish.loop.enrich import enrich

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["JudgeRun", "align_judge", "judges_of", "saved_run", "why_not"]


class JudgeRun(Value):
    """What a week did for one judge. `version` is the judge as it is, `new_version` as an accepted change makes it.

    `train`, `held_out` and `unplaced` count labels (the last stand on neither side), `sealed` those on traces whose
    content no prompt may hold; `fitted_on` are the train traces. `outcome` is the verdict's, or "nothing" where none
    was due, or "open" where the budget ended first. `url` or `patch` is where an accepted change went.
    """

    judge: str
    version: str
    new_version: str = ""
    model: str | None = None
    train: int = 0
    held_out: int = 0
    unplaced: int = 0
    sealed: int = 0
    fitted_on: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    choice: Choice | None = None
    candidate: Candidate | None = None
    proposal_id: str = ""
    trial: Trial | None = None
    outcome: str = "open"
    reason: str = ""
    url: str = ""
    patch: str = ""
    published: str = ""


def judges_of(workshop: "Workshop", wanted: str | None = None) -> list[Judge]:
    """The agent's judges, or the one asked for. Raises ConfigError where it has none of that name."""
    judges = [evaluator for evaluator in workshop.evaluators if isinstance(evaluator, Judge)]
    if wanted is None:
        return judges
    found = [judge for judge in judges if judge.name == wanted]
    if not found:
        known = ", ".join(judge.name for judge in judges) or "none"
        raise ConfigError(f"agent '{workshop.config.name}' has no judge '{wanted}'; there are: {known}")
    return found


def why_not(judge: Judge) -> str:
    """Why a judge cannot be improved from labels at all, or ""."""
    if judge.level == "session":
        return f"The judge {judge.name} grades sessions, and labels are on traces: it is measured and not changed."
    if judge.uses_expected:
        return f"The judge {judge.name} reads what people corrected: labels on those traces would flatter it."
    return ""


def saved_run(workshop: "Workshop", judge: Judge) -> JudgeRun | None:
    """What this week did for this version of the judge so far."""
    stage = workshop.store.nights.get(workshop.night).stages.get(judge.name)
    run = None if stage is None else JudgeRun.model_validate(stage)
    return run if run is not None and run.version == judge.version else None


async def align_judge(workshop: "Workshop", judge: Judge, progress: Asked | None = None) -> JudgeRun:
    """One judge's week up to its verdict; one that has a verdict keeps it.

    A spent budget leaves the run "open", to be taken up. Raises ModelError where the model cannot be reached at all.
    """
    earlier = saved_run(workshop, judge)
    if earlier is not None and earlier.trial is not None:
        return earlier
    run = JudgeRun(judge=judge.name, version=judge.version, model=judge.model, reason=why_not(judge))
    if run.reason:
        return _book(workshop, run.model_copy(update={"outcome": "nothing"}))
    try:
        run = await _attempt(workshop, judge, earlier or run, progress)
    except BudgetExceededError as error:
        kept = saved_run(workshop, judge) or run
        run = kept.model_copy(update={"outcome": "open", "reason": f"{error}; start it again with more."})
    return _book(workshop, run)


async def _attempt(workshop: "Workshop", judge: Judge, run: JudgeRun, progress: Asked | None) -> JudgeRun:
    store, config = workshop.store, workshop.config
    history = store.attempts.list(book_of(config.name, judge.name))
    missing = unjudged(store, config, judge)
    if missing:
        everywhere = judge.model_copy(update={"applies": Filter()})  # a sample would leave most labels without a score
        await enrich(store, [everywhere], missing, workshop.judge, night=workshop.night, progress=progress)
        await workshop.book_calls()
        if unjudged(store, config, judge):
            workshop.budget.check()  # what is missing then failed, and is no reason to stop
    await asyncio.to_thread(measure_first, workshop, judge)
    items = labels_of(store, workshop.open_store, config, judge, _sides(workshop, judge, history))
    train, held_out = of_split(items, Split.TRAIN), of_split(items, Split.HELD_OUT)
    run = run.model_copy(
        update={
            "train": len(train),
            "held_out": len(held_out),
            "unplaced": len(items) - len(train) - len(held_out),
            "sealed": sum(item.sealed for item in items),
            "fitted_on": run.fitted_on or tuple(item.trace_id for item in train),
        }
    )
    if run.candidate is None:
        run = await _choose(workshop, judge, run, train, history, progress)
        if run.candidate is None:
            return run.model_copy(update={"outcome": "nothing"})
        _book(workshop, run)
    return await _hold_out(workshop, run, run.candidate, held_out, history, progress)


async def _choose(
    workshop: "Workshop",
    judge: Judge,
    run: JudgeRun,
    train: Sequence[Labelled],
    history: Sequence[Attempt],
    progress: Asked | None,
) -> JudgeRun:
    few = too_few(judge.name, run.train, run.held_out, workshop.config.align)
    if few:
        return run.model_copy(update={"reason": few})
    notes: list[str] = []
    tried = {attempt.proposal_id for attempt in history}
    found = await drafts(workshop, judge, train, notes)
    await workshop.book_calls()
    ids = {candidate.way: _proposal_id(workshop, judge, candidate) for candidate in found}
    again = [candidate for candidate in found if ids[candidate.way] in tried]
    notes += [f"'{candidate.title}' was held against people before" for candidate in again]
    fresh = [candidate for candidate in found if ids[candidate.way] not in tried]
    choice = await choose_on_train(workshop, judge, fresh, train, progress)
    chosen = next((candidate for candidate in fresh if candidate.way == choice.chosen), None)
    return run.model_copy(
        update={
            "notes": tuple(notes),
            "choice": choice,
            "candidate": chosen,
            "proposal_id": "" if chosen is None else ids[chosen.way],
            "new_version": "" if chosen is None else chosen.judge.version,
            "reason": choice.reason,
        }
    )


async def _hold_out(
    workshop: "Workshop",
    run: JudgeRun,
    candidate: Candidate,
    held_out: Sequence[Labelled],
    history: Sequence[Attempt],
    progress: Asked | None,
) -> JudgeRun:
    """Book the attempt, ask the changed judge about held-out labels, decide."""
    store, config, book = workshop.store, workshop.config, book_of(workshop.config.name, run.judge)
    mine = [one for one in history if (one.night, one.proposal_id) == (workshop.night, run.proposal_id)]
    before = [one for one in history if one not in mine]
    level = level_of(config.align, _since_accepted(before))
    store.proposals.add([_proposal(workshop, run, candidate)])
    order = _order(held_out, before, config.align.held_out_limit)
    fixed = GateRule(across_nights="fixed", level=level)
    attempt = store.attempts.open(book, workshop.night, run.proposal_id, fixed, order)
    wanted = set(attempt.order)
    items = [item for item in held_out if item.trace_id in wanted]
    said = await verdicts_of(workshop, candidate, items, progress)
    ids = [item.trace_id for item in items]
    trial = decide_trial(
        run.judge,
        run.proposal_id,
        workshop.night,
        items,
        said,
        attempt.level,
        config.align,
        attempts_before=attempt.number - 1,
        ceiling=ceiling_of(store, ids, run.judge, config.gate.judges, config.improve.fail_below),
    )
    verdict = trial.verdict
    if verdict.outcome is Outcome.ACCEPTED:
        keep_changed(workshop, candidate.judge, items, said, trial, run.fitted_on)
    store.attempts.close(book, workshop.night, verdict)
    store.proposals.add_verdict(verdict)
    status = {
        Outcome.ACCEPTED: ProposalStatus.ACCEPTED,
        Outcome.REFUSED: ProposalStatus.REFUSED,
        Outcome.INCONCLUSIVE: ProposalStatus.INCONCLUSIVE,
    }[verdict.outcome]
    store.proposals.set_status(run.proposal_id, status, verdict.reasons[0])
    return run.model_copy(update={"trial": trial, "outcome": verdict.outcome.value, "reason": verdict.reasons[0]})


def _sides(workshop: "Workshop", judge: Judge, history: Sequence[Attempt]) -> dict[str, Split]:
    """Sides that labels took before: held out in an attempt, or what this judge was made from."""
    fitted = workshop.store.alignments.fitted_on(workshop.config.name, judge.name, judge.version)
    made_from = {*fitted, *(example.trace for example in judge.examples if example.trace)}
    held_out = {trace_id: Split.HELD_OUT for attempt in history for trace_id in attempt.order}
    return {**held_out, **dict.fromkeys(made_from, Split.TRAIN)}


def _order(held_out: Sequence[Labelled], history: Sequence[Attempt], limit: int) -> list[str]:
    """Ids of the labels of an attempt: the least used first, then in an order fixed by a hash."""
    uses = {item.trace_id: sum(item.trace_id in attempt.order for attempt in history) for item in held_out}
    return sorted(uses, key=lambda one: (uses[one], content_hash("held-out", one)))[:limit]


def _since_accepted(history: Sequence[Attempt]) -> int:
    """How many attempts there were since the last accepted one."""
    count = 0
    for attempt in sorted(history, key=lambda one: one.number):
        count = 0 if attempt.outcome is Outcome.ACCEPTED else count + 1
    return count


def _proposal_id(workshop: "Workshop", judge: Judge, candidate: Candidate) -> str:
    """The same change of the same version is the same proposal, whatever else is committed meanwhile."""
    edits = changed_files(workshop.settings.project, judge, candidate.judge).edits()
    return Proposal.id_for(book_of(workshop.config.name, judge.name), judge.version, edits)


def _proposal(workshop: "Workshop", run: JudgeRun, candidate: Candidate) -> Proposal:
    (judge,) = judges_of(workshop, run.judge)
    return Proposal(
        id=run.proposal_id,
        agent=book_of(workshop.config.name),
        night=workshop.night,
        base_commit="",
        title=f"Judge {run.judge}: {candidate.title[0].lower()}{candidate.title[1:]}",
        rationale=candidate.rationale,
        edits=changed_files(workshop.settings.project, judge, candidate.judge).edits(),
        evidence_trace_ids=candidate.made_from,
        proposer=f"align-{candidate.way}",
        model=workshop.proposer.name if candidate.way == "rubric" else judge.model or "",
        created_at=utc_now(),
    )


def _book(workshop: "Workshop", run: JudgeRun) -> JudgeRun:
    workshop.store.nights.save_stage(workshop.night, run.judge, run.model_dump(mode="json"))
    return run
