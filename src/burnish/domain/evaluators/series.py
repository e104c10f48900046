"""Results over time: a series an evaluator and version, so that no line joins two of them."""

import datetime as dt
from collections.abc import Sequence

from burnish.domain.base import UtcDatetime, Value

__all__ = ["TENTHS", "FailureGroup", "Series", "SeriesPoint", "by_week", "mean_interval", "pooled"]

TENTHS = 10  # score histograms: [0, 0.1), …, [0.9, 1]; what lies outside counts with the nearest


class SeriesPoint(Value):
    """A day (UTC, of the traces' start) or the week that begins with it: how many were scored, and how.

    `mean` has its 95 % interval beside it. `passed` counts scores from the threshold up that was asked for, `tenths`
    the scores by tenth. `total` and `squares` are the sums that let points be joined.
    """

    day: dt.date
    count: int
    mean: float
    low: float
    high: float
    total: float
    squares: float
    passed: int
    tenths: tuple[int, ...]

    @staticmethod
    def of(day: dt.date, count: int, total: float, squares: float, passed: int, tenths: Sequence[int]) -> "SeriesPoint":
        """The point of these sums."""
        mean, low, high = mean_interval(count, total, squares)
        return SeriesPoint(
            day=day, count=count, mean=mean, low=low, high=high, total=total, squares=squares, passed=passed,
            tenths=tuple(tenths),
        )  # fmt: skip


class Series(Value):
    """An epoch: one version of one evaluator (or people, with an empty version) under one key, oldest day first.

    `first_at` and `last_at` say when the first and the last of its scores were given.
    """

    key: str
    source: str
    evaluator: str
    version: str
    points: tuple[SeriesPoint, ...]
    first_at: UtcDatetime
    last_at: UtcDatetime


class FailureGroup(Value):
    """Traces on which a version of an evaluator could not say anything, for the same reason."""

    evaluator: str
    version: str
    error: str
    message: str
    count: int
    newest_at: UtcDatetime
    example: str  # the id of one of the traces


def pooled(points: Sequence[SeriesPoint]) -> SeriesPoint:
    """All the points as one, under the first day. Raises ValueError where there are none."""
    if not points:
        raise ValueError("no points to join")
    return SeriesPoint.of(
        min(point.day for point in points),
        sum(point.count for point in points),
        sum(point.total for point in points),
        sum(point.squares for point in points),
        sum(point.passed for point in points),
        [sum(column) for column in zip(*(point.tenths for point in points), strict=True)],
    )


def by_week(series: Series) -> Series:
    """The same epoch with a point a week, each under its Monday."""
    weeks: dict[dt.date, list[SeriesPoint]] = {}
    for point in series.points:
        weeks.setdefault(point.day - dt.timedelta(days=point.day.weekday()), []).append(point)
    joined = tuple(pooled(points).model_copy(update={"day": monday}) for monday, points in sorted(weeks.items()))
    return series.model_copy(update={"points": joined})


def mean_interval(count: int, total: float, squares: float) -> tuple[float, float, float]:
    """Mean and 95 % interval from count, sum and sum of squares.

    Scores of 0 and 1 alone get Wilson's interval; others the normal one with the sample's spread. A single score
    that is neither says nothing of its spread, and its interval is its own place.
    """
    from burnish.domain.statistics import wilson

    mean = total / count
    if abs(total - squares) < 1e-9 and abs(total - round(total)) < 1e-9:  # x = x² holds for 0 and 1 alone
        found = wilson(round(total), count)
        return mean, found[0], found[1]
    variance = max(0.0, squares - total * mean) / (count - 1) if count > 1 else 0.0
    half = 1.96 * (variance / count) ** 0.5
    return mean, mean - half, mean + half
