"""Whether a judge's agreement with people has fallen while nobody changed the judge.

Models change behind their names, and what users ask changes. The test is a search for one change: labels stand in the
order in which their traces began, and of all places where they could be cut in two, the largest standardised fall from
before to after counts. Its p-value is that of the same search over labels in random order (a permutation test, valid
for any share of agreement and for grades as well).

A judge is measured every night, and a test that is repeated each night at 5 % cries wolf within weeks. So there are
looks: the first at `FIRST` units, the next at half as many again, and so on. Look k is given level / (k (k + 1)) of the
chance of a false alarm; these parts add up to the level, so over the whole life of a judge's version, however long it
is watched, it is called drifting without cause with a chance of at most the level (union bound; each look's test is
valid whatever the others said). Between looks the last one's answer stands.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from burnish.domain.agreement import Rate
from burnish.domain.base import UtcDatetime, Value
from burnish.domain.statistics import wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Drift", "DriftWindow", "Match", "drift_of", "fall_of", "looks_by"]

FIRST, GROWTH = 40, 1.5
EITHER_SIDE = 10  # units before and after a cut, at least
DRAWS = 4_999
ENOUGH = 500  # orders that fall as far, after which more draws change nothing that is decided
CELLS = 2_000_000  # of a block of random orders in memory at once


class Match(NamedTuple):
    """How right a judge was on one trace, 0 to 1, when that began, when it was labelled, and what it belongs to."""

    at: datetime
    labelled_at: datetime
    right: float
    unit: str


class DriftWindow(Value):
    """Agreement on the traces that began within a stretch of time; `end` is not part of it."""

    start: UtcDatetime
    end: UtcDatetime
    right: Rate


class Drift(Value):
    """A judge's agreement with people over time.

    `found`: the newest look says that it fell. `look` is which one that was (0: too few labels for any yet), over
    `items` units (traces, or sessions of several); `p_value` is held against `level`, that look's part of the false
    alarms allowed over the version's whole life. `since` is when the fall most likely began, `before` and `after` the
    agreement on either side of it.
    """

    windows: tuple[DriftWindow, ...] = ()
    look: int = 0
    items: int = 0
    p_value: float | None = None
    level: float | None = None
    found: bool = False
    since: UtcDatetime | None = None
    before: Rate | None = None
    after: Rate | None = None
    reason: str = ""


class Fall(NamedTuple):
    """The largest fall: how many units stand before the cut, and the chance of one as large without any change."""

    cut: int
    p_value: float


def drift_of(matches: Sequence[Match], level: float, days: int = 7) -> Drift:
    """Agreement in windows of so many days (weeks begin on Mondays), and what the newest look says.

    The units that a look has are the first labelled; they are compared in the order in which their traces began. Traces
    of one unit count as one, their mean.
    """
    windows = _windows(matches, days)
    units = _units(matches)
    look, size = looks_by(len(units))
    if not look:
        reason = f"Labels on {FIRST} traces or sessions are needed to look for drift; there are {len(units)}."
        return Drift(windows=windows, reason=reason)
    order = sorted(units[:size], key=lambda one: (one.at, one.unit))
    right = [one.right for one in order]
    part = level / (look * (look + 1))
    # The smallest p-value that can come out is 1 / (draws + 1): it must lie well below what this look may spend.
    fall = fall_of(right, max(DRAWS, math.ceil(5 / part)))
    found = fall.p_value <= part
    before, after = rate_of(right[: fall.cut]), rate_of(right[fall.cut :])
    since = order[fall.cut].at
    said = f"agreement is {before.share:.0%} before {since:%Y-%m-%d} and {after.share:.0%} since"
    reason = (
        f"Its agreement with people has fallen: {said} (p = {fall.p_value:.2g}, below {part:.2g})."
        if found
        else f"No drift shown: where it falls most, {said} (p = {fall.p_value:.2g}, not below {part:.2g})."
    )
    return Drift(
        windows=windows,
        look=look,
        items=size,
        p_value=fall.p_value,
        level=part,
        found=found,
        since=since,
        before=before,
        after=after,
        reason=reason,
    )


def looks_by(units: int) -> tuple[int, int]:
    """Which look has been reached with so many units, and how many it has; (0, 0) before the first."""
    look, size = 0, FIRST
    while size <= units:
        look += 1
        size = _size(look + 1)
    return look, _size(look) if look else 0


def _size(look: int) -> int:
    return round(FIRST * GROWTH ** (look - 1))


def fall_of(right: Sequence[float], draws: int = DRAWS, seed: int = 0) -> Fall:
    """The largest fall along values in order, by permutation. Asks for twice `EITHER_SIDE` values or more.

    Drawing ends early after `ENOUGH` orders with a fall as large; the p-value is then their share of those drawn, which
    is valid too (Besag and Clifford 1991).
    """
    import numpy as np

    values = np.asarray(right, dtype=float)
    seen = _falls(values[None, :])[0]
    cut = int(seen.argmax())
    generator = np.random.default_rng(seed)
    block = max(1, CELLS // len(values))
    reached = 0
    for start in range(0, draws, block):
        rows = np.tile(values, (min(block, draws - start), 1))
        largest = _falls(generator.permuted(rows, axis=1)).max(axis=1)
        hits = np.flatnonzero(largest >= seen[cut] - 1e-12)
        if reached + len(hits) >= ENOUGH:
            return Fall(EITHER_SIDE + cut, ENOUGH / (start + int(hits[ENOUGH - reached - 1]) + 1))
        reached += len(hits)
    return Fall(EITHER_SIDE + cut, (reached + 1) / (draws + 1))


def _falls(rows: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """By row and place of the cut, how far the mean falls there, standardised up to a constant."""
    import numpy as np

    count = rows.shape[1]
    before = np.arange(EITHER_SIDE, count - EITHER_SIDE + 1)
    after = count - before
    sums = np.cumsum(rows, axis=1)[:, before - 1]
    totals = rows.sum(axis=1, keepdims=True)
    falls: NDArray[np.float64] = (sums / before - (totals - sums) / after) * np.sqrt(before * after / count)
    return falls


def rate_of(right: Sequence[float]) -> Rate:
    """The share of right ones with Wilson's interval; grades count as parts."""
    total = sum(right)
    low, high = wilson(total, len(right))
    return Rate(share=total / len(right), low=low, high=high, count=len(right))


def _units(matches: Sequence[Match]) -> list[Match]:
    """One a unit, the first labelled first; a unit is labelled once all of it is."""
    of: dict[str, list[Match]] = {}
    for one in matches:
        of.setdefault(one.unit, []).append(one)
    joined = [
        Match(
            min(one.at for one in some),
            max(one.labelled_at for one in some),
            sum(one.right for one in some) / len(some),
            unit,
        )
        for unit, some in of.items()
    ]
    return sorted(joined, key=lambda one: (one.labelled_at, one.unit))


def _windows(matches: Sequence[Match], days: int) -> tuple[DriftWindow, ...]:
    monday = datetime(1970, 1, 5, tzinfo=UTC)
    step = timedelta(days=days)
    of: dict[int, list[float]] = {}
    for one in matches:
        of.setdefault((one.at - monday) // step, []).append(one.right)
    return tuple(
        DriftWindow(start=monday + number * step, end=monday + (number + 1) * step, right=rate_of(of[number]))
        for number in sorted(of)
    )
