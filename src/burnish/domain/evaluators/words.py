"""Text cut into sentences, words and figures, plainly: no model, no word lists but one of English function words."""

import re
from typing import Final

__all__ = ["content_words", "figures", "known_words", "sentences_of"]

_END: Final = re.compile(r"(?<=[.!?。！？])[\"')\]]*\s+(?=[^\sa-z])|\n{2,}|\n(?=\s*(?:[-*+•]|\d+[.)])\s)")  # noqa: RUF001
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001
_FIGURE: Final = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
_PLAIN: Final = frozenset(
    """
    a about after again all also am an and any are as at be because been before being but by can could did do
    does for from had has have he her here him his how i if in into is it its just let like may me more most
    my no not now of on only or other our out over please she should so some such than thank thanks that the
    their them then there these they this those to too up us very was we were what when where which while who
    why will with would you your yes
    """.split()  # noqa: SIM905 - a list of words is read as one
)


def sentences_of(text: str) -> list[str]:
    """The sentences and list items of a text, without empty ones."""
    return [piece for part in _END.split(text) if (piece := part.strip())]


def content_words(text: str) -> list[str]:
    """The words that carry meaning, folded; English function words are left out, figures kept apart (`figures`)."""
    return [word for word in _WORD.findall(text.casefold()) if word not in _PLAIN and not word.isdigit()]


def known_words(text: str) -> set[str]:
    """Every word of a text, folded, once: what `content_words` of another are looked up in."""
    return set(_WORD.findall(text.casefold()))


def figures(text: str) -> list[str]:
    """The numbers in a text without thousands separators and trailing zeros: 1,200.50 is 1200.5."""
    found = (figure.replace(",", "") for figure in _FIGURE.findall(text))
    return [figure.rstrip("0").rstrip(".") if "." in figure else figure for figure in found]
