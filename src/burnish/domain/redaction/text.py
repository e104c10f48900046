"""Redaction of one text: mostly the finding, in a microsecond or two, that there is nothing to find."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import regex

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
SHORTEST = 6
LONG_WORD = 20
ROUNDS = 8


_Signs = tuple[tuple[str, tuple[str, ...]], ...]
_RARER = "etaoinsrhldcumfpgwybvkxjqz0123456789"


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
        self._near: dict[Near, list[tuple[int, _Signs]]] = {near: [] for near in Near}
        for number, one in enumerate(detectors):
            self._near[one.near].append((number, _by_sign(one.anchors)))
        self._own = tuple((name, regex.compile(pattern)) for name, pattern in rule.patterns.items())
        # What is known of texts, of ids and of the names of fields: None where there was nothing to find.
        self.known: dict[str, Clean | None] = {}
        self.known_ids: dict[str, Clean | None] = {}
        self.known_keys: dict[str, tuple[str, Clean | None]] = {}
        self._old: dict[str, Clean | None] = {}
        self._chars = 0

    def __call__(self, text: str, identifier: bool = False) -> Clean | None:
        """The text without what was found in it, or None where nothing was."""
        if len(text) < SHORTEST and not self._own:
            return None
        known = self.known_ids if identifier else self.known
        if text in known:
            return known[text]
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
            names += taken
        for name, pattern in self._own:
            try:
                spans = [Found(one.start(), one.end(), name) for one in pattern.finditer(text, timeout=OWN_PATTERN_S)]
            except TimeoutError:  # what could not be searched is not stored
                spans = [Found(0, len(text), name)] if MARK.fullmatch(text) is None else []
            text, taken = _without(text, spans)
            names += taken
        return text, names

    def _likely(self, text: str, identifier: bool) -> list[Detector]:
        """The detectors that may find something; for most texts none. Asked in the order of what it costs to know."""
        near = self._near
        lower = text.lower()
        found = _having(near[Near.ANYTHING], lower)
        if ":" in text or "=" in text:
            found += _having(near[Near.ASSIGNMENT], lower)
        if len(text) >= LONG_WORD and max(map(len, text.split()), default=0) >= LONG_WORD:
            found += _having(near[Near.LONG_WORD], lower)
        if any(digit in text for digit in "0123456789"):
            found += _having(near[Near.DIGITS], lower)
            if not identifier and near[Near.NUMBER] and NUMERIC.search(text) is not None:
                found += _having(near[Near.NUMBER], lower)
        return [self._detectors[number] for number in sorted(found)] if found else []


def _having(detectors: list[tuple[int, "_Signs"]], lower: str) -> list[int]:
    """Those of the detectors that have an anchor in the text, or need none."""
    found = []
    for number, signs in detectors:
        for sign, words in signs:
            if sign in lower and any(word in lower for word in words):
                found.append(number)
                break
        if not signs:
            found.append(number)
    return found


def _by_sign(anchors: tuple[str, ...]) -> "_Signs":
    """Anchors by the rarest-looking character in them: one look for that spares the looks for all of them."""
    found: dict[str, list[str]] = {}
    for word in anchors:
        sign = next((char for char in "@%_:=-/." if char in word), max(word, key=_RARER.find))
        found.setdefault(sign, []).append(word)
    return tuple((sign, tuple(words)) for sign, words in found.items())


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
