"""What a detector is, and the marker that stands where it found something.

A detector is a regular expression with words that must be near (`anchors`), so that most texts are never searched.
Expressions are linear: no repetition inside another one that can match the same text.
"""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

__all__ = ["MARK", "NAMES", "PERSONAL", "SECRETS", "Detector", "Near", "mark", "marks_in"]

MARK = re.compile(r"\[redacted:[a-z][a-z0-9_]{0,31}\]")

PERSONAL = ("email", "phone", "card", "iban", "us_ssn", "ip")
SECRETS = (
    "private_key",
    "cookie",
    "url_password",
    "authorization",
    "aws_key",
    "google_key",
    "azure_key",
    "github_token",
    "gitlab_token",
    "slack_token",
    "stripe_key",
    "llm_key",
    "service_token",
    "jwt",
    "password",
    "secret",
)
NAMES = frozenset((*SECRETS, *PERSONAL))


def mark(name: str) -> str:
    """What stands in the place of something that `name` found. Two finds look the same: nothing leads back."""
    return f"[redacted:{name}]"


def marks_in(text: str) -> Iterator[tuple[str, str]]:
    """(detector's name, marker) for every marker in the text."""
    return ((marker[len("[redacted:") : -1], marker) for marker in MARK.findall(text))


class Near(StrEnum):
    """What a text must have before a detector's anchors are even looked for; each is known at once for a text."""

    ANYTHING = "anything"
    LONG_WORD = "long word"  # 20 characters or more without a blank
    ASSIGNMENT = "assignment"  # a colon or an equals sign
    DIGITS = "digits"
    NUMBER = "number"  # a long run of digits, perhaps in groups; never looked for in ids


class Detector(NamedTuple):
    """Finds one kind of thing: the first of `groups` that took part in the match, else the whole of it.

    `anchors` are lower-case, and one of them is in every text that can match; without any, all texts with `near` can.
    `holds` has the last word on a match.
    """

    name: str
    pattern: re.Pattern[str]
    near: Near
    anchors: tuple[str, ...] = ()
    holds: Callable[[re.Match[str]], bool] | None = None
    groups: tuple[int, ...] = ()
