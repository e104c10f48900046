"""`burnish redact`: try the rules on a text before trusting them with traces."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import AsJson, Session

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["app"]

app = typer.Typer(help="Try out what is taken out of texts before they are stored.", no_args_is_help=True)


@app.command("check")
def check(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="TEXT|FILE", help="A text, a file, or - for standard input.")],
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="By this agent's [redaction]. Default: the defaults.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a text as it would be stored, with a count by detector. Nothing is stored."""
    import json
    from collections import Counter

    from burnish.drivers.cli.output import EXIT_NOTHING, advise, console, print_json

    redactor = Session.of(context).screens(agent).of(agent or "")
    text = _read(what)
    try:
        value = json.loads(text) if text.lstrip()[:1] in ("{", "[") else text
    except ValueError:
        value = text
    after, counts = redactor.checked(value)
    shown = after if isinstance(after, str) else json.dumps(after, ensure_ascii=False, indent=2)
    found = Counter(counts)
    if as_json:
        print_json({"text": after, "found": dict(sorted(found.items()))})
    else:
        console().print(_coloured(shown))
        advise(", ".join(f"{count:,} {name}" for name, count in sorted(found.items())) or "Nothing would be taken out.")
    if not found:
        raise typer.Exit(EXIT_NOTHING)


def _read(what: str) -> str:
    if what == "-":
        return sys.stdin.read()
    try:
        path = Path(what)
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else what
    except OSError:  # a long text is no file name
        return what


def _coloured(text: str) -> "Text":
    from rich.text import Text

    from burnish.domain.redaction import MARK
    from burnish.drivers.visible import visible

    shown = Text(visible(text))
    shown.highlight_regex(MARK, "bold black on yellow")
    return shown
