"""Untrusted text made fit to show: characters that hide, reorder or control are written out.

A trace may hold terminal escapes, right-to-left overrides or invisible tag characters. On a page or a terminal they
would show something other than what the agent read. Every driver passes text through here before showing it.
"""

import re

__all__ = ["one_line", "shorten", "visible"]

# C0 and C1 controls but tab and newline, marks and overrides of direction, invisible operators, byte order marks, lone
# surrogates and tag characters. The joiners U+200C and U+200D stay: Persian and emoji need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """`text` with each hidden character as ⟨U+202E⟩; tabs, newlines and CR LF stay what they are."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`text` visible and on one line, for a cell of a table."""
    return visible(" ".join(text.split()))


def shorten(text: str, limit: int) -> tuple[str, int]:
    """The first `limit` characters of `text` and how many were left out."""
    return (text, 0) if len(text) <= limit else (text[:limit], len(text) - limit)
