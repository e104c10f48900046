"""Redaction of one text: mostly the finding, in a microsecond or two, that there is nothing to find."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import regex

from burnish.domain.redaction.detectors import MARK, Detector, mark
from burnish.domain.redaction.personal import NUMERIC, personal_detectors
from burnish.domain.redaction.rules import RedactionRule
from burnish.domain.redaction.secrets import SECRET_DETECTORS

__all__ = ["Clean", "Found", "TextRedactor"]

OWN_PATTERN_S = 0.1
# Conversations repeat: every model call holds all turns before it. Two generations of texts are remembered, each of so
# many characters.
REMEMBERED_CHARS = 8_000_000
LONGEST_REMEMBERED = 262_144
SHORTEST = 6
ROUNDS = 8


class Found(NamedTuple):
    """Something to take out: where, and which detector says so."""

    start: int
    end: int
    name: str


class Clean(NamedTuple):
    """A text after redaction, and the detectors that found something, one entry a find."""

    text: str
    names: tuple[str, ...]


class TextRedactor:
    """Takes out of texts what the rule's detectors find. Deterministic; what it returns it returns unchanged again.

    `identifier=True` is for values of fields that are ids: digits in those are no card and no phone number.
    """

    def __init__(self, rule: RedactionRule) -> None:
        secrets = SECRET_DETECTORS if rule.secrets else ()
        self._detectors = (*secrets, *personal_detectors(rule.personal, rule.phone_regions))
        self._own = tuple((name, regex.compile(pattern)) for name, pattern in rule.patterns.items())
        self._anchors = tuple(dict.fromkeys(word for one in self._detectors for word in one.anchors))
        self._numeric = any(one.numeric for one in self._detectors)
        self._young: dict[tuple[str, bool] | str, Clean | None] = {}
        self._old: dict[tuple[str, bool] | str, Clean | None] = {}
        self._chars = 0

    def __call__(self, text: str, identifier: bool = False) -> Clean | None:
        """The text without what was found in it, or None where nothing was."""
        if len(text) < SHORTEST and not self._own:
            return None
        key = (text, True) if identifier else text
        young = self._young
        if key in young:
            return young[key]
        found = self._old[key] if key in self._old else self._redact(text, identifier)
        if len(text) <= LONGEST_REMEMBERED:
            self._chars += len(text) + 64
            if self._chars > REMEMBERED_CHARS:
                self._old, self._young, self._chars = young, {}, len(text) + 64
            self._young[key] = found
        return found

    def _redact(self, text: str, identifier: bool) -> Clean | None:
        lower = text.lower()
        worded = any(word in lower for word in self._anchors)
        numeric = self._numeric and not identifier and NUMERIC.search(text) is not None
        if not worded and not numeric and not self._own:
            return None
        clean = text
        names: list[str] = []
        # Until nothing changes: then doing it again changes nothing either, whatever one find uncovers for another.
        for _ in range(ROUNDS):
            after, taken = self._once(clean, identifier)
            if not taken:
                break
            clean, names = after, [*names, *taken]
        return Clean(clean, tuple(names)) if names else None

    def _once(self, text: str, identifier: bool) -> tuple[str, list[str]]:
        names: list[str] = []
        lower = text.lower()
        for detector in self._detectors:
            if detector.numeric and identifier:
                continue
            if detector.anchors and not any(word in lower for word in detector.anchors):
                continue
            text, taken = _without(text, list(_matches(detector, text)))
            names += taken
            if taken:
                lower = text.lower()
        for name, pattern in self._own:
            try:
                spans = [Found(one.start(), one.end(), name) for one in pattern.finditer(text, timeout=OWN_PATTERN_S)]
            except TimeoutError:  # what could not be searched is not stored
                spans = [Found(0, len(text), name)] if MARK.fullmatch(text) is None else []
            text, taken = _without(text, spans)
            names += taken
        return text, names


def _matches(detector: Detector, text: str) -> Iterator[Found]:
    for match in detector.pattern.finditer(text):
        if detector.holds is None or detector.holds(match):
            group = next((number for number in detector.groups if match[number] is not None), 0)
            yield Found(*match.span(group), detector.name)


def _without(text: str, found: list[Found]) -> tuple[str, list[str]]:
    """The text with markers in place of what was found, save where nothing but a marker stands."""
    if not found:
        return text, []
    marked = [one.span() for one in MARK.finditer(text)]
    parts: list[str] = []
    names: list[str] = []
    at = 0
    for start, end, name in found:
        inside = [span for span in marked if span[0] < end and span[1] > start]
        if start < at or (inside and not _around(start, end, inside)):
            continue
        parts += [text[at:start], mark(name)]
        names.append(name)
        at = end
    parts.append(text[at:])
    return "".join(parts), names


def _around(start: int, end: int, marked: list[tuple[int, int]]) -> bool:
    """Whether a find holds whole markers and more: what is left beside them goes too."""
    covered = sum(b - a for a, b in marked)
    return all(a >= start and b <= end for a, b in marked) and covered < end - start


def is_json(text: str) -> bool:
    """Whether a text is a JSON object or array."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
