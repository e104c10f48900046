"""When a pull request may open: the `[gate]` part of an agent's file."""

from typing import Literal, Self

from pydantic import Field, model_validator

from burnish.domain.agreement import JudgeRule
from burnish.domain.base import Value

__all__ = ["GUARD_LEVEL", "MISSINGNESS_LEVEL", "GateRule"]

GUARD_LEVEL = 0.05  # one-sided, of each guard's non-inferiority test
MISSINGNESS_LEVEL = 0.05  # two-sided, of the test that both arms were measured alike


class GateRule(Value):
    """How evidence is judged within a night and across nights.

    Within a night, `mode`: "group_sequential" looks up to `looks` times and may stop early, "fixed_sample" looks once,
    "e_process" bets against "no gain" and may stop whenever. `futility` is the predictive power below which a
    group-sequential measurement is given up (0: never); it is non-binding, so it costs power and never errors.

    Across nights, `across_nights`: "fixed" tests every night at `level`; "saffron" spends a wealth: of the pull
    requests opened over the agent's life at most the share `false_share` is expected to be false, and where nothing
    ever improves, any false one opens with a chance of at most about `wealth`. A night whose p-value is below
    `candidate_below` does not use up wealth. `level` is also what stands where no history is kept.

    `dev_risk`: the best candidate on dev is dismissed there, without a look at the held-out split, where a gain that
    the held-out split would show every second time does so badly on dev with at most this chance (0: any gain goes on).
    `max_cost_increase` and `max_latency_increase` are relative (0.2: a fifth more); None does not look.
    `judges` says what agreement with people a judge's metric needs to carry a pull request.
    """

    mode: Literal["group_sequential", "fixed_sample", "e_process"] = "group_sequential"
    looks: int = Field(default=4, ge=1, le=20)
    futility: float = Field(default=0.02, ge=0, lt=0.5)
    across_nights: Literal["saffron", "fixed"] = "saffron"
    level: float = Field(default=0.01, gt=0, lt=0.5)
    false_share: float = Field(default=0.05, gt=0, lt=0.5)
    wealth: float = Field(default=0.045, gt=0, lt=0.5)
    candidate_below: float = Field(default=0.25, gt=0, le=0.3)
    dev_risk: float = Field(default=0.1, ge=0, lt=0.5)
    minimum_pairs: int = Field(default=20, ge=2)
    unmeasured_share: float = Field(default=0.1, ge=0, le=1)
    guards: tuple[str, ...] = ()
    guard_margin: float = Field(default=0.05, ge=0)
    max_cost_increase: float | None = Field(default=None, ge=0)
    max_latency_increase: float | None = Field(default=None, ge=0)
    judges: JudgeRule = JudgeRule()

    @model_validator(mode="after")
    def _wealth_below_share(self) -> Self:
        if self.wealth >= self.false_share:
            raise ValueError(f"wealth = {self.wealth:g} must be below false_share = {self.false_share:g}")
        return self
