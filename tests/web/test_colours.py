"""Colours of the stylesheet, computed: what WCAG 2.2 AA asks of text and of what controls are seen by."""

import re
from pathlib import Path

import pytest

import burnish.drivers.web as web

STATIC = Path(web.__file__).parent / "static"
CSS = (STATIC / "burnish.css").read_text()
SHEETS = CSS + (STATIC / "review.css").read_text()
RULES = [(selector.strip(), body) for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", SHEETS)]
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


# One tone over another: which, on what, and how much of it in per cent.
TINT = r"color-mix\(in srgb, var\(--([\w-]+)\) calc\(var\(--deep\) \* 1%\), var\(--([\w-]+)\)\)"
DEEP = [int(found) for found in re.findall(r"--deep: (\d+);", SHEETS)]
HUES = re.findall(r"--hue: var\(--([\w-]+)\);", SHEETS)
# What is seen through, and why it may be: the test below holds `.many` and what is written on `.band` to their bars.
THROUGH = {"button:disabled", ".desk.sending .submit", ".band", ".many"}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(front: str, back: str, share: float) -> str:
    """What a browser makes of `color-mix(in srgb, front share, back)`, or of front with that opacity over back."""
    parts = ((int(front[at : at + 2], 16), int(back[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02x}" for one, other in parts)


def said(body: str, name: str) -> str | None:
    """The colour that a rule gives, by its name."""
    found = re.search(rf"(?<![\w-]){name}: var\(--([\w-]+)\)", body)
    return found[1] if found else None


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_on_a_tint_is_told_from_it(theme: int) -> None:
    """Text has 4.5 to 1 wherever a rule gives it a ground, mixed ones too; what is seen through has what it needs."""
    colours = {name: pair[theme] for name, pair in PAIRS.items()}
    grounds = [
        (selector, said(body, "color") or "text", mixed(colours[tint[1]], colours[tint[2]], deep / 100))
        for selector, body in RULES
        if (tint := re.search(TINT, body))
        for deep in DEEP
    ]
    assert (2, 4, 4) == (SHEETS.count("color-mix("), len(DEEP), len(HUES))
    assert 2 * len(DEEP) == len(grounds)
    plain = [
        (selector, text, colours[back])
        for selector, body in RULES
        if (back := said(body, "background")) in colours and (text := said(body, "color")) in colours
    ]
    assert len(plain) > 20
    low = [
        f"{selector}: {contrast(colours[text], back):.2f}"
        for selector, text, back in grounds + plain
        if contrast(colours[text], back) < 4.5
    ]
    clear = {selector: float(found[1]) for selector, body in RULES if (found := re.search(r"opacity: (\.\d+)", body))}
    assert set(clear) == THROUGH
    assert "brightness(" not in SHEETS
    for hue in HUES:
        for back in ("back", "panel"):
            band, many = (mixed(colours[hue], colours[back], clear[one]) for one in (".band", ".many"))
            low += [f"text on a band of {hue}"] * (contrast(colours["text"], band) < 4.5)
            low += [f"bars of {hue} on {back}: {contrast(many, colours[back]):.2f}"] * (
                contrast(many, colours[back]) < 3
            )
    assert [] == low


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
    assert set(re.findall(r"var\(--([\w-]+)\)", SHEETS)) <= set(PAIRS) | derived
    values = "".join(body for _, body in RULES[RULES.index(next(one for one in RULES if one[0] == "body")) :])
    assert [] == re.findall(r"#[0-9a-fA-F]{3,8}\b", values)
