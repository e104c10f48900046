"""Attempts: every proposal that was held against an agent's sealed split, in order, with what it spent.

An attempt is opened before anything is measured, with the level it will be decided at, and closed with what came of it.
Opened again it is the same attempt, so a night that was killed neither spends twice nor changes its level.
"""

from collections.abc import Sequence

from burnish.domain.base import UtcDatetime, Value, utc_now
from burnish.domain.gate.across_nights import AcrossNights, begin, counted
from burnish.domain.gate.rule import GateRule
from burnish.domain.gate.verdict import Outcome, Verdict

__all__ = ["Attempt", "closed", "opened", "standing"]


class Attempt(Value):
    """One proposal of one night. `number` counts an agent's attempts from 1.

    `state` is the error control before this attempt and gave `level`, `after` the one once it is closed. `p_value` is
    what was found, `counts_as` what the error control was told: 1 while nothing is known. `order` are the ids of the
    held-out examples, in the order in which they are measured, whatever comes into the split later. `experiment_id` is
    the measurement it was closed on.
    """

    agent: str
    night: str
    proposal_id: str
    number: int
    level: float
    order: tuple[str, ...] = ()
    state: AcrossNights
    after: AcrossNights
    counts_as: float = 1.0
    p_value: float | None = None
    outcome: Outcome | None = None
    experiment_id: str | None = None
    opened_at: UtcDatetime
    closed_at: UtcDatetime | None = None

    def settled(self, experiment_id: str) -> bool:
        """Whether a measurement may not be decided in this attempt any more.

        A yes and a no are final. What was inconclusive may be completed, on the very measurement that it was and on no
        other: changed examples, evaluators, models or repetitions would be a second try at a level spent once.
        """
        if self.outcome is None:
            return False
        return self.outcome is not Outcome.INCONCLUSIVE or self.experiment_id != experiment_id


def opened(
    history: Sequence[Attempt], agent: str, night: str, proposal_id: str, rule: GateRule, order: Sequence[str] = ()
) -> Attempt:
    """The attempt of this proposal in this night: the one there is in the agent's `history`, or a new one at its end.

    One that was left open counts as spent without evidence. A rule that changed is applied as though it had always
    stood, so that changing it back and forth gives nothing back.
    """
    for attempt in history:
        if (attempt.night, attempt.proposal_id) == (night, proposal_id):
            return attempt
    state = standing(history, rule)
    return Attempt(
        agent=agent,
        night=night,
        proposal_id=proposal_id,
        number=len(history) + 1,
        level=state.tonight(),
        order=tuple(order),
        state=state,
        after=state.after(1.0),
        opened_at=utc_now(),
    )


def standing(history: Sequence[Attempt], rule: GateRule) -> AcrossNights:
    """The error control after an agent's attempts so far.

    Replayed under a changed rule, levels may be higher than they were. An attempt that opened no pull request then is
    no discovery now either: where its p-value would pass, it counts as no evidence.
    """
    ordered = sorted(history, key=lambda attempt: attempt.number)
    state: AcrossNights = begin(rule)
    if ordered and ordered[-1].after.model_copy(update={"snapshot": None}) == state:
        return ordered[-1].after
    for attempt in ordered:
        missed = attempt.outcome is not Outcome.ACCEPTED and attempt.counts_as <= state.tonight()
        state = state.after(1.0 if missed else attempt.counts_as)
    return state


def closed(attempt: Attempt, verdict: Verdict, is_last: bool) -> Attempt:
    """The attempt with its verdict; closing it again replaces what came of it.

    Once a later attempt has begun (not `is_last`), that one's level rests on what this one counted as, which stays.
    """
    changed = attempt.model_copy(
        update={
            "p_value": verdict.p_value,
            "outcome": verdict.outcome,
            "experiment_id": verdict.experiment_id,
            "closed_at": attempt.closed_at or utc_now(),
        }
    )
    if not is_last:
        return changed
    value = counted(verdict.outcome, verdict.p_value, attempt.level, verdict.guards_held)
    return changed.model_copy(update={"counts_as": value, "after": attempt.state.after(value)})
