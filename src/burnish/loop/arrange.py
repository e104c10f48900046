"""Experiments of a workshop: what makes two of them the same, and running one through the agent's own ports."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from burnish.domain.base import content_hash, utc_now
from burnish.domain.datasets import Example, Split, fingerprint
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.experiments import Arm, Experiment
from burnish.domain.feedback import FeedbackSource
from burnish.loop.experiment import MeasureSummary, Progress, measure

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
    """Run what is missing of the experiment. A judge is opened only where an evaluator asks one."""
    return await measure(
        workshop.store,
        experiment,
        arms,
        examples,
        evaluators,
        workshop.target,
        judge=workshop.judge if any(e.source is FeedbackSource.JUDGE for e in evaluators) else None,
        concurrency=workshop.config.target.concurrency,
        progress=progress,
        accounts=workshop.accounts,
        book=workshop.book_calls,
    )
