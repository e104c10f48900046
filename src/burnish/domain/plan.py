"""The plan of a night's measurement: what it can show, what it takes, and whether the budget covers it."""

import math

from burnish.domain.agreement import JudgeStanding
from burnish.domain.base import Value
from burnish.domain.planning import RUNS, FlipRate, Need

__all__ = ["Outlay", "Plan", "points"]


class Outlay(Value):
    """What a night measures at most, and what that takes. None where no run has been stored to tell.

    `calls` counts a model call a run and those of the judges on it: an agent with several steps makes more.
    """

    dev_examples: int
    dev_runs: int
    held_out_runs: int
    calls: int
    usd: float | None
    seconds: float | None
    calls_left: int | None
    usd_left: float | None

    @property
    def runs(self) -> int:
        """Runs of the agent on both splits."""
        return self.dev_runs + self.held_out_runs

    @property
    def covered(self) -> bool:
        """Whether the budget covers it, as far as is known."""
        calls_fit = self.calls_left is None or self.calls <= self.calls_left
        return calls_fit and (self.usd_left is None or self.usd is None or self.usd <= self.usd_left)


class Plan(Value):
    """What tonight's measurement can and cannot show. `examples` of `held_out` are used, as the limit allows.

    `gain` is the smallest gain that is seen with `power`, None where none is.
    """

    agent: str
    metric: str
    held_out: int
    examples: int
    limit: int
    minimum_pairs: int
    repetitions: int
    level: float
    power: float
    flips: FlipRate
    gain: float | None
    needs: tuple[Need, ...]
    outlay: Outlay
    judges: tuple[JudgeStanding, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The plan in plain words, the power first."""
        said = [self._power(), *self._missing(), self._flips(), self._outlay()]
        if not self.outlay.covered:
            said.append(
                "The budget does not cover this, so the night would end inconclusive: raise [budget], or lower "
                "candidates, dev_limit or held_out_limit in [improve]."
            )
        return (*said, *(judge.reason for judge in self.judges))

    def _power(self) -> str:
        base = f"With {_counted(self.examples, 'held-out example')} and {_counted(self.repetitions, 'run')} of each"
        if self.examples < self.minimum_pairs:
            return f"{base}, no verdict is possible: [gate] minimum_pairs asks for {self.minimum_pairs}."
        if self.gain is None:
            return f"{base}, no gain can be seen."
        return (
            f"{base}, a gain of {points(self.gain)} or more is seen in {self.power:.0%} of the nights that have one "
            f"(one-sided test at {self.level:.2g})."
        )

    def _missing(self) -> list[str]:
        wanted = [need for need in self.needs if need.missing and need.gain in (0.10, 0.05)]
        if not wanted:
            return []
        said = [f"{points(need.gain)} needs {need.missing:,} more" for need in wanted]
        if self.repetitions < max(RUNS):
            fewer = [f"{max(0, need.thrice - self.examples):,}" for need in wanted]
            said[-1] += f" (with {max(RUNS)} runs of each: {' and '.join(fewer)} more)"
        text = "; ".join(said) + "."
        if self.limit < max(need.planned for need in wanted):
            text += f" [improve] held_out_limit is {self.limit}: raise it as the dataset grows."
        return [text]

    def _flips(self) -> str:
        share = f"{self.flips.share:.0%} of the answers flip from run to run"
        if self.flips.basis == "assumed":
            return f"It is assumed that {share}; two nights, or repetitions in [improve], will tell."
        if self.flips.basis == "given":
            return f"It was given that {share}."
        where = "repetitions" if self.flips.basis == "repetitions" else "runs of the same version on several nights"
        return (
            f"{share}, by the {where} of {_counted(self.flips.examples, 'dev example')} "
            f"({self.flips.low:.0%} to {self.flips.high:.0%})."
        )

    def _outlay(self) -> str:
        o = self.outlay
        parts = [
            f"The night makes at most {o.runs:,} runs ({o.dev_runs:,} on dev, {o.held_out_runs:,} on held-out)",
            f"{o.calls:,} model calls or more",
        ]
        if o.usd is not None:
            parts.append(f"about {o.usd:.2f} USD")
        if o.seconds is not None:
            parts.append(f"about {o.seconds / 60:.0f} minutes")
        return ", ".join(parts) + "."


def points(gain: float) -> str:
    """A gain in percentage points with its sign; below 10 with one digit behind the point where there is one."""
    number = gain * 100
    whole = gain >= 0.1 or math.isclose(number, round(number), abs_tol=0.05)
    return f"+{number:.0f} points" if whole else f"+{number:.1f} points"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
