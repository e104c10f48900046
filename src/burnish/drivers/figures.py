"""How numbers and moments are written, the same on the terminal and on the pages."""

import json
import math
from datetime import datetime

from burnish.domain.base import Json

__all__ = ["WRAPPERS", "count", "duration", "moment", "money", "percent", "readable", "score", "signed"]

NOTHING = "\N{EN DASH}"
WRAPPERS = {"answer", "content", "input", "message", "output", "prompt", "query", "question", "response", "text"}


def moment(value: datetime | None) -> str:
    """A time to the second, in UTC."""
    return NOTHING if value is None else value.strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """Seconds in the unit that reads best."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def money(dollars: float | None) -> str:
    """US dollars; small amounts keep two significant digits."""
    if dollars is None:
        return NOTHING
    if dollars == 0:
        return "$0"
    if abs(dollars) >= 0.1:
        return f"${dollars:.2f}"
    places = 1 - math.floor(math.log10(abs(dollars)))
    return "$" + f"{dollars:.{places}f}".rstrip("0")


def count(number: int | None) -> str:
    """A whole number with separated thousands."""
    return NOTHING if number is None else f"{number:,}"


def score(value: float | None) -> str:
    """A score with two digits."""
    return NOTHING if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """A difference with its sign and two digits."""
    return NOTHING if value is None else f"{value:+.2f}"


def percent(share: float) -> str:
    """A share as a percentage without digits behind the point, save where rounding would say 100 or 0."""
    text = f"{share:.0%}"
    return f"{share:.1%}" if text in ("100%", "0%") and share not in (0.0, 1.0) else text


def readable(value: Json) -> str:
    """A JSON value as people read it: text, and the one text of `{"question": …}`, as it is; else indented JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        key, only = next(iter(value.items()))
        if key in WRAPPERS and isinstance(only, str):
            return only
    return json.dumps(value, ensure_ascii=False, indent=2)
