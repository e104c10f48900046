"""Is the best candidate on dev worth a look at the sealed split?

Dev chooses the best of several and proves nothing. But a gain that dev alone could easily have by chance is seldom a
real one, and every night that goes to the held-out split costs runs and a part of SAFFRON's wealth.
"""

from burnish.domain.gate.differences import Differences
from burnish.domain.gate.rule import GateRule

__all__ = ["convincing"]


def convincing(on_dev: Differences, rule: GateRule) -> bool:
    """Whether the best candidate's gain on dev has a one-sided p-value of at most `rule.dev_level` (0.5: any gain)."""
    if rule.dev_level >= 0.5:
        return on_dev.mean > 0
    p_value = on_dev.tested().p_value
    return on_dev.mean > 0 and p_value is not None and p_value <= rule.dev_level
