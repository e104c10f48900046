"""One measurement of one version of a judge against people, as it is kept."""

from datetime import datetime
from typing import Final

from burnish.domain.agreement import Agreement, AlignmentState, JudgeRule, JudgeStanding, standing_of
from burnish.domain.alignment.bias import LengthBias, PositionBias
from burnish.domain.alignment.drift import Drift
from burnish.domain.alignment.state import Earlier, with_history
from burnish.domain.base import UtcDatetime, Value
from burnish.domain.raters import RaterAgreement

__all__ = ["Alignment", "as_of"]

_MEASURE: Final = "A night measures it, and `burnish judges measure AGENT` does now."


class Alignment(Value):
    """A judge of an agent beside people, at one moment.

    `judge` is the key of its scores: the evaluator's name, or "<name>.<criterion>". `model` is what answered for it.
    `held_out` counts labels that neither this version nor one before it was fitted to, `train` those it was (None where
    it was fitted to none). `raters` is alpha and AC1 of the judge and the people's decision on the held-out labels,
    `ceiling` the agreement of people with each other on the same traces, beyond which no judge can be measured; None
    where no two people labelled one. From `pass_at` up a score is a pass. `fitted_on` are the traces whose labels this
    version was made from. `split` counts held-out traces on which as many people passed as failed.

    Figures and ids only: neither texts nor single labels, so that a measurement may be shown where traces are sealed.
    """

    agent: str
    judge: str
    version: str
    model: str | None = None
    measured_at: UtcDatetime
    held_out: Agreement
    raters: RaterAgreement | None = None
    train: Agreement | None = None
    ceiling: RaterAgreement | None = None
    pass_at: float = 0.5
    split: int = 0
    newest_label_at: UtcDatetime | None = None
    fitted_on: tuple[str, ...] = ()
    drift: Drift | None = None
    length: LengthBias | None = None
    position: PositionBias | None = None
    state: AlignmentState
    reason: str

    @property
    def held_out_labels(self) -> int:
        """Traces with a label that the judge was not fitted to."""
        return self.held_out.items

    @property
    def train_labels(self) -> int:
        """Traces with a label that the judge was fitted to."""
        return 0 if self.train is None else self.train.items

    @property
    def swayed(self) -> tuple[str, ...]:
        """What was shown to sway it, in sentences."""
        return tuple(bias.reading for bias in (self.length, self.position) if bias is not None and bias.shown)

    @property
    def as_earlier(self) -> Earlier:
        """This measurement, as `with_history` asks for the last aligned one."""
        return Earlier(self.version, self.model, self.measured_at)


def as_of(
    newest: Alignment | None, judge: str, version: str, rule: JudgeRule, now: datetime, model: str | None = None
) -> tuple[AlignmentState, str]:
    """State and reason of a judge's present version by the newest measurement there is of the judge.

    For lists and pages, which measure nothing: days may have passed since, and the judge may have been changed.
    """
    if newest is None:
        return AlignmentState.UNALIGNED, f"Nobody has measured the judge {judge} beside people yet. {_MEASURE}"
    day = f"{newest.measured_at:%Y-%m-%d}"
    if newest.version != version:
        changed = f"answered by {newest.model}" if model != newest.model and newest.model else "as another version"
        said = f"The judge {judge} was {newest.state} on {day}, {changed}; it was not measured as it is now. {_MEASURE}"
        once = newest.state is not AlignmentState.UNALIGNED
        return (AlignmentState.STALE if once else AlignmentState.UNALIGNED), said
    held = standing_of(judge, version, newest.held_out, rule)
    if newest.state is AlignmentState.ALIGNED and not held.can_carry:
        # The agent's file asks for more than it did when this was measured.
        return AlignmentState.UNALIGNED, held.reason
    measured = JudgeStanding(
        metric=judge,
        version=version,
        agreement=newest.held_out,
        floor=rule.kappa_floor,
        minimum_labels=rule.minimum_labels,
        can_carry=newest.state is AlignmentState.ALIGNED,
        reason=newest.reason,
        state=newest.state,
    )
    aged = with_history(measured, rule, now=now, newest_label_at=newest.newest_label_at)
    return aged.state or newest.state, aged.reason
