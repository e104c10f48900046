"""Experiments of a workshop: what makes two of them the same, and running one through the agent's own ports."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from burnish.domain.base import content_hash, utc_now
from burnish.domain.datasets import Example, Split, fingerprint
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.experiments import Arm, Experiment
from burnish.domain.feedback import FeedbackSource
from burnish.loop.against_baseline import compare_arms
from burnish.loop.experiment import MeasureSummary, Progress, means_by_arm, measure

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["arrange", "perform"]


def arrange(
    workshop: "Workshop",
    night: str,
    split: Split | Literal["suite"],
    arms: Sequence[Arm],
    examples: Sequence[Example],
    evaluators: Sequence[Evaluator],
    *,
    metric: str,
    repetitions: int,
) -> Experiment:
    """The experiment with these parts. The same parts in the same night are the same experiment, to be resumed.

    Models and repetitions are parts: runs of another model beside those of this one would be no measurement.
    """
    config = workshop.config
    versions = {arm.name: arm.version.id for arm in arms}
    print_of = fingerprint(examples)
    measured_by = [(e.name, e.version) for e in evaluators]
    stamp = content_hash(measured_by, config.target.model_dump(mode="json"), workshop.models_print, repetitions)
    return Experiment(
        id=Experiment.id_for(config.name, night, split, versions, print_of, stamp),
        agent=config.name,
        night=night,
        split=split,
        arms=tuple(versions),
        versions=versions,
        dataset_fingerprint=print_of,
        metric=metric,
        repetitions=repetitions,
        created_at=utc_now(),
    )


async def perform(
    workshop: "Workshop",
    experiment: Experiment,
    arms: Sequence[Arm],
    examples: Sequence[Example],
    evaluators: Sequence[Evaluator],
    progress: Progress | None,
) -> MeasureSummary:
    """Run what is missing of the experiment. A judge is opened only where an evaluator asks one.

    Evaluators that compare the arms come after the runs, and the summary counts what they said.
    """
    judge = workshop.judge if any(e.source is FeedbackSource.JUDGE for e in evaluators) else None
    summary = await measure(
        workshop.store,
        experiment,
        arms,
        examples,
        evaluators,
        workshop.target,
        judge=judge,
        concurrency=workshop.config.target.concurrency,
        progress=progress,
        accounts=workshop.accounts,
        book=workshop.book_calls,
    )
    if summary.exhausted or len(arms) < 2 or not any(e.compares_arms for e in evaluators):
        return summary
    lasted = await compare_arms(
        workshop.store,
        experiment,
        examples,
        evaluators,
        judge,
        concurrency=workshop.config.target.concurrency,
        progress=progress,
        book=workshop.book_calls,
    )
    runs = await asyncio.to_thread(workshop.store.experiments.runs, experiment.id)
    counted = {
        "exhausted": not lasted,
        "unmeasured": sum(run.score(experiment.metric) is None for run in runs),
        "means": means_by_arm(runs, experiment.metric),
    }
    return summary.model_copy(update=counted)
