"""Prompt files: fill their variables, apply search/replace edits, show the diff.

Filling is a plain replacement. Prompt files are edited by models and hold words of traces, so no template engine ever
reads them.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from burnish.domain.proposals import Edit
from burnish.errors import EditError, InputError

__all__ = ["apply_edits", "check_path", "fill", "is_allowed", "unified_diff", "variables"]

MAX_FILE = 200_000
MAX_REPLACE = 20_000

_DOUBLE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_SINGLE = re.compile(r"(?<!\{)\{([A-Za-z_][\w.]*)\}(?!\})")


def variables(text: str) -> frozenset[str]:
    """Names of the `{{ name }}` variables in `text`."""
    return frozenset(_DOUBLE.findall(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each `{{ name }}` by its value, in one pass: a value that looks like a variable stays as it is.

    Raises InputError naming the variables that have no value.
    """
    missing = sorted(variables(text) - values.keys())
    if missing:
        raise InputError(f"no value for {', '.join(missing)}; add it to [target.variables] in the agent's file")
    return _DOUBLE.sub(lambda match: values[match[1]], text)


def check_path(path: str) -> None:
    """Refuse a path that is not a plain relative posix path inside the repository. Raises EditError."""
    parts = path.split("/")
    wrong = (
        not path
        or "\\" in path
        or any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts)
        or any(ord(char) < 32 or ord(char) == 127 for char in path)
        or re.match(r"[A-Za-z]:", path) is not None
        or path.startswith(("-", "~"))
    )
    if wrong:
        raise EditError(f"{path!r} is not a relative path inside the repository; use one like 'prompts/system.md'")


def is_allowed(path: str, patterns: Iterable[str]) -> bool:
    """Whether `path` matches one of the globs; `*` stays inside a folder, `**` crosses folders."""
    return any(_pattern(pattern).fullmatch(path) is not None for pattern in patterns)


def apply_edits(files: Mapping[str, str], edits: Sequence[Edit], allowed: Iterable[str]) -> dict[str, str]:
    """Apply `edits` in order to `files` (path to text) and return the files that changed, whole, by path.

    Every edit must match exactly once in an allowed file, and every file must keep exactly its variables, both
    `{{ name }}` and `{name}`. Raises EditError saying which edit does not apply, and what to do.
    """
    patterns = tuple(allowed)
    if not edits:
        raise EditError("no edits: propose at least one change")
    changed: dict[str, str] = {}
    for number, edit in enumerate(edits, start=1):
        where = f"edit {number} of '{edit.path}'"
        check_path(edit.path)
        if not is_allowed(edit.path, patterns):
            raise EditError(f"{where}: this file may not change; allowed are {', '.join(patterns) or 'none'}")
        if edit.path not in files:
            raise EditError(f"{where}: there is no such file; edit one of {', '.join(sorted(files)) or 'none'}")
        if not edit.search:
            raise EditError(f"{where}: the search text is empty; quote the lines to replace")
        if edit.search == edit.replace:
            raise EditError(f"{where}: it changes nothing; drop it")
        if len(edit.replace) > MAX_REPLACE:
            raise EditError(f"{where}: {len(edit.replace)} characters; keep a replacement under {MAX_REPLACE}")
        text = changed.get(edit.path, files[edit.path])
        count = _occurrences(text, edit.search)
        if count == 0:
            raise EditError(f"{where}: the search text is not in the file (0 matches); copy it from the file as it is")
        if count > 1:
            raise EditError(f"{where}: the search text matches {count} times; quote more of the lines around it")
        changed[edit.path] = text.replace(edit.search, edit.replace, 1)
    for path, text in changed.items():
        _check_result(path, files[path], text)
    return changed


def unified_diff(files: Mapping[str, str], edits: Sequence[Edit]) -> str:
    """The edits as a unified diff in git's form. Raises EditError where they do not apply."""
    changed = apply_edits(files, edits, ["**"])
    pieces: list[str] = []
    for path, after in sorted(changed.items()):
        lines = difflib.unified_diff(
            files[path].splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
        )
        pieces.extend(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(pieces)


def _occurrences(text: str, search: str) -> int:
    """How often `search` occurs, overlapping ones too: each is a place the edit could mean."""
    count, start = 0, text.find(search)
    while start != -1:
        count += 1
        start = text.find(search, start + 1)
    return count


def _check_result(path: str, before: str, after: str) -> None:
    if before == after:
        raise EditError(f"'{path}': the edits undo each other; propose a change")
    if len(after) > MAX_FILE:
        raise EditError(f"'{path}': {len(after)} characters after the edits; keep a prompt under {MAX_FILE}")
    for pattern in (_DOUBLE, _SINGLE):
        old, new = set(pattern.findall(before)), set(pattern.findall(after))
        if lost := sorted(old - new):
            raise EditError(f"'{path}': the edits lose the variables {', '.join(lost)}; keep them in the text")
        if added := sorted(new - old):
            raise EditError(f"'{path}': the edits add the variables {', '.join(added)}, which nothing fills; drop them")


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", glob)
    return re.compile("".join(wild.get(piece) or re.escape(piece) for piece in pieces), re.DOTALL)
