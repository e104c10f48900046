"""docs/cli.md names what there is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from burnish.drivers.cli.app import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHOWN_BY_EVERY_COMMAND = {"--help", "--install-completion", "--show-completion", "--version"}


def commands() -> Iterator[tuple[str, set[str]]]:
    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts) if name.startswith("--")}
        yield " ".join(path), options
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, (*path, name))

    yield from walk(typer.main.get_command(app), ("burnish",))


@pytest.mark.parametrize(("command", "options"), [pytest.param(*one, id=one[0]) for one in commands()])
def test_every_command_and_option_is_documented(command: str, options: set[str]) -> None:
    """The page about the command line names each command with each of its options."""
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    noun, _, verb = command.rpartition(" ")
    assert f"`{command}" in text or f"`{noun} list`, `{verb}" in text
    rows = "".join(line for line in text.splitlines() if command in line or noun in line or "Every reading" in line)
    where = rows if command != "burnish" else text
    assert set() == {name for name in options - SHOWN_BY_EVERY_COMMAND if name not in where}
