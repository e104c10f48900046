"""Error control across nights: which level tonight's one hypothesis is tested at.

A level of 1 % every night is one false pull request in a hundred nights, for ever. SAFFRON (Ramdas et al. 2018) keeps
the share of false ones among all that were opened: each night spends a little of a wealth, each discovery earns some
back. States are frozen values with a snapshot as JSON, so that the store can keep every one of them. The level of
tonight depends on the nights before alone and is known before anything is measured. Its theorem wants p-values that
are independent: fresh examples in the held-out split keep it near that.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from burnish.domain.base import Json, Value
from burnish.domain.gate.rule import GateRule
from burnish.domain.gate.verdict import Outcome

__all__ = ["AcrossNights", "FixedLevel", "Saffron", "begin", "counted"]


class FixedLevel(Value):
    """The same level every night."""

    kind: Literal["fixed"] = "fixed"
    level: float

    def tonight(self) -> float:
        """The level of the next test."""
        return self.level

    def after(self, p_value: float) -> "FixedLevel":
        """The state once a p-value is in: the same."""
        return self


class Saffron(Value):
    """SAFFRON's state: its parameters and what `online_fdr` gave as a snapshot after the tests so far."""

    kind: Literal["saffron"] = "saffron"
    false_share: float
    wealth: float
    candidate_below: float
    snapshot: dict[str, Json] | None = None

    def tonight(self) -> float:
        """The level of the next test, asked of a copy: SAFFRON's levels never depend on the p-value to come."""
        copy = self._restored()
        copy.test_one(1.0)
        return float(copy.last_test_level)

    def after(self, p_value: float) -> "Saffron":
        """The state once a p-value is in."""
        changed = self._restored()
        changed.test_one(min(1.0, max(0.0, p_value)))
        return self.model_copy(update={"snapshot": changed.snapshot()})

    def _restored(self) -> Any:
        from online_fdr.p_values import Saffron as Procedure

        if self.snapshot is not None:
            return Procedure.from_snapshot(self.snapshot)
        return Procedure(alpha=self.false_share, wealth=self.wealth, lambda_=self.candidate_below)


AcrossNights = Annotated[FixedLevel | Saffron, Field(discriminator="kind")]


def begin(rule: GateRule) -> FixedLevel | Saffron:
    """The state before an agent's first night."""
    if rule.across_nights == "fixed":
        return FixedLevel(level=rule.level)
    return Saffron(false_share=rule.false_share, wealth=rule.wealth, candidate_below=rule.candidate_below)


def counted(outcome: Outcome, p_value: float | None, level: float, guards_held: bool = True) -> float:
    """The p-value of a night as a whole, which asks for a gain, guards that hold and a measurement to be trusted.

    1, no evidence, where the gain's p-value cannot stand for that whole: the measurement was inconclusive, a guard was
    not shown to hold, or the night was refused although the gain was below the level. Such a night neither earns wealth
    nor is spared its price as a candidate.
    """
    if outcome is Outcome.ACCEPTED:
        return 1.0 if p_value is None else p_value
    if p_value is None or outcome is Outcome.INCONCLUSIVE or not guards_held or p_value < level:
        return 1.0
    return p_value
