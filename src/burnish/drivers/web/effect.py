"""An effect with its interval as numbers for a small picture."""

import math
from dataclasses import dataclass

from burnish.domain.gate import Comparison

__all__ = ["EffectPicture", "effect_picture"]

WIDTH = 320.0
MARGIN = 24.0


@dataclass(frozen=True, slots=True)
class EffectPicture:
    """Positions on a line of 320 units: no change, the effect, the interval's ends, and the ticks with their labels."""

    zero: str
    effect: str
    low: str
    high: str
    length: str
    direction: str
    ticks: tuple[tuple[str, str], ...]


def effect_picture(comparison: Comparison) -> EffectPicture:
    """Place effect and interval on a scale that shows zero and is the same to both sides."""
    reach = max(abs(comparison.low), abs(comparison.high), abs(comparison.effect), 0.05)
    step = _step(reach)
    reach = math.ceil(reach / step - 1e-9) * step

    def place(value: float) -> float:
        return MARGIN + (value + reach) / (2 * reach) * (WIDTH - 2 * MARGIN)

    steps = round(reach / step)
    ticks = tuple(
        (f"{place(index * step):.1f}", f"{index * step:+g}" if index else "0") for index in range(-steps, steps + 1)
    )
    direction = "better" if comparison.low > 0 else "worse" if comparison.high < 0 else "unclear"
    return EffectPicture(
        zero=f"{place(0):.1f}",
        effect=f"{place(comparison.effect):.1f}",
        low=f"{place(comparison.low):.1f}",
        high=f"{place(comparison.high):.1f}",
        length=f"{place(comparison.high) - place(comparison.low):.1f}",
        direction=direction,
        ticks=ticks,
    )


def _step(reach: float) -> float:
    """A round distance that gives two or three ticks to each side."""
    power = 10.0 ** math.floor(math.log10(reach))
    return next(factor * power for factor in (0.5, 1, 2, 5) if reach / (factor * power) <= 3)
