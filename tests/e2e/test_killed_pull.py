"""`burnish pull` and `burnish push` in processes of their own, killed with SIGKILL and started again."""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.steady_source import installed

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPANS, STEP_S = 6000, 60
AGENT = """[repository]
url = "desk.git"

[source]
kind = "steady"
since_days = 7

[source.options]
start = "{start}"
count = {count}
step_s = {step}
page = 200
pace = "{pace}"
log = "{log}"

[source.write_back]
enabled = true
per_second = 1000

[target]

[improve]
metric = "right"
"""


class Project:
    """A project whose one agent's traces stand in the simulated store."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.log = folder / "annotations.log"
        self.start = utc_now() - dt.timedelta(seconds=SPANS * STEP_S)
        (folder / "config" / "agents").mkdir(parents=True)
        self._site = installed(folder / "site")

    def write(self, page_s: float, count: int = SPANS) -> None:
        pace = self.folder / "pace.txt"
        pace.write_text(str(page_s))
        values = {"start": self.start.isoformat(), "count": count, "step": STEP_S, "pace": pace, "log": self.log}
        (self.folder / "config" / "agents" / "desk.toml").write_text(AGENT.format(**values))

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BURNISH_")}
        path = os.pathsep.join(map(str, (ROOT / "src", ROOT / "tests", self._site)))
        return subprocess.Popen(
            [sys.executable, "-m", "burnish", *arguments, "--json"],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": path, "BURNISH_DATABASE_URL": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> dict[str, Any]:
        with self.begin(*arguments) as process:
            out, err = process.communicate(timeout=120)
            assert 0 == process.returncode, err
        (report,) = json.loads(out)
        return dict(report)

    def run_and_kill(self, enough: Callable[[], bool], *arguments: str) -> None:
        with self.begin(*arguments) as process:
            deadline = time.monotonic() + 60
            while not enough():
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.kill()
            assert -9 == process.wait(10)

    def store(self) -> Store:
        return Store.open(self.url)


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Project:
    Store.open(database_url).close()
    return Project(tmp_path / "project", database_url)


def spans_by_hour(store: Store, start: dt.datetime) -> Counter[int]:
    traces = store.traces.load(store.traces.ids(TraceQuery(agent="desk")))
    return Counter((span.started_at - start) // dt.timedelta(hours=1) for trace in traces for span in trace.spans)


def test_a_killed_pull_goes_on_where_it_was_and_stores_everything_once(project: Project) -> None:
    """Killed twice in the middle of a slice: the third has the rest, no span is missing, none is there twice, and what
    was durable before is not read again from the beginning."""
    with project.store() as store:
        for kill in (1, 2):
            project.write(page_s=0.06)  # slow enough to be killed in the middle also where the cores are busy
            before = store.traces.count(TraceQuery(agent="desk"))

            def enough(before: int = before) -> bool:
                return store.traces.count(TraceQuery(agent="desk")) >= before + 400

            project.run_and_kill(enough, "pull")
            there = store.traces.count(TraceQuery(agent="desk"))
            assert 400 * kill <= there < SPANS // 4
        project.write(page_s=0.0)
        report = project.run("pull")
        assert report["summary"]["new_spans"] >= SPANS - 4 * there
        assert report["summary"]["known_spans"] < SPANS / 2
        hours = SPANS * STEP_S // 3600
        assert dict.fromkeys(range(hours), 60) == spans_by_hour(store, project.start)
        again = project.run("pull")
        assert 0 == again["summary"]["new_spans"]


def test_a_killed_push_writes_each_annotation_once_save_the_one_in_flight(project: Project) -> None:
    """What was booked before the kill is not written again."""
    project.write(page_s=0.0, count=400)
    project.run("pull")
    with project.store() as store:
        ids = store.traces.ids(TraceQuery(agent="desk"))
        store.feedback.add(
            Feedback(trace_id=one, key="right", source=FeedbackSource.CODE, score=1.0, author="right") for one in ids
        )
    project.write(page_s=0.02, count=400)
    project.run_and_kill(lambda: project.log.exists() and len(project.log.read_text().split()) >= 20, "push")
    project.write(page_s=0.0, count=400)
    report = project.run("push")
    written = Counter(project.log.read_text().split())
    assert len(ids) == 100 == len(written)
    assert report["known"] >= 19
    assert sum(written.values()) <= 101
    assert 0 == project.run("push")["written"]


def test_a_dry_run_of_a_new_project_leaves_nothing_behind(tmp_path: Path) -> None:
    """Before anything is stored everything is new, and it stays so: not even the database is made."""
    database = tmp_path / "none.sqlite3"
    project = Project(tmp_path / "project", f"sqlite:///{database}")
    project.write(page_s=0.0)
    report = project.run("pull", "desk", "--dry-run", "--limit", "500")
    assert 500 <= report["summary"]["new_spans"] < 1000
    assert "limit" in report["stopped"]
    assert not database.exists()


def test_a_source_that_breaks_off_is_an_error_with_what_was_kept(tmp_path: Path) -> None:
    """Exit code 1, the reason, and from when on nothing was read."""
    project = Project(tmp_path / "project", f"sqlite:///{tmp_path / 'store.sqlite3'}")
    project.write(page_s=0.0)
    path = project.folder / "config" / "agents" / "desk.toml"
    path.write_text(path.read_text().replace("[source.options]", "[source.options]\nfail_after = 5"))
    with project.begin("pull") as process:
        out, _ = process.communicate(timeout=60)
    assert 1 == process.returncode
    (report,) = json.loads(out)
    assert "gone" in report["stopped"]
    assert report["start"] < report["read_to"] < report["end"]
    assert 1000 >= report["summary"]["new_spans"] > 0
