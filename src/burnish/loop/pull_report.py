"""What a pull did, and how far it has come."""

from datetime import datetime
from typing import NamedTuple

from burnish.adapters.sources.base import Problem
from burnish.domain.base import UtcDatetime, Value
from burnish.domain.listing import IngestSummary

__all__ = ["PullProgress", "PullReport"]


class PullReport(Value):
    """What a pull changed, what it could not use, and whether it came to its end.

    `traces`, `spans` and `feedback_read` count what the source gave, `summary` and `new_feedback` what was new of it,
    `expired` the traces that are older than the agent's retention and were left out.
    `start` and `end` bound the time that was asked for (None where the source is files), `read_to` says up to when
    everything is stored. `stopped` says why it did not reach the end, and is empty where it did; `limited` says that it
    was told to read no more. `problems` holds the first thousand of `problem_count`.
    """

    source: str
    summary: IngestSummary = IngestSummary()
    traces: int = 0
    spans: int = 0
    expired: int = 0
    feedback_read: int = 0
    new_feedback: int = 0
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    start: UtcDatetime | None = None
    end: UtcDatetime | None = None
    read_to: UtcDatetime | None = None
    stopped: str = ""
    limited: bool = False
    seconds: float = 0.0


class PullProgress(NamedTuple):
    """Where a pull stands: read so far, and which moment of [start, end) it has come to, if it asks by time."""

    spans: int
    new_spans: int
    problems: int
    seconds: float
    at: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None

    @property
    def rate(self) -> float:
        """Spans a second."""
        return self.spans / self.seconds if self.seconds > 0 else 0.0

    @property
    def minutes(self) -> tuple[int, int]:
        """Minutes of the window that are read, and all of them; (0, 0) where the source is files."""
        if self.at is None or self.start is None or self.end is None:
            return 0, 0
        whole = max(1, round((self.end - self.start).total_seconds() / 60))
        return min(whole, max(0, round((self.at - self.start).total_seconds() / 60))), whole

    def __str__(self) -> str:
        where = "" if self.at is None else f", at {self.at:%Y-%m-%d %H:%M}"
        return f"{self.spans:,} spans, {self.new_spans:,} new, {self.rate:,.0f}/s{where}"
