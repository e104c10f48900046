"""Pages of evaluators: what each runs on and costs, and how it scores over time, epoch by epoch."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.evaluators.series import Series, by_week
from burnish.domain.feedback import Feedback
from burnish.domain.listing import TraceQuery, TraceSummary
from burnish.domain.statistics import wilson
from burnish.drivers.web.counts import AgentFigures, figures_of
from burnish.drivers.web.render import page
from burnish.drivers.web.trend import chart, histogram, line_of
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of, threshold
from burnish.errors import NotFoundError
from burnish.loop.evaluator_report import Epoch, EvaluatorReport, KeyReport

__all__ = ["show", "show_list"]

REACH = 10_000
FAILING = 10
FAILURES = 30
SPANS = {"30": 30, "90": 90, "all": None}
MOST_DAYS = 62  # by week from there on


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of passes in an epoch, with Wilson's interval."""

    share: float
    low: float
    high: float
    count: int


def show_list(request: Request) -> Response:
    """Every evaluator of every agent."""
    agent = agent_filter(request)
    agents = known_agents(request)
    found = [(name, figures_of(request, name)) for name in ([agent] if agent else agents)]
    return page(
        request,
        "evaluators.html",
        found=found,
        pending=any(one.pending for _, one in found),
        rate=pass_rate,
        spark=_spark,
        agents=agents,
        asked={"agent": agent or ""},
    )


def show(request: Request) -> Response:
    """One evaluator: its trend with a line an epoch, its scores, what it fails, and why it could not say."""
    agent, name = request.path_params["agent"], request.path_params["name"]
    found = figures_of(request, agent)
    report = _named(found.value, agent, name)
    key = _key(report, request.query_params.get("key"))
    span = request.query_params.get("days")
    span = span if span in SPANS else "90"
    lines = _lines(key.epochs if key is not None else (), SPANS[span])
    by = request.query_params.get("by")
    by = by if by in ("day", "week") else "week" if _days(lines) > MOST_DAYS else "day"
    drawn = [(epoch, by_week(series) if by == "week" else series) for epoch, series in lines]
    pass_at = threshold(request, agent)
    failing, said = _failing(request, report, key, pass_at) if report is not None and key is not None else ([], {})
    newest = key.newest if key is not None else None
    return page(
        request,
        "evaluator.html",
        agent=agent,
        name=name,
        report=report,
        pending=found.pending,
        as_of=found.as_of,
        key=key,
        newest=newest,
        rate=pass_rate,
        chart=chart([line_of(series, epoch.changed) for epoch, series in drawn]),
        drawn=drawn,
        bars=histogram(newest.whole.tenths, pass_at) if newest is not None else (),
        pass_at=pass_at,
        failing=failing,
        said=said,
        failures=report.failures[:FAILURES] if report is not None else (),
        failures_left=max(0, len(report.failures) - FAILURES) if report is not None else 0,
        asked={"by": by, "days": span, "key": key.key if key is not None else ""},
        spans=tuple(SPANS),
    )


def pass_rate(epoch: Epoch) -> Rate:
    """How much of what an epoch scored passed."""
    whole = epoch.whole
    low, high = wilson(whole.passed, whole.count)
    return Rate(whole.passed / whole.count, low, high, whole.count)


def _named(reports: AgentFigures | None, agent: str, name: str) -> EvaluatorReport | None:
    if reports is None:
        return None
    by_name = {one.name: one for one in reports.reports}
    if name not in by_name:
        known = ", ".join(by_name) or "none"
        raise NotFoundError(f"agent '{agent}' has no evaluator '{name}'; there are: {known}")
    return by_name[name]


def _key(report: EvaluatorReport | None, asked: str | None) -> KeyReport | None:
    if report is None:
        return None
    by_key = {one.key: one for one in report.keys}
    return by_key.get(asked or report.name) or next(iter(report.keys), None)


def _lines(epochs: Sequence[Epoch], days: int | None) -> list[tuple[Epoch, Series]]:
    """The epochs with their days of the span alone, which ends with the newest day there is."""
    if not epochs:
        return []
    last = max(epoch.series.points[-1].day for epoch in epochs)
    first = dt.date.min if days is None else last - dt.timedelta(days=days - 1)
    cut = [(epoch, tuple(point for point in epoch.series.points if point.day >= first)) for epoch in epochs]
    return [(epoch, epoch.series.model_copy(update={"points": points})) for epoch, points in cut if points]


def _days(lines: Sequence[tuple[Epoch, Series]]) -> int:
    days = [point.day for _, series in lines for point in series.points]
    return (max(days) - min(days)).days + 1 if days else 0


def _spark(key: KeyReport) -> list[tuple[int, str]]:
    """Hue and points of a small line an epoch, 120 by 24 units, over the last weeks that have scores."""
    lines = [(epoch, by_week(series)) for epoch, series in _lines(key.epochs, 90)]
    days = [point.day for _, series in lines for point in series.points]
    first, wide = min(days), max(1, (max(days) - min(days)).days)
    means = [point.mean for _, series in lines for point in series.points]
    low, high = min(0.0, *means), max(1.0, *means)
    return [
        (
            number % 4,
            " ".join(
                f"{2 + 116 * (point.day - first).days / wide:.1f},{22 - 20 * (point.mean - low) / (high - low):.1f}"
                for point in series.points
            ),
        )
        for number, (_, series) in enumerate(lines)
    ]


def _failing(
    request: Request, report: EvaluatorReport, key: KeyReport, pass_at: float
) -> tuple[Sequence[TraceSummary], dict[str, Feedback]]:
    """The newest visible traces that it fails, and what it said of each.

    The list of traces goes by the newest word, people's too: what they alone fail is not this evaluator's doing.
    """
    store = store_of(request)
    query = TraceQuery(agent=report.agent, below=(key.key, pass_at), visible=True, limit=5 * FAILING)
    traces = store.traces.page(query, REACH).traces
    feedback = store.feedback.for_traces([trace.trace_id for trace in traces])
    said = {
        trace_id: [one for one in items if one.key == key.key and one.author == report.name and one.score is not None]
        for trace_id, items in feedback.items()
    }
    newest = {trace_id: items[-1] for trace_id, items in said.items() if items}
    own = {trace_id: one for trace_id, one in newest.items() if one.score is not None and one.score < pass_at}
    return [trace for trace in traces if trace.trace_id in own][:FAILING], own
