"""Make text of traces and models harmless in Markdown that a forge renders.

A message of a user must not mention people, close issues, load images, break out of a table or hide text.
"""

import re
import unicodedata
from urllib.parse import quote

__all__ = ["Markdown", "code", "escape", "fence", "plain"]

_BREAK = "\u200b"  # zero-width space: unseen, and enough that a forge sees no mention, reference or link
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$])")


class Markdown(str):
    """Text that is Markdown already and is put out as it is."""

    __slots__ = ()


def plain(text: str, limit: int | None = None) -> str:
    """One line that mentions nobody, refers to no issue and links nowhere, for titles and commit messages too."""
    text = _visible(text)
    text = re.sub(r"\s+", " ", text).strip()
    if limit is not None and len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    text = re.sub(r"@(?=\w)", f"@{_BREAK}", text)
    text = re.sub(r"#(?=\d)", f"#{_BREAK}", text)
    text = re.sub(r"(?i)\b(gh)-(?=\d)", rf"\1{_BREAK}-", text)
    text = re.sub(r"://", f":{_BREAK}//", text)
    return re.sub(r"(?i)\bwww\.", f"www{_BREAK}.", text)


def escape(text: str, limit: int | None = None) -> Markdown:
    """One line of Markdown that shows `text` as it is, also inside a table cell."""
    shown = plain(text, limit).replace("&", "&amp;")
    shown = _SPECIAL.sub(r"\\\1", shown).replace("\\<", "&lt;").replace("\\>", "&gt;")
    # At the start of a line these would make a list, a heading or its underline, or a numbered item.
    shown = re.sub(r"^([-+=#])", r"\\\1", shown)
    return Markdown(re.sub(r"^(\d+)([.)])(?= |$)", r"\1\\\2", shown))


def code(text: str) -> Markdown:
    """Text for between single backticks."""
    return Markdown(re.sub(r"\s+", " ", _visible(text)).replace("`", "'"))


def fence(text: str, language: str = "", limit: int = 20_000) -> Markdown:
    """A code block whose fence is longer than any run of backticks in it; invisible characters are written out."""
    if len(text) > limit:
        text = text[:limit] + f"\n… {len(text) - limit} more characters"
    shown = "\n".join(_visible(line) for line in text.split("\n")).rstrip("\n")
    marks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    return Markdown(f"{marks}{language}\n{shown}\n{marks}")


def link(text: str, base_url: str | None, path: str) -> Markdown:
    """A link to a page of burnish, or the text alone where no address is known."""
    if base_url is None:
        return escape(text, 120)
    return Markdown(f"[{escape(text, 120)}]({base_url.rstrip('/')}/{quote(path, safe='/')})")


def _visible(text: str) -> str:
    """Control and format characters (bidirectional overrides, zero-width ones) as escapes; tabs and newlines stay."""
    return "".join(
        char
        if char in "\t\n\r" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else f"\\u{ord(char):04x}"
        for char in text
    )
