"""What is kept of a judge beside people, with the labels that each version was made from."""

from typing import TYPE_CHECKING

from burnish.domain.agreement import AlignmentState, Rating, stand
from burnish.domain.alignment.accepting import Trial
from burnish.domain.alignment.labelled import Labelled
from burnish.domain.alignment.measurement import Alignment
from burnish.domain.base import utc_now
from burnish.domain.evaluators.judge import Judge
from burnish.loop.alignment import measure_judge, measure_judges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from burnish.loop.context import Workshop

__all__ = ["keep_changed", "measure_all", "measure_first"]


def measure_first(workshop: "Workshop", judge: Judge) -> None:
    """Measure this version if nobody has: what is made from labels later must not count as known to it."""
    store, config = workshop.store, workshop.config
    if store.alignments.latest(config.name, judge.name, judge.version) is None:
        _keep(workshop, judge, measure_judge(store, config, judge))


def measure_all(workshop: "Workshop") -> tuple[Alignment, ...]:
    """Measure every judge of the agent as it is now."""
    found = measure_judges(workshop.store, workshop.config, workshop.evaluators)
    by_name = {evaluator.name: evaluator for evaluator in workshop.evaluators}
    for one in found:
        judge = by_name.get(one.judge)
        if isinstance(judge, Judge) and judge.examples:
            _keep(workshop, judge, one)
    return found


def keep_changed(
    workshop: "Workshop",
    judge: Judge,
    items: "Sequence[Labelled]",
    said: "Mapping[str, bool | None]",
    trial: Trial,
    fitted_on: tuple[str, ...],
) -> None:
    """Keep how an accepted change stood with people, and the train labels it was made from and chosen on.

    Once it is merged its labels are known from this: the gate counts the others alone.
    """
    rule, config = workshop.config.gate.judges, workshop.config
    ratings = [
        Rating(float(not item.passes if (one := said[item.trace_id]) is None else one), item.people)
        for item in items
        if item.trace_id in said
    ]
    standing = stand(judge.name, judge.version, ratings, config.improve.fail_below, rule)
    workshop.store.alignments.add(
        Alignment(
            agent=config.name,
            judge=judge.name,
            version=judge.version,
            model=judge.model,
            measured_at=utc_now(),
            held_out=standing.agreement,
            ceiling=trial.ceiling,
            pass_at=config.improve.fail_below,
            newest_label_at=max((item.labelled_at for item in items), default=None),
            fitted_on=fitted_on,
            state=standing.state or AlignmentState.UNALIGNED,
            reason=standing.reason,
        )
    )


def _keep(workshop: "Workshop", judge: Judge, found: Alignment) -> None:
    """Examples in the spec name the traces they are of: a store that never saw them made knows them from there."""
    shown = tuple(example.trace for example in judge.examples if example.trace)
    workshop.store.alignments.add(found.model_copy(update={"fitted_on": (*found.fitted_on, *shown)}))
