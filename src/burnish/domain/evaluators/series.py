"""Results over time: a series an evaluator and version, so that no line joins two of them."""

import datetime as dt

from burnish.domain.base import Value

__all__ = ["Series", "SeriesPoint", "mean_interval"]


class SeriesPoint(Value):
    """One day (UTC, of the traces' start): how many were scored, their mean and its 95 % interval."""

    day: dt.date
    count: int
    mean: float
    low: float
    high: float


class Series(Value):
    """An epoch: one version of one evaluator (or people, with an empty version) under one key, oldest day first."""

    key: str
    source: str
    evaluator: str
    version: str
    points: tuple[SeriesPoint, ...]


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
