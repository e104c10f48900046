"""Choose on dev, prove on held-out: the two measurements of a night and the verdict between them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Value
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.experiments import AgentVersion, Arm, Experiment, Run
from burnish.domain.gate import Outcome, Tonight, Verdict, decide, enough, held_to_account, opened
from burnish.domain.gate.comparison import doubts
from burnish.domain.gate.selection import convincing
from burnish.domain.pairing import pair
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.domain.wear import worn_text
from burnish.loop.against_baseline import order_text
from burnish.loop.arrange import arrange, perform
from burnish.loop.candidates import candidates, gone_on
from burnish.loop.carry import carried_over
from burnish.loop.experiment import MeasureSummary, Progress, limited
from burnish.loop.standing import judge_evidence

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["BASELINE", "Choice", "choose_on_dev", "prove_on_held_out"]

BASELINE = "baseline"


class Choice(Value):
    """What dev said: the mean score by arm, and the proposal that goes to the gate, or why none does."""

    experiment_id: str | None
    means: dict[str, float] = {}
    chosen: str | None = None
    reason: str
    measured: MeasureSummary | None = None


async def choose_on_dev(workshop: "Workshop", night: str, progress: Progress | None = None) -> Choice:
    """Measure the baseline and every candidate of the night over dev and choose the best; ties go to the smaller diff.

    Dev chooses and proves nothing: its best mean is too high by construction, so it decides no pull request.
    """
    store, config = workshop.store, workshop.config
    proposals = candidates(store, config.name, night)
    if not proposals:
        return Choice(experiment_id=None, reason="No proposal of this night applies, so there is nothing to measure.")
    examples = limited(store.datasets.examples(config.name, DATASET, Split.DEV), config.improve.dev_limit)
    if not examples:
        return Choice(experiment_id=None, reason="The dev split is empty: correct more traces in review first.")
    arms = [_baseline(workshop), *(_arm(workshop, proposal) for proposal in proposals)]
    experiment = _experiment(workshop, night, Split.DEV, arms, examples)
    summary = await perform(workshop, experiment, arms, examples, _evaluators(workshop), progress)
    choice = _kept(workshop, night, _convinced(workshop, _choose(workshop, summary, proposals)))
    if summary.exhausted:
        return choice  # nothing is decided: what was not measured may be taken up by a later night
    later = gone_on(store, config.name, night)
    for proposal in proposals:
        # What the gate has decided stays decided, also where a second start of the night chooses otherwise.
        decided = proposal.status in (ProposalStatus.ACCEPTED, ProposalStatus.REFUSED, ProposalStatus.PUBLISHED)
        if proposal.id != choice.chosen and proposal.id not in later and not decided:
            mean = summary.means.get(proposal.id)
            said = "was not measured" if mean is None else f"scored {mean:.2f} on dev"
            status = proposal.status if mean is None else ProposalStatus.MEASURED
            store.proposals.set_status(proposal.id, status, f"Not chosen: {said}.")
    return choice


async def prove_on_held_out(
    workshop: "Workshop", night: str, proposal_id: str, progress: Progress | None = None
) -> Verdict:
    """Measure the baseline afresh against one proposal over the sealed split, look by look, and let the gate decide.

    The level and the order of the examples are booked before the first run, so a night that is started again follows
    the same looks to the same verdict. A budget that ends the measurement leaves the attempt open. Once the night has
    said yes or no, that is its answer, whatever has changed since; what was inconclusive may be completed.
    """
    store, config = workshop.store, workshop.config
    proposal = store.proposals.get(proposal_id)
    # The one place where held-out examples are read: they go to the experiment and the gate, nowhere else.
    from burnish.adapters.store.sealed import HeldOut

    held_out = HeldOut(store, config.name, DATASET)
    groups, metric = held_out.groups(), config.improve.metric
    carried: tuple[float, ...] = ()
    spent: frozenset[str] = frozenset()
    if config.gate.mode == "e_process":
        carried, spent = carried_over(store, config.name, night, proposal.id, metric, BASELINE, groups, config.gate)
    order = held_out.least_used(config.improve.held_out_limit, without=spent)
    if not order and (known := store.proposals.verdict(proposal.id)) is not None and carried:
        return known  # what was said of these examples stands until there are fresh ones
    attempt = store.attempts.open(config.name, night, proposal.id, config.gate, order)
    examples = held_out.read(attempt.order)
    order = [example.id for example in examples]
    arms = [_baseline(workshop), _arm(workshop, proposal)]
    tonight = Tonight.plan(attempt.level, order, config.gate, groups, attempt.number - 1)
    tonight = tonight.model_copy(update={"carried": carried})
    experiment = _experiment(workshop, night, Split.HELD_OUT, arms, examples)
    if attempt.settled(experiment.id):
        answer = store.proposals.verdict(proposal.id, attempt.experiment_id)
        if answer is not None:
            return answer
    before: list[Run] = []
    after: list[Run] = []
    exhausted = False
    start = 0
    for size in tonight.sizes or (0,):
        held_out.use(night, order[start:size])
        look = examples[start:size]
        summary = await perform(workshop, experiment, arms, look, _evaluators(workshop), progress)
        start, exhausted = size, summary.exhausted
        runs = store.experiments.runs(experiment.id)
        before = [run for run in runs if run.key.arm == BASELINE]
        after = [run for run in runs if run.key.arm == proposal.id]
        if exhausted:
            break
        tonight = tonight.after(tonight.taken + 1)
        if enough(metric, before, after, config.gate, tonight):
            break
    verdict = decide(proposal.id, experiment.id, metric, before, after, config.gate, tonight=tonight)
    if exhausted:
        verdict = verdict.model_copy(
            update={
                "outcome": Outcome.INCONCLUSIVE,
                "reasons": ("The budget of the night ended the measurement early.", *verdict.reasons),
            }
        )
    evidence = judge_evidence(store, config, workshop.evaluators, before, after, groups)
    if evidence is not None:
        verdict = held_to_account(verdict, evidence, config.gate.judges)
    if flips := order_text(after, metric):
        verdict = verdict.model_copy(update={"reasons": (*verdict.reasons, flips)})
    if worn := worn_text(store.datasets.wear(config.name, DATASET, config.splits)):
        verdict = verdict.model_copy(update={"reasons": (*verdict.reasons, worn)})
    store.proposals.add_verdict(verdict)
    if not exhausted:
        store.attempts.close(config.name, night, verdict)
    # What is published stays so, and what a later night has taken up is its to decide.
    if proposal.status is not ProposalStatus.PUBLISHED and proposal.id not in gone_on(store, config.name, night):
        store.proposals.set_status(proposal.id, ProposalStatus(verdict.outcome.value), verdict.reasons[0])
    return verdict


def _experiment(
    workshop: "Workshop", night: str, split: Split, arms: Sequence[Arm], examples: Sequence[Example]
) -> Experiment:
    improve = workshop.config.improve
    evaluators = _evaluators(workshop)
    return arrange(
        workshop, night, split, arms, examples, evaluators, metric=improve.metric, repetitions=improve.repetitions
    )


def _evaluators(workshop: "Workshop") -> list[Evaluator]:
    config = workshop.config
    return [e for e in workshop.evaluators if e.name in {config.improve.metric, *config.gate.guards}]


def _convinced(workshop: "Workshop", choice: Choice) -> Choice:
    """The choice, or none where dev has all but excluded a gain that the held-out split could show."""
    store, config = workshop.store, workshop.config
    if choice.chosen is None or choice.experiment_id is None or config.gate.dev_risk <= 0:
        return choice
    runs = store.experiments.runs
    pairs = pair(config.improve.metric, runs(choice.experiment_id, BASELINE), runs(choice.experiment_id, choice.chosen))
    # How many are sealed is no secret; what they are stays one.
    sealed = store.datasets.get(config.name, DATASET).counts[Split.HELD_OUT]
    held_out = min(sealed, config.improve.held_out_limit)
    history = store.attempts.list(config.name)
    level = opened(history, config.name, workshop.night, choice.chosen, config.gate).level
    if convincing(pairs.differences(), held_out, level, config.gate):
        return choice
    said = (
        f"{choice.reason} On dev that is too little to expect that {held_out} held-out examples show it, so they are "
        "left alone."
    )
    return choice.model_copy(update={"chosen": None, "reason": said})


def _kept(workshop: "Workshop", night: str, choice: Choice) -> Choice:
    """The choice, unless the night has held a proposal against the sealed split already: it tests one and no more."""
    tried = [a.proposal_id for a in workshop.store.attempts.list(workshop.config.name) if a.night == night]
    if not tried or choice.chosen == tried[0]:
        return choice
    return choice.model_copy(
        update={"chosen": tried[0], "reason": f"{choice.reason} The night had chosen before that."}
    )


def _choose(workshop: "Workshop", summary: MeasureSummary, proposals: Sequence[Proposal]) -> Choice:
    """The proposal with the greatest gain over the examples that both it and the baseline were measured on.

    One that lost more runs than the gate allows, or others than the baseline did, is passed over: the mean of what is
    left of it says little, and the gate would say so at the cost of an attempt.
    """
    rule, metric = workshop.config.gate.model_copy(update={"minimum_pairs": 2}), workshop.config.improve.metric
    runs = workshop.store.experiments.runs
    base = summary.means.get(BASELINE)
    baseline = runs(summary.experiment_id, BASELINE)
    pairs = {
        p.id: pair(metric, baseline, runs(summary.experiment_id, p.id)) for p in proposals if p.id in summary.means
    }
    measured = [p for p in proposals if p.id in pairs and not doubts(pairs[p.id], rule)]
    common = {"experiment_id": summary.experiment_id, "means": summary.means, "measured": summary}
    if summary.exhausted:
        return Choice(**common, reason="The budget of the night ended before dev was measured.")
    if base is None or not measured:
        return Choice(**common, reason="Too little could be measured on dev to choose by; the runs say why.")
    gains = {
        p.id: _mean([pairs[p.id].candidate[i] - pairs[p.id].baseline[i] for i in pairs[p.id].ids]) for p in measured
    }
    best = max(measured, key=lambda p: (round(gains[p.id], 12), -_size(p)))
    mean = summary.means[best.id]
    if gains[best.id] <= 0:
        said = f"No proposal beats the baseline on dev ({base:.2f}); the best has {mean:.2f}."
        orders = order_text(runs(summary.experiment_id, best.id), metric)
        return Choice(**common, reason=f"{said} {orders}".strip())
    return Choice(**common, chosen=best.id, reason=f"Best on dev: {mean:.2f} against {base:.2f} before.")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _size(proposal: Proposal) -> int:
    return sum(abs(len(edit.replace) - len(edit.search)) for edit in proposal.edits)


def _baseline(workshop: "Workshop") -> Arm:
    return Arm(name=BASELINE, version=_version(workshop, workshop.base_commit, None))


def _arm(workshop: "Workshop", proposal: Proposal) -> Arm:
    return Arm(name=proposal.id, version=_version(workshop, proposal.base_commit, proposal))


def _version(workshop: "Workshop", commit: str, proposal: Proposal | None) -> AgentVersion:
    edits = proposal.edits if proposal is not None else ()
    return workshop.repository.worktree(AgentVersion.id_for(commit, edits), commit, edits)
