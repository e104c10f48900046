"""Moments as people type them."""

import datetime as dt
import re

import typer

from burnish.domain.base import utc_now

__all__ = ["moment_of"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_of(text: str | None) -> dt.datetime | None:
    """`24h`, `7d`, `2026-01-31` or an ISO time (UTC where it names no zone) as a moment; a usage error otherwise."""
    if text is None:
        return None
    ago = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if ago:
        return utc_now() - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not a time; write 24h, 7d, 2026-01-31 or 2026-01-31T12:00Z") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
