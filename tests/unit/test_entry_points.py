"""Kinds of sources from installed packages: they open, and a mistake is told with what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.packages import importable, install

from burnish.adapters.sources import Source, SourceContext, WindowedSource, open_source
from burnish.errors import ConfigError
from burnish.project import SourceConfig

TAPES = """
from burnish.adapters.sources import Batch
from burnish.errors import ConfigError


class Tapes:
    name = "tapes"

    def __init__(self, path):
        self.path = path

    def read(self):
        yield Batch([], [])


def open_tapes(context):
    return Tapes(context.path())


def open_nothing(context):
    return object()


def open_badly(context):
    return context.config.no_such_field


def open_strictly(context):
    raise ConfigError(f"{context.where}: tapes need a reel")
"""

Open = Callable[[str], Source | WindowedSource]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Open a kind where the package is installed."""
    install(
        tmp_path,
        "burnish-tapes",
        {"tape_source": TAPES, "tape_broken": "import a_module_that_is_not_there"},
        {
            "tapes": "tape_source:open_tapes",
            "nothing": "tape_source:open_nothing",
            "badly": "tape_source:open_badly",
            "strictly": "tape_source:open_strictly",
            "missing": "tape_source:open_missing",
            "broken": "tape_broken:open",
            "jsonl": "tape_source:open_nothing",
        },
    )
    install(tmp_path, "burnish-more-tapes", {}, {"twice": "tape_source:open_tapes"})
    install(tmp_path, "burnish-other-tapes", {}, {"twice": "tape_source:open_nothing"})

    def open_kind(kind: str) -> Source | WindowedSource:
        config = SourceConfig(kind=kind, path=str(tmp_path))
        return open_source(SourceContext(config, "desk", tmp_path, lambda name: None))

    with importable(tmp_path):
        yield open_kind


def test_an_installed_package_brings_a_kind(opened: Open, tmp_path: Path) -> None:
    """Its function gets the context and its source is read like any other."""
    source = opened("tapes")
    assert isinstance(source, Source)
    assert (source.name, source.path, len(list(source.read()))) == ("tapes", tmp_path, 1)  # type: ignore[attr-defined]


def test_burnishs_own_kinds_come_first(opened: Open) -> None:
    """A package cannot take the place of one."""
    assert type(opened("jsonl")).__name__ == "JsonlSource"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("tape", r"no source of kind 'tape'; did you mean 'tapes'\? There are: badly, broken, endpoint, "),
        ("open-ai-chat", r"did you mean 'openai_chat'\?"),
        ("zzzz", r"no source of kind 'zzzz'; there are: badly, "),
        ("nothing", r"what 'nothing' opens has neither read\(\) nor read_window\(\)"),
        (
            "broken",
            r"tape_broken:open of burnish-tapes 1.0, which opens 'broken', fails: ModuleNotFoundError: .*not_there",
        ),
        ("missing", r"fails: AttributeError: .*open_missing"),
        ("badly", r"fails: AttributeError: .*no_such_field"),
        ("strictly", r"^\[source\] of agent 'desk': tapes need a reel$"),
        ("twice", r"'twice' is registered twice: tape_source:open_nothing \(burnish-other-tapes 1.0\) and .*uninstall"),
    ],
)
def test_what_cannot_be_opened_is_told(opened: Open, kind: str, reason: str) -> None:
    """An unknown kind with the nearest known one, a failing package with its name and what it raised."""
    with pytest.raises(ConfigError, match=reason):
        opened(kind)
