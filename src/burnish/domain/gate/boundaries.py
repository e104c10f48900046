"""Boundaries of a group-sequential test: when looking early may already say yes, and what a look then proves.

Looking four times at 1 % and stopping at the first success would be wrong far more often than 1 %. Lan and DeMets
(1983) spend the level look by look; with the spending that mimics O'Brien and Fleming an early yes asks for
overwhelming evidence and the last look costs almost nothing. The chance of crossing is computed by recursive numerical
integration (Armitage, McPherson and Rowe 1969), here on the score scale B(t) = z * sqrt(t), whose steps are
independent. scipy is imported on first use.
"""

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["HIGHEST_LEVEL", "NEVER", "BoundaryTable", "boundaries", "boundary_table", "spent"]

NEVER = 30.0  # a boundary that no z reaches: the look has next to nothing to spend
POINTS = 241  # of the grid of one look; the published tables are reproduced to three decimals with 101 already
LOWEST_Z, HIGHEST_Z = 0.5, 6.0  # range of levels in the table, as upper-tail z: 0.31 to 1e-9
HIGHEST_LEVEL = 0.3  # above it the boundaries are not nested, so a repeated p-value says 1 instead
STEPS = 111


def spent(fraction: float, level: float) -> float:
    """The part of a one-sided `level` that may be spent once `fraction` of the information is in (0 to 1)."""
    from scipy.special import ndtr, ndtri

    if fraction >= 1:
        return level
    return float(2 * ndtr(ndtri(level / 2) / math.sqrt(fraction)))


def boundaries(fractions: Sequence[float], level: float) -> tuple[float, ...]:
    """The z that each look must exceed, one-sided, for increasing information fractions of which the last is at most 1.

    Whatever was not crossed goes on: futility stops are not assumed, so they may be overruled. Raises ValueError for
    fractions that do not increase within 0 to 1.
    """
    if not fractions or fractions[0] <= 0 or fractions[-1] > 1 + 1e-9:
        raise ValueError(f"information fractions lie in 0 to 1 and end at most at 1, not {list(fractions)}")
    if any(later <= earlier for earlier, later in itertools.pairwise(fractions)):
        raise ValueError(f"information fractions increase from look to look, not {list(fractions)}")
    found: list[float] = []
    walk: _Walk | None = None
    used = 0.0
    for index, fraction in enumerate(fractions):
        gain, used = spent(fraction, level) - used, spent(fraction, level)
        walk = _Walk(walk, fraction, fraction - (fractions[index - 1] if index else 0.0), gain)
        found.append(walk.boundary)
    return tuple(found)


class _Walk:
    """The score's density over what had not crossed before this look, cut at the boundary that spends `gain`."""

    def __init__(self, before: "_Walk | None", fraction: float, step: float, gain: float) -> None:
        import numpy as np
        from scipy.integrate import simpson
        from scipy.optimize import brentq

        self._before = before
        self._root, self._step = math.sqrt(fraction), math.sqrt(step)
        self.boundary = NEVER
        if gain > 1e-100:
            excess = lambda z: math.log(max(self._crossing(z), 1e-300)) - math.log(gain)  # noqa: E731
            self.boundary = float(brentq(excess, -8.0, NEVER, xtol=1e-9))
        self.grid = np.linspace(-8.0 * self._root, min(self.boundary, 9.0) * self._root, POINTS)
        height = 1 / (self._step * math.sqrt(2 * math.pi))
        if before is None:
            self.density = height * np.exp(-0.5 * (self.grid / self._step) ** 2)
        else:
            kernel = height * np.exp(-0.5 * ((self.grid[:, None] - before.grid[None, :]) / self._step) ** 2)
            self.density = simpson(kernel * before.density[None, :], x=before.grid, axis=1)

    def _crossing(self, z: float) -> float:
        """The chance to be above z now without having crossed before."""
        from scipy.integrate import simpson
        from scipy.special import ndtr

        if self._before is None:
            return float(ndtr(-z))
        steps = (self._before.grid - z * self._root) / self._step
        return float(simpson(self._before.density * ndtr(steps), x=self._before.grid))


class BoundaryTable(NamedTuple):
    """Boundaries of one plan of looks for every level, so that boundary and repeated p-value always agree.

    `level_z` are upper-tail z of levels, ascending; `by_look[k]` the boundary of look k at each of them, ascending too.
    """

    level_z: "NDArray[np.float64]"
    by_look: tuple["NDArray[np.float64]", ...]

    def boundary(self, look: int, level: float) -> float:
        """The z that look number `look` (from 0) must exceed at `level`."""
        import numpy as np
        from scipy.special import ndtri

        return float(np.interp(-ndtri(level), self.level_z, self.by_look[look]))

    def p_value(self, look: int, z: float) -> float:
        """The smallest level whose boundary `z` reaches at this look: below a level exactly where it was crossed.

        1 above `HIGHEST_LEVEL`, and never below 1e-9, where the table ends.
        """
        import numpy as np
        from scipy.special import ndtr

        if z < self.by_look[look][0]:
            return 1.0
        return float(ndtr(-np.interp(z, self.by_look[look], self.level_z)))


@lru_cache(maxsize=256)
def boundary_table(fractions: tuple[float, ...]) -> BoundaryTable:
    """The table for looks at these information fractions; under a second, once a plan and process."""
    import numpy as np
    from scipy.special import ndtr

    level_z = np.linspace(LOWEST_Z, HIGHEST_Z, STEPS)
    rows = np.array([boundaries(fractions, float(ndtr(-z))) for z in level_z])
    # Where the first looks have nothing to spend their boundary is flat at NEVER; a tilt keeps the inverse unique.
    tilt = 1e-6 * np.arange(len(level_z))
    return BoundaryTable(level_z, tuple(np.maximum.accumulate(rows[:, k]) + tilt for k in range(len(fractions))))
