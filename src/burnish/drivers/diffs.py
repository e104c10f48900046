"""A proposal's edits as lines to show, without the repository: each edit carries the text it replaces."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from burnish.domain.proposals import Edit

__all__ = ["DiffLine", "FileDiff", "diff_files"]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff; `gap` stands between two edits of a file."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str

    @property
    def sign(self) -> str:
        """The character in front of the line, as in a patch."""
        return {"same": " ", "added": "+", "removed": "-", "gap": "@"}[self.kind]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changes in one file."""

    path: str
    lines: tuple[DiffLine, ...]

    @property
    def added(self) -> int:
        """Lines added."""
        return sum(line.kind == "added" for line in self.lines)

    @property
    def removed(self) -> int:
        """Lines removed."""
        return sum(line.kind == "removed" for line in self.lines)


def diff_files(edits: Sequence[Edit]) -> list[FileDiff]:
    """One diff a file, in the order the files are first edited."""
    by_path: dict[str, list[DiffLine]] = {}
    for edit in edits:
        lines = by_path.setdefault(edit.path, [])
        if lines:
            lines.append(DiffLine("gap", "…"))
        lines += _lines(edit)
    return [FileDiff(path, tuple(lines)) for path, lines in by_path.items()]


def _lines(edit: Edit) -> list[DiffLine]:
    before, after = edit.search.splitlines(), edit.replace.splitlines()
    lines: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, stop, other_start, other_stop in matcher.get_opcodes():
        if tag == "equal":
            lines += [DiffLine("same", text) for text in before[start:stop]]
            continue
        lines += [DiffLine("removed", text) for text in before[start:stop]]
        lines += [DiffLine("added", text) for text in after[other_start:other_stop]]
    return lines
