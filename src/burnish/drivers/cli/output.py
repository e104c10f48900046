"""How commands print: tables that fit the terminal, JSON for programs, advice on stderr."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from burnish.drivers.visible import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["Column", "advise", "console", "heading", "listing", "print_json", "print_text", "short_ids", "table"]

SHORT_ID = 8
FLEXIBLE_WIDTH = 8
PIPED_WIDTH = 160
EXIT_NOTHING = 3


class Column:
    """One column: `flexible` ones give way when the terminal is narrow, the others keep their width."""

    def __init__(self, title: str, *, right: bool = False, flexible: bool = False) -> None:
        self.title = title
        self.right = right
        self.flexible = flexible


def console() -> "Console":
    """A console on stdout that shows text as data: no markup, no emoji codes, no guessed highlighting."""
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    width = None if sys.stdout.isatty() else shutil.get_terminal_size((PIPED_WIDTH, 24)).columns
    return Quiet(markup=False, emoji=False, highlight=False, width=width)


def print_json(value: Any) -> None:
    """`value` as JSON on stdout. ASCII only, so that no terminal acts on what a trace says."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def advise(text: str) -> None:
    """A line for the person, on stderr, so that it does not mix with the data."""
    sys.stderr.write(text + "\n")


def print_text(text: str, *, style: str = "", indent: int = 0) -> None:
    """Untrusted text, made visible, wrapped at words and indented."""
    from rich.padding import Padding
    from rich.text import Text

    console().print(Padding(Text(visible(text), style=style), (0, 0, 0, indent), expand=False))


def heading(text: str) -> None:
    """A heading between two parts of a page."""
    from rich.text import Text

    out = console()
    out.print()
    out.print(Text(visible(text), style="bold"))


def table(columns: Sequence[Column], rows: Iterable[Sequence["str | RenderableType"]]) -> None:
    """A table as wide as the terminal at most; plain cells are untrusted and shown on one line.

    Where even the narrowest form does not fit, nothing is cut: into a pipe it is written as wide as it is, and on a
    terminal each row becomes a block of lines, the first cell above the others.
    """
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    out = console()
    least = _least_width(columns, rows)
    if least > out.width:
        if out.is_terminal and len(columns) > 2:
            _blocks(columns, rows)
            return
        out.width = least
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        shown.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.flexible,  # rich narrows only the columns that may wrap; their cells do not
            min_width=FLEXIBLE_WIDTH if column.flexible else None,
        )
    for row in rows:
        shown.add_row(
            *(
                Text(one_line(cell), no_wrap=True, overflow="ellipsis") if isinstance(cell, str) else cell
                for cell in row
            )
        )
    out.print(shown)


def _least_width(columns: Sequence[Column], rows: Sequence[Sequence["str | RenderableType"]]) -> int:
    """The width at which no cell of a column that keeps its width is cut."""
    total = 0
    for number, column in enumerate(columns):
        title = max(map(len, column.title.splitlines()), default=0)
        cells = [_text(row[number]).cell_len for row in rows] if not column.flexible else [FLEXIBLE_WIDTH]
        total += max([title, *cells]) + 2
    return total


def _text(cell: "str | RenderableType") -> "Text":
    from rich.text import Text

    if isinstance(cell, Text):
        return cell
    return Text(one_line(cell) if isinstance(cell, str) else str(cell))


def _blocks(columns: Sequence[Column], rows: Sequence[Sequence["str | RenderableType"]]) -> None:
    """A block a row: its first cell, then the others that say something, each after its title."""
    from rich.padding import Padding
    from rich.text import Text

    out = console()
    for row in rows:
        out.print(Text(_text(row[0]).plain, style="bold", overflow="fold"))
        told = Text(overflow="fold")
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if (text := _text(cell)).plain.strip():
                told.append("  " if told else "").append(" ".join(column.title.split()) + " ", style="dim").append(text)
        out.print(Padding(told, (0, 0, 0, 2), expand=False))


def listing(
    as_json: bool,
    fetch: Callable[[], list[Any]],
    *,
    dump: Callable[[Any], Mapping[str, Any]],
    columns: Sequence[Column],
    row: Callable[[Any, Mapping[str, str]], Sequence["str | RenderableType"]],
    key: Callable[[Any], str],
    empty: str,
    more: Callable[[], str] | None = None,
) -> None:
    """Print what `fetch` gives, as JSON or as a table; leave with code 3 and the advice `empty` where that is nothing.

    `row` is given an item and the short ids by whole id.
    """
    from burnish.drivers.cli.session import NoStoreError

    try:
        items = fetch()
    except NoStoreError as missing:
        items, empty = [], str(missing)
    if as_json:
        print_json([dump(item) for item in items])
    elif items:
        short = short_ids([key(item) for item in items])
        table(columns, [row(item, short) for item in items])
    if not items:
        advise(visible(empty))
        raise typer.Exit(EXIT_NOTHING)
    if more is not None and not as_json and (line := more()):
        advise(line)


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Each id's first characters: as few as keep them apart from each other, 8 at least."""
    distinct = set(ids)
    length = SHORT_ID
    while len({one[:length] for one in distinct}) < len(distinct):
        length += 1
    return {one: one[:length] for one in distinct}
