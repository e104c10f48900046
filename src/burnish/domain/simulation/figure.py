"""The figure for the docs: false pull requests a night against power, as a small SVG of our own."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Point", "figure"]

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 50, 60
LOWEST, HIGHEST = 0.0001, 1.0


class Point(NamedTuple):
    """One rule: its name, false pull requests a night, share of real gains found, held-out runs a null night."""

    name: str
    false_rate: float
    power: float
    runs: float
    ours: bool = False


def figure(points: Sequence[Point], title: str) -> str:
    """The SVG's text. Left is better (fewer false), up is better (more found); a larger disc costs more runs."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for exponent in range(-4, 1):
        x, rate = _x(10.0**exponent), 10.0**exponent
        label = f"{rate:.2%}".replace(".00%", "%") if exponent > -4 else "0.01% or less"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e0e0e0"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    for tenth in range(0, 11, 2):
        y = _y(tenth / 10)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e0e0e0"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth * 10}%</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">'
        "false pull requests a night, where nothing ever improves (logarithmic)</text>"
    )
    parts.append(
        f'<text x="18" y="{(TOP + HEIGHT - BOTTOM) / 2:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 18 {(TOP + HEIGHT - BOTTOM) / 2:.0f})">gains of 10 points found</text>'
    )
    labels = []
    for point, down in _spread(points):
        x, y = _x(point.false_rate), _y(point.power)
        radius = 4 + math.sqrt(point.runs) / 2.5
        colour = "#1b7f4b" if point.ours else "#8a8f98"
        anchor, shift = ("end", -radius - 5) if x > WIDTH * 0.62 else ("start", radius + 5)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.75"/>')
        weight = ' font-weight="bold"' if point.ours else ""
        labels.append(
            f'<text x="{x + shift:.1f}" y="{y + 4 + down:.1f}" text-anchor="{anchor}"{weight} '
            'stroke="#ffffff" stroke-width="3" paint-order="stroke">'
            f"{escape(point.name)}, {point.runs:.0f} runs</text>"
        )
    return "\n".join([*parts, *labels, "</svg>", ""])


def _spread(points: Sequence[Point]) -> list[tuple[Point, float]]:
    """Points with how far their label moves down, so that labels of neighbours do not lie on each other."""
    placed: list[tuple[float, float]] = []
    found = []
    for point in sorted(points, key=lambda point: -point.power):
        x, y = _x(point.false_rate), _y(point.power)
        label = y
        while any(abs(label - other) < 14 and abs(x - at) < 330 for at, other in placed):
            label += 14
        placed.append((x, label))
        found.append((point, label - y))
    return found


def _x(rate: float) -> float:
    share = math.log(min(HIGHEST, max(LOWEST, rate)) / LOWEST) / math.log(HIGHEST / LOWEST)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(power: float) -> float:
    return TOP + (1 - power) * (HEIGHT - TOP - BOTTOM)
