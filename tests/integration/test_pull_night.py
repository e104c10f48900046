"""The night's own pull and write-back: what a source's trouble does to a night, and what the report says."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support.night_project import DAY, NightProject

from burnish.adapters.sources.registry import BUILT_IN
from burnish.domain.base import utc_now
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.loop import night
from burnish.loop.context import Workshop, booked_night, open_workshop
from burnish.loop.progress import Ticker
from burnish.loop.report import night_markdown

SPANS = 400


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind `steady`, as if burnish had it."""
    monkeypatch.setitem(BUILT_IN, "steady", "support.steady_source:open_steady")


def configure(project: NightProject, *, back: bool = False, **options: Any) -> None:
    path = project.folder / "config" / "agents" / "desk.toml"
    start = (utc_now() - dt.timedelta(seconds=60 * SPANS)).isoformat()
    given = {"start": start, "count": SPANS, "step_s": 60, **options}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
    source = f'kind = "steady"\n\n[source.options]\n{lines}\n\n[source.write_back]\nenabled = {str(back).lower()}\n'
    text = path.read_text()
    path.write_text(text.replace('kind = "endpoint"\n', source))


async def stages(*names: str) -> dict[str, Any]:
    async with booked_night("desk", DAY) as booked:
        for name in names:
            async with open_workshop("desk", booked) as workshop:
                with Ticker(lambda done, total, note: None) as ticker:
                    await getattr(night, f"{name}_stage")(workshop, ticker)
        async with open_workshop("desk", booked) as workshop:
            return _told(workshop)


def _told(workshop: Workshop) -> dict[str, Any]:
    found = workshop.store.nights.get(workshop.night)
    return {**found.stages, "report": night_markdown(found, None, [], (0, 0.0))}


async def test_a_night_pulls_what_is_new_and_counts_over_its_starts(project: NightProject) -> None:
    """The second start finds nothing new, and the night still tells what it pulled as a whole."""
    configure(project)
    told = await stages("ingest", "ingest")
    assert (SPANS, SPANS // 4) == (told["ingest"]["new_spans"], told["ingest"]["new_traces"])
    assert "" == told["ingest"]["stopped"]
    with project.store() as store:
        assert SPANS // 4 + 80 == store.traces.count(TraceQuery(agent="desk"))


async def test_a_source_that_fails_does_not_cost_the_night(project: NightProject) -> None:
    """The stage ends with what came, and the report says why there is no more."""
    configure(project, page=100, fail_after=2)
    told = await stages("ingest")
    assert SPANS > told["ingest"]["new_spans"] > 0
    assert "The pull stopped early" in told["report"]
    assert "the steady store is gone" in told["report"]


async def test_scores_go_back_in_the_night_that_made_them(project: NightProject, tmp_path: Path) -> None:
    """Only where it is switched on; and what the stage did is in the report."""
    log = tmp_path / "log"
    configure(project, back=True, log=str(log))
    await stages("ingest")
    with project.store() as store:
        ids = store.traces.ids(TraceQuery(agent="desk", since=utc_now() - dt.timedelta(days=1)))
        store.feedback.add([Feedback(trace_id=one, key="right", source=FeedbackSource.CODE, score=1.0) for one in ids])
    told = await stages("write_back", "write_back")
    assert SPANS // 4 == told["write_back"]["written"] == len(log.read_text().split())
    assert f"{SPANS // 4} annotations" in told["report"]


async def test_a_source_without_the_switch_gets_nothing(project: NightProject, tmp_path: Path) -> None:
    """The stage says why it did nothing, and the report does not mention it."""
    configure(project, log=str(tmp_path / "log"))
    told = await stages("ingest", "write_back")
    assert "not enabled" in told["write_back"]["reason"]
    assert "Written back" not in told["report"]
    assert not (tmp_path / "log").exists()


async def test_a_write_back_that_breaks_never_fails_the_night(project: NightProject, tmp_path: Path) -> None:
    """Not even a defect of the connector: here its log is a folder."""
    configure(project, back=True, log=str(tmp_path))
    await stages("ingest")
    with project.store() as store:
        ids = store.traces.ids(TraceQuery(agent="desk", since=utc_now() - dt.timedelta(days=1)))
        store.feedback.add([Feedback(trace_id=ids[0], key="right", source=FeedbackSource.CODE, score=1.0)])
    told = await stages("write_back")
    assert "IsADirectoryError" in told["write_back"]["stopped"]
    assert "It stopped early" in told["report"]


async def test_traces_that_still_grow_are_counted_and_wait(project: NightProject) -> None:
    """The newest minute is left for the next time, and the report says how many traces that are."""
    configure(project)
    with project.store() as store:
        old = next(store.traces.load(store.traces.ids(TraceQuery(agent="desk", limit=1))))
        now = utc_now()
        span = old.spans[0].model_copy(update={"trace_id": "f" * 32, "started_at": now, "ended_at": now})
        told = {"trace_id": "f" * 32, "started_at": now, "ended_at": now, "spans": (span,)}
        store.traces.add([old.model_copy(update=told)])
    told = await stages("enrich")
    assert 1 == told["enrich"]["growing"]
    assert "Still growing:** 1 traces" in told["report"]
