"""Which failed calls are worth another try, and how long to wait before it."""

import email.utils
import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from burnish.domain.base import utc_now

__all__ = ["Backoff", "Retold", "retry_after", "worth_retrying"]

TOLD_EVERY_S = 60.0
_log = logging.getLogger("burnish")


@dataclass(frozen=True)
class Backoff:
    """Waits double from `first_s` up to `cap_s`, drawn between half and whole of that; Retry-After is the least wait.

    The jitter keeps parallel callers from coming back all at once; it decides nothing else.
    """

    first_s: float = 1.0
    cap_s: float = 30.0
    longest_asked_s: float = 120.0
    jitter: Callable[[], float] = random.random

    def wait(self, failures: int, asked: float | None) -> float:
        """Seconds to wait after so many failures; `asked` is what the endpoint said, heeded up to its own cap."""
        own = min(self.cap_s, self.first_s * 2.0 ** (failures - 1)) * (0.5 + self.jitter() / 2)
        return own if asked is None else max(own, min(asked, self.longest_asked_s))

    def longest(self, failures: int) -> float:
        """Seconds that so many failures wait at most, where nothing longer is asked for."""
        return sum(min(self.cap_s, self.first_s * 2.0**number) for number in range(failures))


class Retold:
    """Says that something is tried again, as a warning in the log `burnish`, which a terminal shows; now and then only.

    Waiting in silence looks like hanging. Parallel calls to one endpoint fail alike, so one of them speaks a minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: float | None = None

    def tell(self, what: str, reason: str, tries_left: int, seconds: float) -> None:
        """`what` failed because of `reason`, and is tried again so many times within about so many seconds."""
        now = self._clock()
        if self._last is not None and now - self._last < TOLD_EVERY_S:
            return
        self._last = now
        tries = f"{tries_left} more {'time' if tries_left == 1 else 'times'}"
        _log.warning(
            "%s failed (%s); trying %s, for up to %.0f s and the calls themselves", what, reason, tries, seconds
        )


def worth_retrying(status: int, code: str | None) -> bool:
    """Whether a status may pass by itself. An account without credit answers 429 for ever."""
    if code in ("insufficient_quota", "billing_hard_limit_reached"):
        return False
    return status in (408, 409, 429) or status >= 500


def retry_after(headers: Mapping[str, str], now: Callable[[], datetime] = utc_now) -> float | None:
    """Seconds the endpoint asked to wait (Retry-After-Ms, Retry-After in seconds or as a date), or None."""
    for name, unit in (("Retry-After-Ms", 0.001), ("Retry-After", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) * unit
        except ValueError:
            pass
        else:
            if math.isfinite(seconds):
                return max(0.0, seconds)
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            continue
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - now()).total_seconds())
    return None
