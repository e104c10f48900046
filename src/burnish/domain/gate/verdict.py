"""What the gate answers, with everything a reader needs to doubt it."""

from enum import StrEnum

from burnish.domain.agreement import Agreement, JudgeStanding
from burnish.domain.base import Value
from burnish.domain.ppi import PpiEstimate

__all__ = ["Comparison", "JudgeEvidence", "Lift", "Look", "Outcome", "Verdict"]


class Outcome(StrEnum):
    """ACCEPTED alone may open a pull request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


class Comparison(Value):
    """Candidate against baseline on one metric over paired examples.

    Means, `effect` and the interval are on the metric's own scale, per example (repetitions averaged first).
    `fixed` and `broken` are example ids whose score rose or fell. `unmeasured_*` counts examples left out, by arm.
    `groups` is how many groups the pairs form where some have several members, else None: the tests then count groups.
    """

    metric: str
    pairs: int
    baseline_mean: float
    candidate_mean: float
    effect: float
    low: float
    high: float
    confidence: float
    p_value: float | None
    test: str
    wins: int
    losses: int
    ties: int
    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unmeasured_baseline: int = 0
    unmeasured_candidate: int = 0
    groups: int | None = None


class Look(Value):
    """One look at the evidence so far.

    `examples` were run by then and `pairs` could be compared. `z` is the test's p-value as a normal deviate, `boundary`
    what it must exceed; under bets both are base-10 logarithms of the e-value and of one over the level. `p_value` is
    of this look as if it were the only one. `power` is the predicted chance that the last look says yes, None there.
    """

    examples: int
    pairs: int
    effect: float
    z: float
    boundary: float
    p_value: float
    test: str
    power: float | None = None

    @property
    def crossed(self) -> bool:
        """Whether this look alone says yes."""
        return self.z > self.boundary


class Lift(Value):
    """The gain as it should be quoted: `raw` is what was seen, `shrunk` what to expect.

    What passes a gate was lucky more often than not. `shrunk` counts further examples without any change (how many
    says `domain.gate.lift`). `low` and `high` are its 95 % interval, on the metric's own scale.
    """

    raw: float
    shrunk: float
    low: float
    high: float


class JudgeEvidence(Value):
    """How the judge behind the primary metric stands with people.

    `before` and `after` are its agreement with people on runs of the baseline and of the candidate. `corrected` is the
    gain with the judge's favour taken out by people's labels on both arms, None without such labels. A judge that
    `compares_arms` scores no production trace: labels there cannot help it.
    """

    standing: JudgeStanding
    compares_arms: bool = False
    before: Agreement | None = None
    after: Agreement | None = None
    corrected: PpiEstimate | None = None


class Verdict(Value):
    """The gate's decision on one proposal, with reasons in plain words, each a full sentence.

    `level` is tonight's, `p_value` holds over all looks together: a gain was accepted only where it is below the level.
    `guards_held`: every guard and limit was shown to hold. `attempts_before` counts the proposals of this agent that
    were held against the sealed split earlier.
    """

    proposal_id: str
    experiment_id: str
    outcome: Outcome
    reasons: tuple[str, ...]
    level: float
    comparison: Comparison | None = None
    guards: tuple[Comparison, ...] = ()
    guards_held: bool = True
    p_value: float | None = None
    looks: tuple[Look, ...] = ()
    planned_looks: int = 1
    stopped_early: bool = False
    attempts_before: int = 0
    lift: Lift | None = None
    judge: JudgeEvidence | None = None
