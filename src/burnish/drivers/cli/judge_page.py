"""A judge on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from burnish.domain.agreement import Agreement, AlignmentState, Rate, with_interval
from burnish.domain.alignment.drift import Drift, DriftWindow
from burnish.domain.alignment.measurement import Alignment
from burnish.domain.raters import RaterAgreement
from burnish.drivers.cli.output import Column, console, heading, print_text, table
from burnish.drivers.figures import NOTHING, moment

if TYPE_CHECKING:
    from burnish.drivers.cli.judges import JudgeNow

__all__ = ["list_columns", "list_row", "print_judge", "sparkline"]

STATE_STYLES = {
    AlignmentState.ALIGNED: "green",
    AlignmentState.STALE: "yellow",
    AlignmentState.UNALIGNED: "red",
}
BARS = "▁▂▃▄▅▆▇█"
WEEKS = 26


def list_columns() -> list[Column]:
    """Of the list of judges."""
    return [
        Column("judge"),
        Column("state"),
        Column("labels", right=True),
        Column("kappa, 95%"),
        Column("people, alpha"),
        Column("by week"),
        Column("why", flexible=True),
    ]


def list_row(one: "JudgeNow") -> list[str | Text]:
    """Cells of the list of judges."""
    state = Text(one.state.value, style=STATE_STYLES[one.state])
    item = one.newest
    if item is None:
        return [one.judge, state, "0", NOTHING, NOTHING, "", one.reason]
    people = NOTHING if item.ceiling is None else _figure(item.ceiling.alpha)
    weeks = "" if item.drift is None else sparkline(item.drift.windows)
    return [one.judge, state, str(item.held_out_labels), _kappa(item.held_out), people, weeks, one.reason]


def sparkline(windows: Sequence[DriftWindow]) -> str:
    """The share of agreement by window, the newest last: a full bar is 100 %, the lowest 50 % or less."""
    shares = [2 * window.right.share - 1 for window in windows[-WEEKS:]]
    return "".join(BARS[max(0, min(len(BARS) - 1, int(share * len(BARS))))] for share in shares)


def print_judge(one: "JudgeNow", history: Sequence[Alignment]) -> None:
    """One judge on a page."""
    heading(f"{one.judge} (version {one.version})")
    console().print(Text(one.state.value, style=f"bold {STATE_STYLES[one.state]}"))
    print_text(one.reason, indent=2)
    if one.newest is None:
        return
    _print_figures(one.newest)
    if one.newest.drift is not None:
        _print_drift(one.newest.drift)
    biases = [bias for bias in (one.newest.length, one.newest.position) if bias is not None]
    if biases:
        heading("what sways it")
        for bias in biases:
            print_text(f"\N{BULLET} {bias.reading}", indent=2)
    if len(history) > 1:
        heading("measurements")
        _print_history(history)


def _print_figures(item: Alignment) -> None:
    asked = f", answered by {item.model}" if item.model else ""
    heading(f"beside people, measured {moment(item.measured_at)} UTC{asked}, version {item.version}")
    named = [("held out", _figures(item.held_out, item.raters))]
    if item.train is not None:
        named.append(("fitted to", _figures(item.train, None)))
    if item.ceiling is not None:
        people = (str(item.ceiling.items), NOTHING, *_coefficients(item.ceiling), NOTHING, NOTHING)
        named.append(("people alone", people))
    rows = zip(("labels", "kappa", "alpha", "AC1", "TPR", "TNR"), *(cells for _, cells in named), strict=True)
    table([Column(""), *(Column(name) for name, _ in named)], rows)


def _figures(found: Agreement, raters: RaterAgreement | None) -> tuple[str, ...]:
    return (str(found.items), _kappa(found), *_coefficients(raters), _rate(found.tpr), _rate(found.tnr))


def _coefficients(found: RaterAgreement | None) -> tuple[str, str]:
    if found is None:
        return NOTHING, NOTHING
    return (
        _figure(found.alpha, found.alpha_low, found.alpha_high),
        _figure(found.ac1, found.ac1_low, found.ac1_high),
    )


def _print_drift(found: Drift) -> None:
    heading("agreement by week")
    console().print(Text(sparkline(found.windows)))
    table(
        [Column("week of"), Column("labels", right=True), Column("agreement, 95%")],
        [(f"{one.start:%Y-%m-%d}", str(one.right.count), _rate(one.right)) for one in found.windows[-WEEKS:]],
    )
    print_text(found.reason, indent=2)


def _print_history(history: Sequence[Alignment]) -> None:
    table(
        [
            Column("measured"),
            Column("version"),
            Column("model"),
            Column("state"),
            Column("labels", right=True),
            Column("kappa, 95%"),
        ],
        [
            (
                moment(item.measured_at),
                item.version,
                item.model or NOTHING,
                item.state.value,
                str(item.held_out_labels),
                _kappa(item.held_out),
            )
            for item in history
        ],
    )


def _kappa(found: Agreement) -> str:
    return _figure(found.kappa, found.low, found.high)


def _rate(found: Rate | None) -> str:
    return NOTHING if found is None else _figure(found.share, found.low, found.high)


def _figure(value: float | None, low: float | None = None, high: float | None = None) -> str:
    return NOTHING if value is None else with_interval(value, low, high)
