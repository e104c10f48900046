"""The lift to expect, as against the lift that was seen.

A proposal is measured because it did best on dev and shown because it passed: both favour luck. The estimate is shrunk
towards no change as if `UNCHANGED` further examples had shown none. That is the posterior mean under a normal prior
around zero with a standard deviation of 1 / sqrt(UNCHANGED) of the differences' own, so it shrinks little where many
examples were measured and much where few were. docs/gate.md shows how raw and shrunken lifts of accepted proposals
compare with the truth in simulation.
"""

import math

from burnish.domain.gate.differences import Differences
from burnish.domain.gate.verdict import Lift

__all__ = ["UNCHANGED", "lift"]

UNCHANGED = 10
CONFIDENCE = 0.95


def lift(differences: Differences) -> Lift | None:
    """Raw and shrunken mean difference, with the shrunken one's 95 % interval; None below two units.

    Groups are counted by their effective number: one large group shows little more than a single example.
    """
    units = differences.effective
    if len(differences.units) < 2:
        return None
    share = units / (units + UNCHANGED)
    bounds = differences.interval(CONFIDENCE)
    # A posterior of a normal mean: the error shrinks with the square root of the share.
    half = (bounds.high - bounds.low) / 2 * math.sqrt(share)
    shrunk = differences.mean * share
    return Lift(raw=differences.mean, shrunk=shrunk, low=shrunk - half, high=shrunk + half)
