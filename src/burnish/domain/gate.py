"""The gate's answer: a verdict with its reasons. The rule itself is `decide`."""

from enum import StrEnum

from pydantic import Field

from burnish.domain.base import Value

__all__ = ["Comparison", "GateRule", "Outcome", "Verdict"]


class Outcome(StrEnum):
    """ACCEPTED alone may open a pull request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"


class GateRule(Value):
    """When a pull request may open: a paired test at a fixed level."""

    level: float = Field(default=0.01, gt=0, lt=0.5)
    minimum_pairs: int = Field(default=20, ge=2)
    unmeasured_share: float = Field(default=0.1, ge=0, le=1)
    guards: tuple[str, ...] = ()
    guard_margin: float = Field(default=0.05, ge=0)


class Comparison(Value):
    """Candidate against baseline on one metric over paired examples.

    Means, `effect` and the interval are on the metric's own scale, per example (repetitions averaged first).
    `fixed` and `broken` are example ids whose score rose or fell. `unmeasured_*` counts examples left out, by arm.
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


class Verdict(Value):
    """The gate's decision on one proposal, with reasons in plain words, each a full sentence."""

    proposal_id: str
    experiment_id: str
    outcome: Outcome
    reasons: tuple[str, ...]
    level: float
    comparison: Comparison | None = None
    guards: tuple[Comparison, ...] = ()
