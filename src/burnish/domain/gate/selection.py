"""Is the best candidate on dev worth opening the sealed split for?

Dev chooses the best of several and proves nothing. But every night that goes to the held-out split costs runs and a
part of SAFFRON's wealth, and most candidates gain nothing. So one is dismissed on dev where dev has all but excluded a
gain that the held-out split could show. A small dev split excludes little and dismisses few.
"""

import math

from burnish.domain.gate.differences import Differences
from burnish.domain.gate.rule import GateRule

__all__ = ["convincing", "needed_on_dev"]


def needed_on_dev(on_dev: int, held_out: int, level: float, rule: GateRule) -> float:
    """The z that the best candidate needs on `on_dev` examples before `held_out` ones are run at `level`.

    The gain that the held-out split shows every second time, seen on dev with its larger error, may fall below this
    with a chance of `rule.dev_risk`. Both splits are taken to vary alike.
    """
    from scipy.special import ndtri

    if rule.dev_risk <= 0 or held_out <= 0:
        return 0.0
    shown = -float(ndtri(level)) * math.sqrt(on_dev / held_out)
    return max(0.0, shown + float(ndtri(rule.dev_risk)))


def convincing(on_dev: Differences, held_out: int, level: float, rule: GateRule) -> bool:
    """Whether the best candidate's gain on dev is above 0 and reaches what is needed."""
    return on_dev.mean > 0 and on_dev.trend() >= needed_on_dev(len(on_dev.units), held_out, level, rule)
