"""`burnish nights`: what each round of the loop did."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.domain.nights import Night

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Rounds of the loop, stage by stage.")

EMPTY = "No night yet. `burnish run nightly` runs one now; `burnish worker` runs one every night."


@app.command("list")
def list_nights(
    context: typer.Context,
    agent: OfAgent = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many at most.")] = 30,
    as_json: AsJson = False,
) -> None:
    """List nights, newest first."""
    from burnish.drivers.cli.output import Column, listing
    from burnish.drivers.figures import duration, moment
    from burnish.loop.aligning.week import with_judges

    def fetch() -> "list[Night]":
        with Session.of(context).store() as store:
            return store.nights.list(agent=with_judges(agent), limit=limit)

    listing(
        as_json,
        fetch,
        dump=lambda night: night.model_dump(mode="json"),
        key=lambda night: night.id,
        columns=[
            Column("night"),
            Column("state"),
            Column("started (UTC)"),
            Column("took", right=True),
            Column("stages done", flexible=True),
        ],
        row=lambda night, _short: [
            night.id,
            night.state.value,
            moment(night.started_at),
            duration((night.finished_at - night.started_at).total_seconds() if night.finished_at else None),
            " ".join(night.stages),
        ],
        empty=EMPTY,
    )


@app.command("show")
def show_night(
    context: typer.Context,
    night_id: Annotated[str, typer.Argument(metavar="AGENT[/DATE]", help="Without a date: the agent's newest night.")],
    as_json: AsJson = False,
) -> None:
    """Show the report of one night."""
    from rich.markdown import Markdown

    from burnish.drivers.cli.output import Column, console, heading, print_json, print_text, table
    from burnish.drivers.figures import count, duration, moment, money, readable
    from burnish.drivers.visible import visible

    with Session.of(context).store() as store:
        night = _find(store, night_id)
        calls = store.calls.totals(night.id)
    if as_json:
        print_json({**night.model_dump(mode="json"), "calls": calls})
        return
    print_text(f"{night.id}  {night.state.value}", style="bold")
    print_text(f"{moment(night.started_at)} to {moment(night.finished_at)} UTC", style="dim")
    report = night.stages.get("report", {}).get("markdown")
    if isinstance(report, str):
        console().print()
        console().print(Markdown(visible(report), hyperlinks=False))
    for stage, summary in night.stages.items():
        if stage != "report" and not isinstance(report, str):
            heading(stage)
            table([Column(""), Column("", flexible=True)], [(key, readable(value)) for key, value in summary.items()])
    if calls:
        heading("model calls")
        table(
            [
                Column("for"),
                Column("calls", right=True),
                Column("tokens", right=True),
                Column("cost", right=True),
                Column("time", right=True),
            ],
            [
                (
                    str(row["purpose"]),
                    count(row["calls"]),
                    count((row["input_tokens"] or 0) + (row["output_tokens"] or 0)),
                    money(row["cost_usd"]),
                    duration(row["seconds"]),
                )
                for row in calls
            ],
        )


def _find(store: "Store", given: str) -> Any:
    from burnish.errors import NotFoundError

    if "/" in given:
        return store.nights.get(given)
    newest = store.nights.list(agent=given, limit=1)
    if not newest:
        raise NotFoundError(f"no night of an agent '{given}'; `burnish nights` lists the nights there are")
    return newest[0]
