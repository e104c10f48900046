"""Find the lines to change in prompt files, and turn changed text into edits that match exactly once."""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from burnish.domain.proposals import Edit
from burnish.errors import EditError

__all__ = ["LabelLine", "edits_between", "find_label", "one_line", "with_note"]

NOTES_HEADING = "## Notes"


class LabelLine(NamedTuple):
    """Where a label stands on a line of its own: the line's number and the label as written there, with its bullet."""

    path: str
    number: int
    head: str
    meaning: str


def find_label(files: Mapping[str, str], label: str) -> LabelLine | None:
    """The one line of all files that is this label: a list item or a bare line, maybe with a meaning after a colon.

    None where no line or more than one is.
    """
    pattern = re.compile(
        r"(?P<head>\s*(?:[-*+]|\d+[.)])?\s*(?P<quote>[`\"'*]{0,2})" + re.escape(label) + r"(?P=quote))"
        r"(?:\s*(?::|\s[-\u2013\u2014]\s)\s*(?P<meaning>.*))?\s*"
    )
    found = [
        LabelLine(path, number, match["head"], match["meaning"] or "")
        for path, text in files.items()
        for number, line in enumerate(text.splitlines())
        if (match := pattern.fullmatch(line)) is not None
    ]
    return found[0] if len(found) == 1 else None


def one_line(text: str, limit: int) -> str:
    """Text of a model, fit to stand in a prompt file.

    One line, no control or invisible characters, no braces (they are variables), no leading list or heading marks,
    at most `limit` characters, cut at a word.
    """
    kept = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    kept = re.sub(r"[{}]", "", kept)
    kept = re.sub(r"\s+", " ", kept).strip().strip("\"'`").lstrip("-*+#> ").strip()
    if len(kept) > limit:
        cut = kept[: limit + 1].rpartition(" ")[0] or kept[:limit]
        kept = cut.rstrip(" ,;:") + "…"
    return kept


def with_note(text: str, notes: Iterable[str]) -> str:
    """The prompt with `notes` as bullets in a section at its end; one that is there already is extended."""
    bullets = "".join(f"- {note}\n" for note in notes)
    body = text if text.endswith("\n") else f"{text}\n"
    last = [line.strip() for line in body.splitlines() if line.startswith("#")]
    if last and last[-1] == NOTES_HEADING:
        return body.rstrip("\n") + f"\n{bullets}"
    return body.rstrip("\n") + f"\n\n{NOTES_HEADING}\n\n{bullets}"


def edits_between(path: str, old: str, new: str) -> tuple[Edit, ...]:
    """Edits that turn `old` into `new`, applied in order, each quoting as few lines as make it match exactly once.

    Raises EditError where the texts are equal or `old` is empty.
    """
    if old == new or not old:
        raise EditError(f"'{path}': there is nothing to change; propose a change to a file that has text")
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    changes = [list(codes[1:]) for codes in matcher.get_opcodes() if codes[0] != "equal"]
    regions = _merged([_unique(before, change) for change in changes], before)
    edits = tuple(Edit(path=path, search="".join(before[a:b]), replace="".join(after[c:d])) for a, b, c, d in regions)
    if _applied(old, edits) == new:
        return edits
    # An earlier replacement may bring in text that a later search also matches: then one edit over everything.
    a, b, c, d = _unique(before, [changes[0][0], changes[-1][1], changes[0][2], changes[-1][3]])
    return (Edit(path=path, search="".join(before[a:b]), replace="".join(after[c:d])),)


def _unique(before: list[str], region: list[int]) -> list[int]:
    """Widen a region line by line, both sides alike, until its old text occurs once in the file."""
    a, b, c, d = region
    text = "".join(before)
    while True:
        search = "".join(before[a:b])
        if search and text.find(search) == text.rfind(search):
            return [a, b, c, d]
        if a > 0:
            a, c = a - 1, c - 1
        elif b < len(before):
            b, d = b + 1, d + 1
        else:
            return [a, b, c, d]


def _merged(regions: list[list[int]], before: list[str]) -> list[list[int]]:
    """Join regions that overlap after widening."""
    merged: list[list[int]] = []
    for region in sorted(regions):
        if merged and region[0] < merged[-1][1]:
            merged[-1] = _unique(before, [merged[-1][0], max(merged[-1][1], region[1]), merged[-1][2], region[3]])
        else:
            merged.append(region)
    return merged


def _applied(text: str, edits: Iterable[Edit]) -> str | None:
    for edit in edits:
        if text.find(edit.search) != text.rfind(edit.search) or edit.search not in text:
            return None
        text = text.replace(edit.search, edit.replace, 1)
    return text
