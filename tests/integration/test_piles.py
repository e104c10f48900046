"""Piles of files: an unchanged file is not read again, and nothing that was not stored counts as read."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.otlp_bodies import as_json, request, span, traces_of

from burnish.adapters.sources import Batch, Problem, ReadsFiles
from burnish.adapters.sources.chatlogs import ChatLogSource
from burnish.adapters.sources.files import OtlpFilesSource
from burnish.adapters.sources.inspect import InspectSource
from burnish.adapters.sources.jsonl import JsonlSource, write_jsonl
from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.listing import TraceQuery
from burnish.domain.traces import Trace
from burnish.loop.ingest import ingest
from burnish.loop.piles import UnreadFiles
from burnish.loop.pull import PullStore, pull
from burnish.loop.rehearsal import Rehearsal
from burnish.project import SourceConfig

AGENT, KEY = "desk", "jsonl#1"


class Watched:
    """A source that notes which files it was asked to read."""

    name = "jsonl"

    def __init__(self, path: Path) -> None:
        self._source = JsonlSource(path, AGENT)
        self.read: list[str] = []

    def files(self) -> tuple[list[Path], list[Problem]]:
        return self._source.files()

    def read_file(self, path: Path) -> Iterator[Batch]:
        self.read.append(path.name)
        return self._source.read_file(path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}") as opened:
        yield opened


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    folder = tmp_path / "pile"
    folder.mkdir()
    for name, number in (("a.jsonl", 1), ("b.jsonl", 2)):
        put(folder / name, [number])
    return folder


def traces(numbers: list[int]) -> list[Trace]:
    return traces_of(as_json(request(*(span(number, trace=f"{number:032x}") for number in numbers))))


def put(path: Path, numbers: list[int], age_s: float = 60.0) -> None:
    """Write a file of some traces and date it back."""
    write_jsonl(path, traces(numbers))
    now = path.stat().st_mtime_ns
    os.utime(path, ns=(now, now - int(age_s * 1e9)))


def pulled(store: Store | Rehearsal, pile: Path, **options: bool) -> tuple[list[str], int]:
    """Pull; which files were read, and how many traces were new."""
    source = Watched(pile)
    unread = UnreadFiles(source, AGENT, KEY, store.read_files, **options)
    report = ingest(store, unread, lambda *_: unread.written())
    unread.written()
    return source.read, report.summary.new_traces


def test_unchanged_files_are_left_alone(store: Store, pile: Path) -> None:
    """The second pull reads nothing, and a new file is the only one that the third reads."""
    assert pulled(store, pile) == (["a.jsonl", "b.jsonl"], 2)
    assert pulled(store, pile) == ([], 0)
    put(pile / "c.jsonl", [3])
    assert pulled(store, pile) == (["c.jsonl"], 1)


def test_a_file_that_grows_is_read_again_from_its_start(store: Store, pile: Path) -> None:
    """What it held before is known by then."""
    pulled(store, pile)
    put(pile / "a.jsonl", [1, 5])
    assert pulled(store, pile) == (["a.jsonl"], 1)


def test_a_file_of_the_last_moment_is_read_again(store: Store, pile: Path) -> None:
    """It may change once more without another time or size."""
    put(pile / "a.jsonl", [1], age_s=0.5)
    pulled(store, pile)
    assert pulled(store, pile) == (["a.jsonl"], 0)


def test_what_was_not_stored_does_not_count_as_read(store: Store, pile: Path) -> None:
    """A pull that dies after reading two files and before writing reads both again."""
    unread = UnreadFiles(Watched(pile), AGENT, KEY, store.read_files)
    assert len(list(unread.read())) == 2
    assert pulled(store, pile) == (["a.jsonl", "b.jsonl"], 2)


def test_a_file_that_is_half_read_does_not_count_as_read(store: Store, pile: Path) -> None:
    """While its batches are on the way only the files before it are remembered."""
    unread = UnreadFiles(Watched(pile), AGENT, KEY, store.read_files)
    batches = unread.read()
    next(batches), next(batches)
    unread.written()
    assert pulled(store, pile)[0] == ["b.jsonl"]


def test_a_rehearsal_remembers_nothing(store: Store, pile: Path) -> None:
    """What a dry run looked at is still to come."""
    pulled(Rehearsal(store), pile)
    assert pulled(store, pile)[0] == ["a.jsonl", "b.jsonl"]


def test_known_files_can_be_read_again(store: Store, pile: Path) -> None:
    """On request, and what they hold is no news."""
    pulled(store, pile)
    assert pulled(store, pile, again=True) == (["a.jsonl", "b.jsonl"], 0)


def test_other_agents_and_settings_read_for_themselves(store: Store, pile: Path) -> None:
    """The record is of an agent's source with its settings."""
    pulled(store, pile)
    for agent, key in (("other", KEY), (AGENT, "jsonl#2")):
        source = Watched(pile)
        list(UnreadFiles(source, agent, key, store.read_files).read())
        assert source.read == ["a.jsonl", "b.jsonl"]


def test_a_missing_pile_is_told(store: Store, tmp_path: Path) -> None:
    """A pattern without files is a problem in every pull."""
    unread = UnreadFiles(Watched(tmp_path / "*.none"), AGENT, KEY, store.read_files)
    assert ["no file matches" in str(problem) for batch in unread.read() for problem in batch.problems] == [True]


def test_a_vanished_file_costs_itself_alone(store: Store, pile: Path) -> None:
    """A file that is gone between listing and reading is a problem, and not remembered."""
    source = Watched(pile)
    found = source.files()
    (pile / "a.jsonl").unlink()
    source.files = lambda: found  # type: ignore[method-assign]
    unread = UnreadFiles(source, AGENT, KEY, store.read_files)
    report = ingest(store, unread, lambda *_: unread.written())
    assert (report.problem_count, report.summary.new_traces) == (1, 1)
    assert {Path(state.path).name for state in store.read_files.known(AGENT, KEY)} == {"b.jsonl"}


@pytest.mark.parametrize("kind", [ChatLogSource, InspectSource, JsonlSource, OtlpFilesSource])
def test_every_source_of_files_can_be_read_file_by_file(tmp_path: Path, kind: Callable[[Path, str], object]) -> None:
    """All of burnish's own."""
    assert isinstance(kind(tmp_path, AGENT), ReadsFiles)


def test_a_trace_over_two_files_is_one(store: Store, tmp_path: Path) -> None:
    """Also where the files are read in different pulls."""
    for name, step in (("a.json", span(1, name="root")), ("b.json", span(2, name="child", parent=1))):
        (tmp_path / name).write_bytes(as_json(request(step)))
        unread = UnreadFiles(OtlpFilesSource(tmp_path, AGENT), AGENT, "otlp#1", store.read_files)
        ingest(store, unread, lambda *_, unread=unread: unread.written())  # type: ignore[misc]
    (trace_id,) = store.traces.ids(TraceQuery(agent=AGENT))
    assert [step.name for step in store.traces.get(trace_id).spans] == ["root", "child"]


def test_a_pull_reads_files_once(store: Store, pile: Path) -> None:
    """New files alone, all of them again with a start of one's own, and a rehearsal notes nothing."""
    config = SourceConfig(kind="jsonl", path=str(pile))

    def pull_once(book: PullStore, **options: Any) -> tuple[list[str], int]:
        source = Watched(pile)
        return source.read, pull(book, source, AGENT, config, **options).summary.new_traces  # type: ignore[arg-type]

    assert pull_once(Rehearsal(store), limit=100) == (["a.jsonl", "b.jsonl"], 2)
    assert pull_once(store) == (["a.jsonl", "b.jsonl"], 2)
    assert pull_once(store) == ([], 0)
    assert pull_once(store, since=utc_now()) == (["a.jsonl", "b.jsonl"], 0)
