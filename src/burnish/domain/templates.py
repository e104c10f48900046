"""Which inputs are one template filled in differently: the text with names, numbers and other fillings masked.

Traces seldom say which template an input was made from. The name of the agent's own prompt does not help: all of an
agent's traces may share it. So a template is what the trace's metadata calls one, else what is left of the text.
"""

import re

__all__ = ["skeleton"]

FEWEST_WORDS = 4  # fewer say too little: "order 7" and "order 8" may be anything

_FILLED = re.compile(
    r"""
    https?://\S+ | \S+@\S+\.\S+            # addresses
    | "[^"\n]{1,80}" | “[^”\n]{1,80}”      # what is quoted
    | \S*\d\S*                             # numbers, dates, prices, order numbers, ids
    """,
    re.VERBOSE,
)
_CAPITAL = "(?!I')[A-ZÀ-ÖØ-ÞΑ-ΩА-Я]"
_NAME = re.compile(rf"(?<=[^\W\d_] |[,;:] ){_CAPITAL}[\w'-]+(?: {_CAPITAL}[\w'-]+)*")
_WORD = re.compile(r"[^\W\d_]+")
_PIECE = re.compile(r"\0|[^\W\d_]+")


def skeleton(text: str) -> str | None:
    """The words of a text without its fillings, in lower case; None where too little is left to tell templates apart.

    Masked are what holds a digit, addresses, quotations, and words with a capital inside a sentence. At least four
    words and half of all words must remain.
    """
    total = len(text.split())
    left = _NAME.sub("\0", _FILLED.sub("\0", text))
    words = _WORD.findall(left)
    if len(words) < FEWEST_WORDS or 2 * len(words) < total:
        return None
    return " ".join(_PIECE.findall(left.casefold())).replace("\0", "#")
