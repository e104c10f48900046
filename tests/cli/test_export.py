"""`burnish traces export` writes what the source `jsonl` reads."""

from pathlib import Path

from support.seeded import AGENT, store_url
from typer.testing import CliRunner

from burnish.adapters.sources.jsonl import JsonlSource
from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery
from burnish.drivers.cli.app import app
from burnish.loop.ingest import ingest


def test_what_is_exported_is_read_again(project: Path, tmp_path: Path) -> None:
    """Every trace with all that was said of it, in the order of the list; a file that is there is kept."""
    file = tmp_path / "traces.jsonl.gz"
    command = ["--project", str(project), "traces", "export", str(file), "--agent", AGENT]
    result = CliRunner().invoke(app, command)
    assert (0, "") == (result.exit_code, result.stdout)
    with Store.open(store_url(project)) as store:
        ids = store.traces.ids(TraceQuery(agent=AGENT))
        said = store.feedback.for_traces(ids)
        batches = list(JsonlSource(file, AGENT).read())
        assert list(store.traces.load(ids)) == [trace for batch in batches for trace in batch.traces]
        assert [item for one in ids for item in said.get(one, [])] == [
            item for batch in batches for item in batch.feedback
        ]
        # Read again where it came from, nothing is a second label; in another store it is told as said elsewhere.
        assert 0 == ingest(store, JsonlSource(file, AGENT), agent=AGENT).feedback
        assert said == store.feedback.for_traces(ids)
        with Store.open(store_url(tmp_path)) as other:
            count = sum(len(items) for items in said.values())
            assert count == ingest(other, JsonlSource(file, AGENT), agent=AGENT).feedback
            assert 0 == ingest(other, JsonlSource(file, AGENT), agent=AGENT).feedback
            authors = {item.author for items in other.feedback.for_traces(ids).values() for item in items}
            assert all(author.startswith("jsonl/") for author in authors)
    again = CliRunner().invoke(app, command)
    assert (1, True) == (again.exit_code, "--force overwrites it" in str(again.exception))
    assert 0 == CliRunner().invoke(app, [*command, "--force", "--limit", "1"]).exit_code
    assert [1] == [len(batch.traces) for batch in JsonlSource(file, AGENT).read()]
    assert [file] == [path for path in tmp_path.iterdir() if path.is_file()]


def test_nothing_to_export_is_told(project: Path, tmp_path: Path) -> None:
    """Exit code 3, and no empty file."""
    file = tmp_path / "none.jsonl"
    result = CliRunner().invoke(app, ["--project", str(project), "traces", "export", str(file), "--agent", "nobody"])
    assert (3, False) == (result.exit_code, file.exists())
