import datetime as dt

import pytest

from burnish.domain.evaluators.series import Series, SeriesPoint, by_week, pooled

MONDAY = dt.date(2026, 3, 9)
AT = dt.datetime(2026, 3, 9, tzinfo=dt.UTC)


def day(after: int, scores: list[float]) -> SeriesPoint:
    tenths = [0] * 10
    for score in scores:
        tenths[min(9, int(score * 10))] += 1
    squares = sum(score * score for score in scores)
    passed = sum(score >= 0.5 for score in scores)
    return SeriesPoint.of(MONDAY + dt.timedelta(days=after), len(scores), sum(scores), squares, passed, tenths)


def test_a_week_is_what_its_days_are_together() -> None:
    """Joined days give the point that all their scores would, under the week's Monday; weeks stay apart."""
    series = Series(key="k", source="judge", evaluator="k", version="v", first_at=AT, last_at=AT,
                    points=(day(1, [0.0, 1.0]), day(6, [0.25, 0.75]), day(7, [1.0])))  # fmt: skip
    first, second = by_week(series).points
    assert day(0, [0.0, 1.0, 0.25, 0.75]) == first
    assert (MONDAY + dt.timedelta(days=7), 1) == (second.day, second.count)


def test_nothing_cannot_be_joined() -> None:
    """An epoch without points has no whole."""
    with pytest.raises(ValueError, match="no points"):
        pooled([])
