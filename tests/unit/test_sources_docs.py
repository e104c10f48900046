"""docs/sources.md and its pages say what there is, and what they show works."""

import re
import sqlite3
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.packages import importable, install

from burnish.adapters.sources import HearsPeople, SourceContext, Window, WindowedSource, open_source
from burnish.adapters.sources.registry import BUILT_IN
from burnish.domain.feedback import FeedbackSource
from burnish.project import SourceConfig, WriteBackConfig

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {**{kind: kind for kind in BUILT_IN}, "endpoint": "otlp"}  # the endpoint's page is that of what it takes


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def configs(page: Path) -> list[SourceConfig]:
    """Every [source] that a page shows."""
    tables = [tomllib.loads(block).get("source") for block in blocks(page, "toml")]
    return [SourceConfig.model_validate(table) for table in tables if table is not None]


@pytest.mark.parametrize("kind", sorted(BUILT_IN))
def test_every_kind_has_a_page_with_its_lines(kind: str) -> None:
    """The index leads to it, and its lines of configuration load."""
    assert f"(sources/{PAGES[kind]}.md)" in (DOCS / "sources.md").read_text(encoding="utf-8")
    assert kind in {config.kind for config in configs(DOCS / "sources" / f"{PAGES[kind]}.md")}


def test_every_page_is_in_the_index_and_loads() -> None:
    """No page without a way to it, and no [source] anywhere that would be refused."""
    index = (DOCS / "sources.md").read_text(encoding="utf-8")
    assert configs(DOCS / "sources.md")
    for page in sorted((DOCS / "sources").glob("*.md")):
        assert f"(sources/{page.name})" in index
        configs(page)


def test_every_setting_is_documented() -> None:
    """Each field of [source] and [source.write_back] stands on the page about configuration."""
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    text = page[page.index("[source]") : page.index("[target]")] + page[page.index("**Sources.**") :].split("\n\n")[0]
    fields = {*SourceConfig.model_fields, *WriteBackConfig.model_fields}
    said = {name for name in fields if re.search(rf"\b{name} = |`{name}`|\[source\.{name}\]", text)}
    assert said == fields


def test_the_names_in_the_mapping_are_those_of_the_code() -> None:
    """An attribute that the page says is read stands in the sources' code."""
    folder = Path(open_source.__code__.co_filename).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    text = (DOCS / "sources" / "mapping.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:gen_ai|llm|openinference|traceloop|ai|session|user|enduser|deployment)\.[\w.]+\w)`", text)
    assert len(named) > 25
    assert [name for name in named if name not in code] == []


def test_the_example_of_ones_own_source_works(tmp_path: Path) -> None:
    """The page's package is installed as it stands, opened by its kind, and gives traces, problems and feedback."""
    page = DOCS / "sources" / "own.md"
    (code,) = blocks(page, "python")
    packaging, source = (tomllib.loads(block) for block in blocks(page, "toml"))
    project = packaging["project"]
    install(tmp_path, project["name"], {"acme_source": code}, project["entry-points"]["burnish.sources"])
    database = sqlite3.connect(tmp_path / "chats.sqlite3")
    database.execute("CREATE TABLE chats (id, asked, answered, model, tokens_in, tokens_out, started, ended)")
    database.execute("CREATE TABLE thumbs (chat_id, up, given)")
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    at = noon.timestamp()
    chats = [(n, "Where?", "Here.", "m", 10, 2, at + n, at + n + 1) for n in range(3)]
    database.executemany(
        "INSERT INTO chats VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [*chats, (9, None, "", "m", 1, 1, at, at)]
    )
    database.execute("INSERT INTO thumbs VALUES (1, 0, ?)", (at + 60,))
    database.commit()
    database.close()
    config = SourceConfig.model_validate({**source["source"], "path": "chats.sqlite3"})
    with importable(tmp_path):
        opened = open_source(SourceContext(config, "desk", tmp_path, lambda name: None))
        assert isinstance(opened, WindowedSource)
        assert isinstance(opened, HearsPeople)
        (batch,) = opened.read_window(Window(start=noon, end=datetime.fromtimestamp(at + 2, UTC)))
        (rest,) = opened.read_window(Window(start=datetime.fromtimestamp(at + 2, UTC)))
        (thumbs,) = opened.read_feedback(noon, [])
        opened.close()
    assert [trace.output for trace in batch.traces + rest.traces] == ["Here."] * 3
    assert [problem.where for problem in batch.problems] == ["chat 9"]
    (thumb,) = thumbs.feedback
    assert (thumb.trace_id, thumb.source, thumb.score) == (batch.traces[1].trace_id, FeedbackSource.USER, 0.0)
    assert batch.traces[0].usage.total == 12
