"""Pages of judges beside people: how far they agree, how far people do, and where they differ."""

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.listing import TraceQuery, TraceSummary
from burnish.drivers.web.counts import figures_of, queue_reports_of
from burnish.drivers.web.render import page
from burnish.drivers.web.trend import Line, Mark, chart, drift_line
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of, threshold
from burnish.errors import NotFoundError
from burnish.loop.agreement_report import JudgeAgreement, VersionAgreement

__all__ = ["show", "show_list"]


def show_list(request: Request) -> Response:
    """Every judge of every agent with how it stands, and the queues that people label in."""
    agent = agent_filter(request)
    agents = known_agents(request)
    found = [(name, figures_of(request, name)) for name in ([agent] if agent else agents)]
    queues = queue_reports_of(request)
    return page(
        request,
        "agreements.html",
        judges=[judge for _, figures in found if figures.value is not None for judge in figures.value.judges],
        queues=[one for one in queues.value or () if agent is None or not one.agents or agent in one.agents],
        pending=queues.pending or any(figures.pending for _, figures in found),
        agents=agents,
        asked={"agent": agent or ""},
    )


def show(request: Request) -> Response:
    """One judge of an agent, by version: the table, coefficients, the ceiling, drift, bias, and what to read."""
    agent, name = request.path_params["agent"], request.path_params["judge"]
    found = figures_of(request, agent)
    by_name = {one.judge: one for one in (found.value.judges if found.value is not None else ())}
    if found.value is not None and name not in by_name:
        known = ", ".join(by_name) or "none that people have labelled beside"
        raise NotFoundError(f"agent '{agent}' has no judge '{name}'; there are: {known}")
    report = by_name.get(name)
    wanted = request.query_params.get("version") or None
    shown = report.version(wanted) if report is not None else None
    kept = [one for one in report.alignments if shown is None or one.version == shown.version] if report else []
    drift = next((one.drift for one in kept if one.drift is not None and one.drift.windows), None)
    return page(
        request,
        "agreement.html",
        agent=agent,
        name=name,
        report=report,
        shown=shown,
        pending=found.pending,
        as_of=found.as_of,
        measured=kept[0] if kept else None,
        drift=drift,
        drift_chart=chart([drift_line(drift, "agreement")]) if drift is not None else None,
        history=chart(_history(report), share=False) if report is not None else None,
        pass_at=threshold(request, agent),
        summaries=_summaries(request, shown),
    )


def _summaries(request: Request, shown: VersionAgreement | None) -> dict[str, TraceSummary]:
    """When the traces began on which they differ, and with which words."""
    ids = tuple(one.trace_id for one in shown.disagreements) if shown is not None else ()
    query = TraceQuery(ids=ids, origin="any", visible=True)
    return {one.trace_id: one for one in store_of(request).traces.list(query)} if ids else {}


def _history(report: JudgeAgreement) -> list[Line]:
    """Kappa on held-out labels at each measurement, a line a version."""
    lines: dict[str, list[Mark]] = {}
    for one in reversed(report.alignments):
        measured = one.held_out
        if measured.kappa is not None and measured.low is not None and measured.high is not None:
            mark = Mark(one.measured_at.date(), measured.kappa, measured.low, measured.high, measured.items)
            lines.setdefault(one.version, []).append(mark)
    return [Line(version[:8], tuple(marks)) for version, marks in lines.items()]
