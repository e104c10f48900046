"""Lines over time as numbers for a picture: a line an epoch, each with its band, and none joins another."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from burnish.domain.alignment.drift import Drift
from burnish.domain.evaluators.series import Series

__all__ = ["Bar", "Boundary", "Chart", "Drawn", "Line", "Mark", "Tick", "chart", "drift_line", "histogram", "line_of"]

WIDTH, HEIGHT = 720.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 14.0, 18.0, 58.0
COUNTS = 22.0  # the height of the bars that say how many each point is made of
HUES = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """A value with its interval on a day; `count` is how many it is made of."""

    day: dt.date
    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """The marks of one epoch, oldest first, and what its beginning changed."""

    name: str
    marks: tuple[Mark, ...]
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One epoch in the picture: the points of its band and line, a dot a mark, and its bars of counts."""

    name: str
    hue: int
    band: str
    path: str
    dots: tuple[tuple[str, str, str], ...]  # x, y, and what it says
    bars: tuple[tuple[str, str, str, str], ...]  # x, y, width, height


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis with its label."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where an epoch begins; `number` is its place in the legend."""

    x: str
    number: int
    day: dt.date
    changed: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that a template draws, in units of the picture."""

    lines: tuple[Drawn, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    boundaries: tuple[Boundary, ...]
    most: int
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    floor: float = HEIGHT - BOTTOM
    base: float = HEIGHT - BOTTOM + COUNTS + 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram."""

    label: str
    count: int
    x: str
    y: str
    height: str
    failing: bool


def line_of(series: Series, changed: str = "") -> Line:
    """An evaluator's epoch as a line."""
    marks = tuple(Mark(point.day, point.mean, point.low, point.high, point.count) for point in series.points)
    return Line(series.version[:8] or "no version", marks, changed)


def drift_line(drift: Drift, name: str) -> Line:
    """A judge's agreement over time, a mark a window, in its middle."""
    marks = tuple(
        Mark((w.start + (w.end - w.start) / 2).date(), w.right.share, w.right.low, w.right.high, w.right.count)
        for w in drift.windows
    )
    return Line(name, marks)


def chart(lines: Sequence[Line], *, share: bool = True) -> Chart | None:
    """Place the lines; None where no line has a mark.

    `share`: where all values lie between 0 and 1 the axis does too, and cuts off what an interval has beyond it.
    """
    shown = [line for line in lines if line.marks]
    if not shown:
        return None
    marks = [mark for line in shown for mark in line.marks]
    first, last = min(mark.day for mark in marks), max(mark.day for mark in marks)
    days = max(1, (last - first).days)
    low, high, step = _range(marks, share)
    most = max(mark.count for mark in marks)
    slot = (WIDTH - LEFT - RIGHT - 16) / days

    def across(day: dt.date) -> float:
        middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
        return middle if first == last else LEFT + 8 + (day - first).days * slot

    def up(value: float) -> float:
        held = min(high, max(low, value))
        return TOP + (high - held) / (high - low) * (HEIGHT - TOP - BOTTOM)

    base, width = HEIGHT - BOTTOM + COUNTS + 6, max(1.0, min(14.0, slot * 0.7))

    def drawn(number: int, line: Line) -> Drawn:
        upper = [f"{across(m.day):.1f},{up(m.high):.1f}" for m in line.marks]
        lower = [f"{across(m.day):.1f},{up(m.low):.1f}" for m in reversed(line.marks)]
        tall = [max(1.0, COUNTS * m.count / most) for m in line.marks]
        return Drawn(
            name=line.name,
            hue=number % HUES,
            band=" ".join(upper + lower),
            path=" ".join(f"{across(m.day):.1f},{up(m.value):.1f}" for m in line.marks),
            dots=tuple((f"{across(m.day):.1f}", f"{up(m.value):.1f}", _says(line, m)) for m in line.marks),
            bars=tuple(
                (f"{across(m.day) - width / 2:.1f}", f"{base - height:.1f}", f"{width:.1f}", f"{height:.1f}")
                for m, height in zip(line.marks, tall, strict=True)
            ),
        )

    steps = round((high - low) / step)
    return Chart(
        lines=tuple(drawn(number, line) for number, line in enumerate(shown)),
        across=tuple(Tick(f"{across(day):.1f}", f"{day:%b} {day.day}") for day in _days(first, last)),
        up=tuple(Tick(f"{up(low + n * step):.1f}", f"{low + n * step:g}") for n in range(steps + 1)),
        boundaries=tuple(
            Boundary(f"{across(line.marks[0].day):.1f}", number, line.marks[0].day, line.changed)
            for number, line in enumerate(shown, start=1)
            if number > 1
        ),
        most=most,
    )


def histogram(tenths: Sequence[int], pass_at: float) -> tuple[Bar, ...]:
    """Ten bars of at most 80 units, 30 apart; those of scores under `pass_at` alone are failing."""
    most = max([*tenths, 1])
    bars = []
    for place, count in enumerate(tenths):
        height = 80 * count / most
        end = (place + 1) / len(tenths)
        label = f"{place / len(tenths):g} to {end:g}"
        bars.append(
            Bar(label, count, f"{4 + 30 * place}", f"{96 - height:.1f}", f"{height:.1f}", end <= pass_at + 1e-9)
        )
    return tuple(bars)


def _says(line: Line, mark: Mark) -> str:
    return f"{mark.day}: {mark.value:.2f} ({mark.low:.2f} to {mark.high:.2f}), n = {mark.count:,}, {line.name}"


def _range(marks: Sequence[Mark], share: bool) -> tuple[float, float, float]:
    """Lowest and highest value of the axis and the step of its ticks."""
    low, high = min(mark.low for mark in marks), max(mark.high for mark in marks)
    if (low >= 0 and high <= 1) or (share and all(0 <= mark.value <= 1 for mark in marks)):
        return 0.0, 1.0, 0.25
    step = _step(max(high - low, 1e-6))
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def _step(span: float) -> float:
    power = 10.0 ** math.floor(math.log10(span))
    return next(factor * power for factor in (0.2, 0.25, 0.5, 1, 2, 5) if span / (factor * power) <= 5)


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    """At most seven days, evenly apart, the last one among them."""
    apart = max(1, math.ceil((last - first).days / 6))
    found = [last - dt.timedelta(days=apart * back) for back in range(7)]
    return sorted(day for day in found if day >= first)
