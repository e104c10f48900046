"""Redaction of one text: mostly the finding, in a microsecond or two, that there is nothing to find."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from burnish.domain.patterns import find_all
from burnish.domain.redaction.detectors import MARK, Detector, Near, mark
from burnish.domain.redaction.keys import key_kind
from burnish.domain.redaction.personal import NUMERIC, personal_detectors
from burnish.domain.redaction.rules import RedactionRule
from burnish.domain.redaction.secrets import SECRET_DETECTORS

__all__ = ["Clean", "Found", "TextRedactor"]

OWN_PATTERN_S = 0.1
# Conversations repeat: every model call holds all turns before it. Two generations of texts are remembered, each of so
# many characters.
REMEMBERED_CHARS = 8_000_000
LONGEST_REMEMBERED = 262_144
KEYS_REMEMBERED, LONGEST_KEY = 20_000, 200
LONG_WORD = 20
ROUNDS = 8


_Signs = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
_RARER = "etaoinsrhldcumfpgwybvkxjqz0123456789"


# A word or an id, too short for anything that is looked for.
_SHORT = re.compile(r"[A-Za-z_\-][\w\-]{0,12}|.{0,5}")


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
        detectors = (*secrets, *personal_detectors(rule.personal, rule.phone_regions))
        self._detectors = detectors
        self._near = {near: _by_sign(detectors, near) for near in Near}
        self._always = {
            near: [n for n, one in enumerate(detectors) if one.near is near and not one.anchors] for near in Near
        }
        self._own = tuple(rule.patterns.items())
        # What is known of texts, of ids and of the names of fields: None where there was nothing to find.
        self.known: dict[str, Clean | None] = {}
        self.known_ids: dict[str, Clean | None] = {}
        self.known_keys: dict[str, tuple[str, Clean | None]] = {}
        self._old: dict[str, Clean | None] = {}
        self._chars = 0

    def __call__(self, text: str, identifier: bool = False) -> Clean | None:
        """The text without what was found in it, or None where nothing was."""
        known = self.known_ids if identifier else self.known
        if text in known:
            return known[text]
        if not self._own and _SHORT.fullmatch(text):
            known[text] = None
            self._chars += 64
            return None
        found = self._old[text] if text in self._old and not identifier else self._redact(text, identifier)
        if len(text) <= LONGEST_REMEMBERED:
            self._chars += len(text) + 64
            if self._chars > REMEMBERED_CHARS:
                self._chars = 0
                self._old = dict(self.known)
                self.known.clear()
                self.known_ids.clear()
            known[text] = found
        return found

    def key(self, key: str) -> tuple[str, Clean | None]:
        """What kind of field has this name, and the name without a secret that stands in it."""
        found = (key_kind(key), self(key, True))
        if len(self.known_keys) < KEYS_REMEMBERED and len(key) <= LONGEST_KEY:
            self.known_keys[key] = found
        return found

    def _redact(self, text: str, identifier: bool) -> Clean | None:
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
        for detector in self._likely(text, identifier):
            text, taken = _without(text, list(_matches(detector, text)))
            names += [one.name for one in taken]
        for name, pattern in self._own:
            try:
                spans = [Found(*one.span(), name) for one in find_all(pattern, text, seconds=OWN_PATTERN_S)]
            except TimeoutError:  # what could not be searched is not stored
                spans = [Found(0, len(text), name)] if MARK.fullmatch(text) is None else []
            text, taken = _without(text, spans)
            names += [one.name for one in taken]
        return text, names

    def finds(self, text: str) -> Iterator[tuple[str, str]]:
        """What the rule's detectors find: (the detector's name, what stands there), each place by one of them."""
        for detector in self._likely(text, False):
            after, taken = _without(text, list(_matches(detector, text)))
            yield from ((one.name, text[one.start : one.end]) for one in taken)
            text = after

    def _likely(self, text: str, identifier: bool) -> list[Detector]:
        """The detectors that may find something; for most texts none. Asked in the order of what it costs to know."""
        near, always = self._near, self._always
        lower = text.lower()
        found = _having(near[Near.ANYTHING], lower)
        if ":" in text or "=" in text:
            found += _having(near[Near.ASSIGNMENT], lower)
        if len(text) >= LONG_WORD and len(max(text.split(), key=len, default="")) >= LONG_WORD:
            found += _having(near[Near.LONG_WORD], lower)
        if _any_digit(text):
            found += _having(near[Near.DIGITS], lower) + always[Near.DIGITS]
            if not identifier and always[Near.NUMBER] and NUMERIC.search(text) is not None:
                found += always[Near.NUMBER]
        return [self._detectors[number] for number in sorted(set(found))] if found else []


def _any_digit(text: str) -> bool:
    """Whether there is a digit: ten looks at the speed of memory, where an expression goes character by character."""
    few = "1" in text or "2" in text or "0" in text or "3" in text or "5" in text
    return few or "4" in text or "6" in text or "7" in text or "8" in text or "9" in text


def _having(signs: "_Signs", lower: str) -> list[int]:
    """The detectors that have an anchor in the text."""
    return [number for sign, words in signs if sign in lower for word, number in words if word in lower]


def _by_sign(detectors: tuple[Detector, ...], near: Near) -> "_Signs":
    """Anchors by a character in them that is rare: one look for that spares the looks for all of them."""
    found: dict[str, list[tuple[str, int]]] = {}
    for number, detector in enumerate(detectors):
        for word in detector.anchors if detector.near is near else ():
            sign = next((char for char in "@%_:=-/." if char in word), max(word, key=_RARER.find))
            found.setdefault(sign, []).append((word, number))
    return tuple((sign, tuple(words)) for sign, words in found.items())


def _matches(detector: Detector, text: str) -> Iterator[Found]:
    for match in detector.pattern.finditer(text):
        if detector.holds is None or detector.holds(match):
            group = next((number for number in detector.groups if match[number] is not None), 0)
            yield Found(*match.span(group), detector.name)


def _without(text: str, found: list[Found]) -> tuple[str, list[Found]]:
    """The text with markers in place of what was found, and those finds; a place that is but a marker is none."""
    if not found:
        return text, []
    marked = [one.span() for one in MARK.finditer(text)]
    parts: list[str] = []
    taken: list[Found] = []
    at = 0
    for one in found:
        start, end, name = one
        inside = [span for span in marked if span[0] < end and span[1] > start]
        if start < at or (inside and not _around(start, end, inside)):
            continue
        parts += [text[at:start], mark(name)]
        taken.append(one)
        at = end
    parts.append(text[at:])
    return "".join(parts), taken


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
