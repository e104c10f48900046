"""Counts and amounts as logs report them."""

import math

from burnish.domain.base import Json

__all__ = ["read_amount", "read_count"]

_MAX_COUNT = 2**53


def read_count(value: Json) -> int | None:
    """A count; None for what is no whole number from 0 to 2^53."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MAX_COUNT and value == int(value) else None


def read_amount(value: Json) -> float | None:
    """An amount from 0 on; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX_COUNT:
        return None
    return float(value) if math.isfinite(value) else None
