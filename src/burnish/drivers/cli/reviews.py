"""`burnish reviews`: what people say of traces, read in."""

from pathlib import Path
from typing import Annotated

import typer

from burnish.drivers.cli.session import AsJson, Session

__all__ = ["app"]

app = typer.Typer(help="What people say of traces.", no_args_is_help=True)


@app.callback()
def _reviews() -> None:
    """Keep `import` a command of its own while it is the only one."""


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="JSON lines, one a review.")
    ],
    agent: Annotated[str, typer.Option("--agent", metavar="NAME", help="The agent whose traces are reviewed.")],
    as_json: AsJson = False,
) -> None:
    """Read reviews from a file: trace_id or session_id, reviewer, and expected, score or comment."""
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.loop.annotate import import_reviews, read_reviews

    reviews = list(read_reviews(file))
    with Session.of(context).store() as store:
        summary = import_reviews(store, agent, reviews)
    if as_json:
        print_json(summary.model_dump(mode="json"))
    else:
        advise(f"{summary.written} reviews written, {len(summary.unmatched)} whose trace is not in the store.")
    if reviews and not summary.written:
        raise typer.Exit(EXIT_NOTHING)
