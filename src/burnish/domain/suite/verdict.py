"""Values of the suite: the rule it goes by, how each case stands, and the verdict on a change."""

from enum import StrEnum

from pydantic import Field

from burnish.domain.base import Json, Value
from burnish.domain.gate import Comparison

__all__ = ["CaseResult", "CaseState", "SuiteGuard", "SuiteMetric", "SuiteOutcome", "SuiteRule", "SuiteVerdict"]


class SuiteRule(Value):
    """When a change passes the suite: `[suite]` of the agent's file.

    `metrics` are evaluators; empty: the metric to improve and the gate's guards, without those that compare arms. A
    case passes where each metric that applies to it reaches `pass_at` (empty: the agent's `improve.fail_below`).
    `margin` is how much worse the mean of a metric may be, on its own scale; `level` the one-sided error of each test;
    `discordance` the share of cases assumed to change, for saying how many cases are needed. `cost_increase` and
    `latency_increase` are shares of the base's mean (0.2: a fifth more); empty: not looked at.
    """

    metrics: tuple[str, ...] = ()
    pass_at: float | None = None
    margin: float = Field(default=0.05, gt=0)
    level: float = Field(default=0.05, gt=0, lt=0.5)
    discordance: float = Field(default=0.05, gt=0, le=1)
    unmeasured_share: float = Field(default=0.1, ge=0, le=1)
    repetitions: int = Field(default=1, ge=1)
    cost_increase: float | None = Field(default=None, ge=0)
    latency_increase: float | None = Field(default=None, ge=0)


class SuiteOutcome(StrEnum):
    """PASS: nothing that must pass broke, and the rest is shown not to be worse by more than the margin."""

    PASS = "pass"  # noqa: S105 - a word, no password
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"


class CaseState(StrEnum):
    """How a case stands after the change, beside how it stood before.

    FLAKY: failed, then passed when it was tried again. FAILING: failed before and still does. BROKEN and FIXED: the
    change made the difference. UNMEASURED: something around the agent failed, which says nothing about it.
    """

    PASSED = "passed"
    FIXED = "fixed"
    FLAKY = "flaky"
    FAILING = "failing"
    BROKEN = "broken"
    UNMEASURED = "unmeasured"


class CaseResult(Value):
    """One case: its state, mean scores by metric before and after, an output of each, and why, where there is a why.

    `added` cases are not in the base's suite. `seconds` is the agent's time after the change, summed over runs.
    """

    id: str
    state: CaseState
    must_pass: bool = False
    added: bool = False
    input: Json = None
    expected: Json = None
    criteria: tuple[str, ...] = ()
    baseline: dict[str, float] = {}
    candidate: dict[str, float] = {}
    output_before: Json = None
    output_after: Json = None
    reason: str = ""
    seconds: float = 0.0


class SuiteMetric(Value):
    """One metric over the cases that need not pass one by one: is the change shown to be at most the margin worse?

    `comparison.low` is the one-sided lower bound that decides. `needed` is the number of cases that would show it with
    80 % power, where it was not shown; `small` whether the suite has fewer.
    """

    comparison: Comparison
    outcome: SuiteOutcome
    margin: float
    p_worse: float | None
    needed: int | None = None
    small: bool = False
    reason: str


class SuiteGuard(Value):
    """Cost (US dollars) or latency (seconds) a case: means over `pairs` cases, against the share it may grow by."""

    name: str
    outcome: SuiteOutcome
    pairs: int
    baseline_mean: float
    candidate_mean: float
    allowed_increase: float
    small: bool = False
    reason: str


class SuiteVerdict(Value):
    """What the suite says of a change, with reasons in full sentences, the verdict first.

    `small`: nothing speaks against the change but that too few cases exist to exclude a loss beyond the margin.
    `removed` and `altered` are ids of the base's cases that the change takes away or rewrites; a person looks at those.
    """

    outcome: SuiteOutcome
    reasons: tuple[str, ...]
    cases: tuple[CaseResult, ...] = ()
    metrics: tuple[SuiteMetric, ...] = ()
    guards: tuple[SuiteGuard, ...] = ()
    removed: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    small: bool = False
    agent: str = ""
    base: str = ""
    candidate: str = ""
    experiment_id: str = ""
    repetitions: int = 1

    @property
    def blocks(self) -> bool:
        """Whether a night may not publish: a regression, or no answer for another reason than a small suite."""
        return self.outcome is SuiteOutcome.REGRESSION or (self.outcome is SuiteOutcome.INCONCLUSIVE and not self.small)

    def by_state(self, state: CaseState) -> tuple[CaseResult, ...]:
        """The cases in a state, those that must pass first."""
        return tuple(
            sorted((c for c in self.cases if c.state is state), key=lambda case: (not case.must_pass, case.id))
        )
