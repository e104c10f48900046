"""Colours of the stylesheet, computed: what WCAG 2.2 AA asks of text and of what controls are seen by."""

import re
from pathlib import Path

import pytest

import burnish.drivers.web as web

CSS = (Path(web.__file__).parent / "static" / "burnish.css").read_text()
PAIRS = {name: (light, dark) for name, light, dark in
         re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS)}  # fmt: skip
SURFACES = ("back", "panel", "hover", "code")
TEXT = [
    *((text, back) for text in ("text", "quiet", "link") for back in SURFACES),
    *((tone, back) for tone in ("good", "bad", "warn", "info") for back in (f"{tone}-back", "back", "panel")),
    *(("text", f"{tone}-back") for tone in ("good", "bad", "warn", "info")),
    ("on-accent", "accent"), ("on-danger", "danger"), ("back", "text"),
]  # fmt: skip
SEEN = [
    *((edge, back) for edge in ("bar", "accent") for back in ("back", "panel")),
    *((bar, "panel") for bar in ("bar-llm", "bar-tool", "bad", "good")),
]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_controls_are_told_from_what_is_behind_them(theme: int) -> None:
    """Text has 4.5 to 1 on every surface it stands on, edges of controls, focus rings and bars 3 to 1."""
    low = [
        f"{front} on {back}: {contrast(PAIRS[front][theme], PAIRS[back][theme]):.2f}"
        for pairs, least in ((TEXT, 4.5), (SEEN, 3.0))
        for front, back in pairs
        if contrast(PAIRS[front][theme], PAIRS[back][theme]) < least
    ]
    assert [] == low


def test_every_colour_is_a_pair() -> None:
    """No rule uses a colour of its own, so that no theme is forgotten; shadows alone are black in both."""
    rules = CSS[CSS.index("* { box-sizing") :]
    derived = set(re.findall(r"--([\w-]+): (?:var\(--|\d+;)", rules))  # another pair's colour, or how deep a tint is
    assert set(re.findall(r"var\(--([\w-]+)\)", CSS)) <= set(PAIRS) | derived
    assert [] == re.findall(r"#[0-9a-fA-F]{3,8}\b(?![\w-]*\s*\{)", re.sub(r"#toasts", "", rules))
