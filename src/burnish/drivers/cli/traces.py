"""`burnish traces`: what the agents did."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session
from burnish.drivers.cli.trace_export import export

if TYPE_CHECKING:
    from burnish.domain.listing import RedactionCount, TraceSummary
    from burnish.domain.traces import SpanStatus

__all__ = ["app"]

app = typer.Typer(cls=Group, help="What the agents did: traces with their scores.", no_args_is_help=False)

EMPTY = (
    "No trace fits. Leave out filters, or bring traces in: send OTLP to `burnish serve` (POST /v1/traces), "
    "or `burnish pull` them from where they are."
)


@app.command("list")
def list_traces(
    context: typer.Context,
    agent: OfAgent = None,
    status: Annotated[
        Literal["unset", "ok", "error"] | None, typer.Option("--status", help="Only traces that ended so.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Only where input or output begins with this in it.")
    ] = None,
    below: Annotated[
        str | None, typer.Option("--below", metavar="METRIC=SCORE", help="Only where this metric is under the score.")
    ] = None,
    session: Annotated[str | None, typer.Option("--session", help="Only of this session.")] = None,
    release: Annotated[str | None, typer.Option("--release", help="Only of this release of the agent.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only where this is the main model.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only from then on: 24h, 7d, 2026-01-31.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only before then.")] = None,
    origin: Annotated[
        Literal["production", "experiment", "any"], typer.Option("--origin", help="Real traffic or offline runs.")
    ] = "production",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many at most.")] = 30,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Leave out so many newer ones.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List traces, newest first."""
    from burnish.domain.listing import TraceQuery
    from burnish.domain.traces import SpanStatus
    from burnish.drivers.cli.output import Column, listing
    from burnish.drivers.cli.since import moment_of
    from burnish.drivers.figures import count, duration, moment, money

    query = TraceQuery(
        agent=agent,
        origin=origin,
        status=SpanStatus(status) if status else None,
        text=text,
        below=_below(below),
        session_id=session,
        release=release,
        model=model,
        since=moment_of(since),
        until=moment_of(until),
        limit=limit,
        offset=offset,
    )
    total = 0

    def fetch() -> "list[TraceSummary]":
        nonlocal total
        with Session.of(context).store() as store:
            found = store.traces.list(query)
            total = store.traces.count(query) if len(found) == limit else offset + len(found)
            return found

    listing(
        as_json,
        fetch,
        dump=lambda trace: trace.model_dump(mode="json"),
        key=lambda trace: trace.trace_id,
        columns=[
            Column("trace"),
            Column("started (UTC)"),
            Column("agent"),
            Column("status"),
            Column("took", right=True),
            Column("tokens", right=True),
            Column("cost", right=True),
            Column("scores", flexible=True),
            Column("input", flexible=True),
        ],
        row=lambda trace, short: [
            short[trace.trace_id],
            moment(trace.started_at),
            trace.agent,
            _status(trace.status),
            duration(trace.latency_s),
            count(trace.tokens),
            money(trace.cost_usd),
            " ".join(f"{key}={value:.2f}" for key, value in sorted(trace.scores.items())),
            trace.input_preview,
        ],
        empty=EMPTY,
        more=lambda: (
            f"{limit} of {total:,} traces; --offset {offset + limit} shows the next" if total > offset + limit else ""
        ),
    )


@app.command("show")
def show_trace(
    context: typer.Context,
    trace_id: Annotated[str, typer.Argument(metavar="ID", help="The id or its first 6 characters or more.")],
    full: Annotated[bool, typer.Option("--full", help="Cut no long text.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one trace: its conversation, its steps, its scores."""
    from burnish.drivers.cli.output import print_json
    from burnish.drivers.cli.trace_page import print_trace

    with Session.of(context).store() as store:
        trace = store.traces.get(trace_id)
        feedback = store.feedback.for_trace(trace.trace_id)
        failures = store.feedback.failures([trace.trace_id]).get(trace.trace_id, [])
    if as_json:
        print_json(
            {
                **trace.model_dump(mode="json"),
                "latency_s": trace.latency_s,
                "cost_usd": trace.cost_usd,
                "model": trace.model,
                "usage": trace.usage.model_dump(mode="json"),
                "feedback": [{"id": item.id, **item.model_dump(mode="json")} for item in feedback],
                "evaluator_failures": [item.model_dump(mode="json") for item in failures],
            }
        )
    else:
        print_trace(trace, feedback, failures, full=full)


app.command("export")(export)


@app.command("redactions")
def list_redactions(
    context: typer.Context,
    agent: OfAgent = None,
    since: Annotated[str | None, typer.Option("--since", help="Only from then on: 7d, 2026-01-31.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count what was taken out before storing, by day, agent and detector."""
    from burnish.drivers.cli.output import Column, listing
    from burnish.drivers.cli.since import moment_of

    def fetch() -> "list[RedactionCount]":
        with Session.of(context).store() as store:
            return store.redactions.list(agent, moment_of(since))

    listing(
        as_json,
        fetch,
        dump=lambda row: row.model_dump(),
        key=lambda row: f"{row.date}/{row.agent}/{row.detector}",
        columns=[Column("day (UTC)"), Column("agent"), Column("taken out"), Column("times", right=True)],
        row=lambda row, _: [row.date, row.agent, row.detector, f"{row.count:,}"],
        empty="Nothing was taken out of what came in.",
    )


def _below(text: str | None) -> tuple[str, float] | None:
    if text is None:
        return None
    key, _, limit = text.rpartition("=")
    try:
        value = float(limit)
    except ValueError:
        _bad_below(text)
    if not key:
        _bad_below(text)
    return key, value


def _bad_below(text: str) -> NoReturn:
    raise typer.BadParameter(f"'{text}' is not METRIC=SCORE, for example correct=0.5", param_hint="--below")


def _status(status: "SpanStatus") -> Any:
    from rich.text import Text

    return Text(status.value, style="red" if status.value == "error" else "")
