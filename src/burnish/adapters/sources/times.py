"""Points in time as logs write them: ISO 8601, or seconds, milliseconds, microseconds or nanoseconds since 1970."""

import math
from datetime import UTC, datetime, timedelta

from burnish.domain.base import Json

__all__ = ["read_time"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_S = 253_402_300_799  # the last second of the year 9999
_EARLIEST = 1e8  # smaller numbers are durations
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (math.inf, 1e9))  # from 1973 to 5138 a number is one of them alone


def read_time(value: Json) -> datetime | None:
    """The moment in UTC; None where it is none. ISO times without a zone are taken as UTC."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return _from_number(value)
        try:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:  # a zone that leads out of the years 1 to 9999
            return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def _from_number(text: str) -> datetime | None:
    try:
        return _since_1970(float(text))
    except ValueError:
        return None


def _since_1970(number: float) -> datetime | None:
    if not _EARLIEST <= number < 1e20:  # also refuses NaN
        return None
    seconds = number / next(unit for limit, unit in _UNITS if number < limit)
    return _EPOCH + timedelta(seconds=seconds) if seconds <= _LATEST_S else None
