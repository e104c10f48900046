"""Evidence as a bet: an e-process that may be stopped at any time and carried over to another night.

A gambler without prior knowledge stakes a share of the wealth on every next example being better under the candidate.
If the candidate is no better on average, no strategy multiplies the wealth by more than 1 in expectation, so wealth of
1 / level is reached with a chance of at most `level`, whenever one looks (Ville's inequality). The wealth is averaged
over a grid of stakes, as in Waudby-Smith and Ramdas (2024, "Estimating means of bounded random variables by betting").
It asks more examples than a planned test: that is the price of stopping at will.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.gate.differences import Differences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["STAKES", "evidence", "fits", "log_wealth"]

STAKES = tuple((k + 0.5) / 20 for k in range(20))  # shares of the wealth, each weighing the same at the start


def fits(differences: Differences) -> bool:
    """Whether bets can be made on these: every difference lies within -1 to 1, as those of scores from 0 to 1 do."""
    import numpy as np

    return not len(differences) or float(np.abs(differences.values).max()) <= 1 + 1e-9


def log_wealth(differences: Differences) -> "NDArray[np.float64]":
    """Natural logarithm of the wealth of each stake after these examples, from 1.

    Wealth over further examples adds to it, which is how evidence is carried over. A group counts as one example, its
    mean, and must be complete: a mean that changed later would change a bet that was settled. Asks for differences that
    `fits` accepts.
    """
    import numpy as np

    units = differences.units
    if differences.groups is not None:
        units = units / np.bincount(differences.groups)
    wealth: NDArray[np.float64] = np.log1p(np.outer(STAKES, units)).sum(axis=1)
    return wealth


def evidence(differences: Differences, carried: Sequence[float] = ()) -> float:
    """Natural logarithm of the e-value of the mixture, with `carried` log wealth (by stake) from earlier examples."""
    import numpy as np

    wealth = log_wealth(differences) + np.asarray(carried) if len(carried) else log_wealth(differences)
    top = float(wealth.max())
    return top + float(np.log(np.exp(wealth - top).mean()))
