"""Whether a judge's agreement with people has fallen while nobody changed the judge."""

from burnish.domain.agreement import Rate
from burnish.domain.base import UtcDatetime, Value

__all__ = ["Drift", "DriftWindow"]


class DriftWindow(Value):
    """Agreement within a stretch of time, by when the traces started; `end` is not part of it."""

    start: UtcDatetime
    end: UtcDatetime
    right: Rate


class Drift(Value):
    """A judge's agreement with people over time.

    `found`: the newest look says that it fell. `look` is which one that was (0: too few labels for any yet), over
    `items` labels; `p_value` is held against `level`, that look's part of the false alarms allowed over the version's
    whole life. `since` is when the fall most likely began, `before` and `after` the agreement on either side of it.
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
