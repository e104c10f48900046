"""Regular expressions from users and traces, matched under a time limit.

The `regex` package understands Python's patterns and can be stopped, which `re` cannot: a pattern that backtracks
without bound on hostile text would hold up a whole night.
"""

from functools import lru_cache
from typing import Any, Final

import regex

__all__ = ["SECONDS", "compiled", "find_all", "search"]

SECONDS: Final = 1.0


@lru_cache(maxsize=512)
def compiled(pattern: str, ignore_case: bool = False) -> "regex.Pattern[str]":
    """The pattern, compiled once. Raises ValueError where it is none."""
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


def search(
    pattern: str, text: str, *, ignore_case: bool = False, whole: bool = False, seconds: float = SECONDS
) -> "regex.Match[str] | None":
    """The first match in `text`, or of all of it. Raises TimeoutError after `seconds`."""
    found = compiled(pattern, ignore_case)
    ask: Any = found.fullmatch if whole else found.search
    try:
        match: regex.Match[str] | None = ask(text, timeout=seconds)
    except TimeoutError:
        raise _endless(pattern, text, seconds) from None
    return match


def find_all(pattern: str, text: str, *, seconds: float = SECONDS) -> "list[regex.Match[str]]":
    """Every match in `text`. Raises TimeoutError after `seconds`."""
    try:
        return list(compiled(pattern).finditer(text, timeout=seconds))
    except TimeoutError:
        raise _endless(pattern, text, seconds) from None


def _endless(pattern: str, text: str, seconds: float) -> TimeoutError:
    return TimeoutError(
        f"the pattern {pattern!r} found no end within {seconds:g} s on {len(text):,} characters; "
        "take nested repetitions out of it"
    )
