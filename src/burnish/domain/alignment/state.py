"""Unaligned, aligned or stale: the rule by which a judge may carry a pull request, from facts alone.

The first line that fits decides (docs/judges.md has the same table):

    labels on what it was not fitted to are too few, or of one kind only
        another version, or this one, was aligned before   -> stale
        none was                                           -> unaligned
    kappa is below the floor                               -> unaligned
    its agreement has fallen over time (drift)             -> stale
    the newest label is older than `stale_after_days`      -> stale
    else                                                   -> aligned

A measured disagreement outranks what was once measured, and what was once measured outranks nothing at all: so a judge
that never agreed is never called stale.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from burnish.domain.agreement import AlignmentState, JudgeRule, JudgeStanding
from burnish.domain.alignment.drift import Drift

__all__ = ["AlignmentState", "Earlier", "with_history"]


class Earlier(NamedTuple):
    """When a judge was last found aligned, as which version, answered by which model."""

    version: str
    model: str | None
    at: datetime


def with_history(
    standing: JudgeStanding,
    rule: JudgeRule,
    *,
    now: datetime,
    newest_label_at: datetime | None = None,
    drift: Drift | None = None,
    earlier: Earlier | None = None,
    model: str | None = None,
) -> JudgeStanding:
    """What the labels alone say of a judge (`agreement.stand`), and what time has done to it.

    `newest_label_at` is when the newest label on a trace that the judge scored was given; None where nobody knows, and
    age then decides nothing. `model` is what answers for the judge now, to say what has changed since `earlier`.
    """
    if standing.state is AlignmentState.ALIGNED:
        if drift is not None and drift.found:
            return _stale(standing, f"{drift.reason} Label newer traces, or improve the judge from labels")
        if newest_label_at is not None and now - newest_label_at > timedelta(days=rule.stale_after_days):
            days = (now - newest_label_at).days
            return _stale(
                standing,
                f"The newest label beside the judge {standing.metric} is {days} days old, older than the "
                f"{rule.stale_after_days:g} days that agreement is taken to last. Label newer traces",
            )
        return standing
    if earlier is not None and standing.unknown:
        return _stale(standing, f"{_since(standing, earlier, model)} {_labels(standing)} Label more of what it scored")
    return standing


def _since(standing: JudgeStanding, earlier: Earlier, model: str | None) -> str:
    day = f"{earlier.at:%Y-%m-%d}"
    if earlier.version == standing.version:
        return f"The judge {standing.metric} was aligned with people on {day}, and labels that said so are gone."
    changed = "it was changed since"
    if model is not None and earlier.model is not None and model != earlier.model:
        changed = f"its model was {earlier.model} then and is {model} now"
    return f"The judge {standing.metric} was aligned with people on {day}, but {changed}."


def _labels(standing: JudgeStanding) -> str:
    found, needed = standing.agreement, standing.minimum_labels
    if found.items < needed:
        return f"As it is now it has {found.items} of the {needed} labels that are needed."
    return f"As it is now, {found.undefined}."


def _stale(standing: JudgeStanding, why: str) -> JudgeStanding:
    reason = f"{why}; until then it cannot carry a pull request alone."
    return standing.model_copy(update={"state": AlignmentState.STALE, "can_carry": False, "reason": reason})
