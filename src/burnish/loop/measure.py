"""Choose on dev, prove on held-out: the two measurements of a night and the verdict between them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.base import Value, content_hash, utc_now
from burnish.domain.datasets import Example, Split, fingerprint
from burnish.domain.experiments import AgentVersion, Arm, Experiment
from burnish.domain.feedback import FeedbackSource
from burnish.domain.gate import Outcome, Verdict, decide
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.domain.wear import worn_text
from burnish.loop.experiment import MeasureSummary, Progress, limited, measure

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["BASELINE", "DATASET", "Choice", "choose_on_dev", "prove_on_held_out"]

BASELINE = "baseline"
DATASET = "main"


class Choice(Value):
    """What dev said: the mean score by arm, and the proposal that goes to the gate, or why none does."""

    experiment_id: str | None
    means: dict[str, float] = {}
    chosen: str | None = None
    reason: str
    measured: MeasureSummary | None = None


async def choose_on_dev(workshop: "Workshop", night: str, progress: Progress | None = None) -> Choice:
    """Measure the baseline and every drafted proposal over dev and choose the best; ties go to the smaller diff.

    Dev chooses and proves nothing: its best mean is too high by construction, so it decides no pull request.
    """
    store, config = workshop.store, workshop.config
    proposals = _candidates(workshop, night)
    if not proposals:
        return Choice(experiment_id=None, reason="No proposal of this night applies, so there is nothing to measure.")
    examples = limited(store.datasets.examples(config.name, DATASET, Split.DEV), config.improve.dev_limit)
    if not examples:
        return Choice(experiment_id=None, reason="The dev split is empty: correct more traces in review first.")
    arms = [_baseline(workshop), *(_arm(workshop, proposal) for proposal in proposals)]
    summary = await _measure(workshop, night, Split.DEV, arms, examples, progress)
    choice = _choose(summary, proposals)
    for proposal in proposals:
        if proposal.id != choice.chosen:
            mean = summary.means.get(proposal.id)
            said = "was not measured" if mean is None else f"scored {mean:.2f} on dev"
            store.proposals.set_status(proposal.id, ProposalStatus.MEASURED, f"Not chosen: {said}.")
    return choice


async def prove_on_held_out(
    workshop: "Workshop", night: str, proposal_id: str, progress: Progress | None = None
) -> Verdict:
    """Measure the baseline afresh against one proposal over the sealed split and let the gate decide."""
    store, config = workshop.store, workshop.config
    proposal = store.proposals.get(proposal_id)
    # The one place where held-out examples are read: they go to the experiment and the gate, nowhere else.
    from burnish.adapters.store.sealed import HeldOut

    examples = HeldOut(store, config.name, DATASET).take(night, config.improve.held_out_limit)
    arms = [_baseline(workshop), _arm(workshop, proposal)]
    summary = await _measure(workshop, night, Split.HELD_OUT, arms, examples, progress)
    runs = store.experiments.runs(summary.experiment_id)
    verdict = decide(
        proposal.id,
        summary.experiment_id,
        config.improve.metric,
        [run for run in runs if run.key.arm == BASELINE],
        [run for run in runs if run.key.arm == proposal.id],
        config.gate,
    )
    if summary.exhausted:
        verdict = verdict.model_copy(
            update={
                "outcome": Outcome.INCONCLUSIVE,
                "reasons": ("The budget of the night ended the measurement early.", *verdict.reasons),
            }
        )
    if worn := worn_text(store.datasets.wear(config.name, DATASET, config.splits)):
        verdict = verdict.model_copy(update={"reasons": (*verdict.reasons, worn)})
    store.proposals.add_verdict(verdict)
    store.proposals.set_status(proposal.id, ProposalStatus(verdict.outcome.value), verdict.reasons[0])
    return verdict


def _candidates(workshop: "Workshop", night: str) -> list[Proposal]:
    """The night's proposals that may be measured, in the order they were drafted."""
    found = workshop.store.proposals.list(agent=workshop.config.name, night=night)
    return [p for p in reversed(found) if p.status is not ProposalStatus.INVALID]


async def _measure(
    workshop: "Workshop",
    night: str,
    split: Split,
    arms: Sequence[Arm],
    examples: Sequence[Example],
    progress: Progress | None,
) -> MeasureSummary:
    config = workshop.config
    versions = {arm.name: arm.version.id for arm in arms}
    evaluators = [e for e in workshop.evaluators if e.name in {config.improve.metric, *config.gate.guards}]
    print_of = fingerprint(examples)
    stamp = content_hash([(e.name, e.version) for e in evaluators], config.target.model_dump(mode="json"))
    experiment = Experiment(
        id=Experiment.id_for(config.name, night, split, versions, print_of, stamp),
        agent=config.name,
        night=night,
        split=split,
        arms=tuple(versions),
        versions=versions,
        dataset_fingerprint=print_of,
        metric=config.improve.metric,
        repetitions=config.improve.repetitions,
        created_at=utc_now(),
    )
    return await measure(
        workshop.store,
        experiment,
        arms,
        examples,
        evaluators,
        workshop.target,
        judge=workshop.judge if any(e.source is FeedbackSource.JUDGE for e in evaluators) else None,
        concurrency=config.target.concurrency,
        progress=progress,
        accounts=workshop.accounts,
    )


def _choose(summary: MeasureSummary, proposals: Sequence[Proposal]) -> Choice:
    base = summary.means.get(BASELINE)
    measured = [p for p in proposals if p.id in summary.means]
    common = {"experiment_id": summary.experiment_id, "means": summary.means, "measured": summary}
    if summary.exhausted:
        return Choice(**common, reason="The budget of the night ended before dev was measured.")
    if base is None or not measured:
        return Choice(**common, reason="Nothing could be measured on dev; the runs say why.")
    best = max(measured, key=lambda p: (summary.means[p.id], -_size(p)))
    mean = summary.means[best.id]
    if mean <= base:
        return Choice(**common, reason=f"No proposal beats the baseline on dev ({base:.2f}); the best has {mean:.2f}.")
    return Choice(**common, chosen=best.id, reason=f"Best on dev: {mean:.2f} against {base:.2f} before.")


def _size(proposal: Proposal) -> int:
    return sum(abs(len(edit.replace) - len(edit.search)) for edit in proposal.edits)


def _baseline(workshop: "Workshop") -> Arm:
    return Arm(name=BASELINE, version=_version(workshop, workshop.base_commit, None))


def _arm(workshop: "Workshop", proposal: Proposal) -> Arm:
    return Arm(name=proposal.id, version=_version(workshop, proposal.base_commit, proposal))


def _version(workshop: "Workshop", commit: str, proposal: Proposal | None) -> AgentVersion:
    edits = proposal.edits if proposal is not None else ()
    identity = content_hash(commit, [edit.model_dump() for edit in edits])
    return workshop.repository.worktree(identity, commit, edits)
