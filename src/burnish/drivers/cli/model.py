"""`burnish model`: the embedded model's weights, fetched once and checked."""

from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import AsJson, Group, Session

if TYPE_CHECKING:
    from rich.console import Console

    from burnish.settings import Settings

__all__ = ["app", "fetch_with_progress"]

app = typer.Typer(cls=Group, help="The embedded model, for work without a key.")


@app.command("list")
def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the embedded models and which of them are here."""
    from rich.text import Text

    from burnish.adapters.llm import weights
    from burnish.drivers.cli.output import Column, print_json, table

    settings = Session.of(context).settings
    folder = settings.models_dir.expanduser()
    rows = [(known, weights.find(known.name, folder)) for known in weights.KNOWN.values()]
    if as_json:
        print_json(
            [
                {
                    "name": known.name,
                    "bytes": known.size,
                    "license": known.license,
                    "about": known.about,
                    "path": None if path is None else str(path),
                    "default": known.name == settings.embedded_model,
                }
                for known, path in rows
            ]
        )
        return
    table(
        [
            Column("model"),
            Column("about", flexible=True),
            Column("size", right=True),
            Column("license"),
            Column("here"),
            Column("path", flexible=True),
        ],
        [
            (
                known.name,
                known.about,
                f"{known.size / 1e6:,.0f} MB",
                known.license,
                Text("yes", style="green") if path is not None else Text("no"),
                str(path or ("`burnish model fetch`" if known.name == settings.embedded_model else "")),
            )
            for known, path in rows
        ],
    )


@app.command("fetch")
def fetch(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Default: BURNISH_EMBEDDED_MODEL.")] = None,
) -> None:
    """Download a model's weights, check their digest and keep them; nothing happens when they are here."""
    from burnish.drivers.cli.output import console

    settings = Session.of(context).settings
    fetch_with_progress(console(), settings, name or settings.embedded_model)


def fetch_with_progress(console: "Console", settings: "Settings", name: str) -> None:
    """Make sure that the weights of `name` are here; says the size first and shows progress.

    Raises ConfigError for an unknown name and ModelError where no source gives the right bytes.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    from burnish.adapters.llm import weights

    folder = settings.models_dir.expanduser()
    known = weights.describe(name)
    path = weights.find(name, folder)
    if path is None:
        console.print(f"{known.about}.\nFetching {known.size / 1e6:,.0f} MB ({known.license}) into {folder}, once.")
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("", total=known.size)

            def show(done: int, total: int, note: str) -> None:
                progress.update(bar, completed=done, total=total, description=note)

            path = weights.fetch(name, folder, show)
    console.print(Text.assemble(("\N{CHECK MARK}", "green"), f" The embedded model {name}: {path}"), soft_wrap=True)
