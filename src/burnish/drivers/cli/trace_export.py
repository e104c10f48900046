"""`burnish traces export`: traces into a file that burnish reads."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from burnish.drivers.cli.session import OfAgent, Session

__all__ = ["export"]


def export(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", dir_okay=False, help="JSON lines; compressed where it ends in .gz.")
    ],
    agent: OfAgent = None,
    since: Annotated[str | None, typer.Option("--since", help="Only from then on: 24h, 7d, 2026-01-31.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only before then.")] = None,
    origin: Annotated[
        Literal["production", "experiment", "any"], typer.Option("--origin", help="Real traffic or offline runs.")
    ] = "production",
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="So many at most, the newest.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE where it exists.")] = False,
) -> None:
    """Write traces with their scores, labels and corrections to a file, which the source `jsonl` reads."""
    from burnish.domain.listing import TraceQuery
    from burnish.drivers.cli.output import EXIT_NOTHING, advise
    from burnish.drivers.cli.since import moment_of
    from burnish.errors import InputError
    from burnish.loop.export import export_traces

    if file.exists() and not force:
        raise InputError(f"{file} exists; --force overwrites it")
    query = TraceQuery(agent=agent, since=moment_of(since), until=moment_of(until), origin=origin, limit=limit)
    with Session.of(context).store() as store:
        count = export_traces(store, query, file)
    advise(f"{count:,} traces written to {file}." if count else "No trace fits; nothing is written.")
    if not count:
        raise typer.Exit(EXIT_NOTHING)
