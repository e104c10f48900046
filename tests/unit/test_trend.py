import datetime as dt
import re

from burnish.drivers.web.trend import Line, Mark, chart, histogram

MARCH = dt.date(2026, 3, 1)


def line(name: str, first: int, values: list[float], changed: str = "") -> Line:
    marks = tuple(
        Mark(MARCH + dt.timedelta(days=first + n), value, value - 0.1, value + 0.1, 10 * (n + 1))
        for n, value in enumerate(values)
    )
    return Line(name, marks, changed)


def points(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+),([-\d.]+)", text)]


def test_no_line_joins_two_epochs() -> None:
    """Each epoch has a line of its own with exactly its own points, and its beginning is marked with what changed."""
    drawn = chart([line("a", 0, [0.5, 0.6]), line("b", 2, [0.4, 0.3, 0.2], "model x became y")])
    assert drawn is not None
    assert [2, 3] == [len(points(one.path)) for one in drawn.lines]
    assert points(drawn.lines[0].path)[-1][0] < points(drawn.lines[1].path)[0][0]
    (boundary,) = drawn.boundaries
    assert (2, MARCH + dt.timedelta(days=2), "model x became y") == (boundary.number, boundary.day, boundary.changed)
    assert float(boundary.x) == points(drawn.lines[1].path)[0][0]


def test_every_point_says_its_figures() -> None:
    """A dot's text holds day, mean, interval, n and version; the bars are as tall as n."""
    drawn = chart([line("a", 0, [0.5, 0.6])])
    assert drawn is not None
    assert "2026-03-02: 0.60 (0.50 to 0.70), n = 20, a" == drawn.lines[0].dots[1][2]
    heights = [float(height) for *_, height in drawn.lines[0].bars]
    assert heights[1] == 2 * heights[0]
    assert 20 == drawn.most


def test_shares_are_drawn_between_0_and_1() -> None:
    """Higher is better and further up; what an interval has beyond 0 or 1 is cut, other measures get their own axis."""
    drawn = chart([line("a", 0, [0.0, 1.0])])
    assert drawn is not None
    assert ["0", "0.25", "0.5", "0.75", "1"] == [tick.label for tick in drawn.up]
    (_, low), (_, high) = points(drawn.lines[0].path)
    assert high < low
    assert all(drawn.top <= y <= drawn.floor for _, y in points(drawn.lines[0].band))
    seconds = chart([line("a", 0, [3.0, 40.0])])
    assert seconds is not None
    assert float(seconds.up[-1].label) >= 40
    kappa = chart([line("a", 0, [0.05])], share=False)
    assert kappa is not None
    assert float(kappa.up[0].label) <= -0.05


def test_nothing_to_draw_is_no_chart() -> None:
    """Without a mark there is no chart; a single day stands in the middle."""
    assert chart([]) is None
    assert chart([Line("a", ())]) is None
    alone = chart([line("a", 0, [0.5])])
    assert alone is not None
    assert abs(points(alone.lines[0].path)[0][0] - (alone.left + alone.right) / 2) < 1


def test_a_histogram_tells_what_fails() -> None:
    """Ten bars, the tallest 80 units; tenths below the threshold are failing."""
    bars = histogram((5, 0, 0, 0, 0, 2, 0, 0, 0, 10), 0.5)
    assert [True] * 5 + [False] * 5 == [bar.failing for bar in bars]
    assert ("80.0", "40.0", "0.0") == (bars[9].height, bars[0].height, bars[1].height)
