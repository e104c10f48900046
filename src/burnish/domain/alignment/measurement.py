"""One measurement of one version of a judge against people, as it is kept."""

from burnish.domain.agreement import Agreement, AlignmentState, JudgeStanding
from burnish.domain.alignment.bias import LengthBias, PositionBias
from burnish.domain.alignment.drift import Drift
from burnish.domain.alignment.state import Earlier
from burnish.domain.base import UtcDatetime, Value
from burnish.domain.raters import RaterAgreement

__all__ = ["Alignment"]


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
    def as_earlier(self) -> Earlier:
        """This measurement, as `with_history` asks for the last aligned one."""
        return Earlier(self.version, self.model, self.measured_at)

    def standing(self, floor: float, minimum_labels: int) -> JudgeStanding:
        """What the gate reads."""
        return JudgeStanding(
            metric=self.judge,
            version=self.version,
            agreement=self.held_out,
            floor=floor,
            minimum_labels=minimum_labels,
            split=self.split,
            can_carry=self.state is AlignmentState.ALIGNED,
            state=self.state,
            reason=self.reason,
        )
