"""The week of an agent's judges through Prefect."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.judge_project import MONDAY, JudgeProject, judge_answer
from support.model_server import ModelServer, serve_in_thread

from burnish.loop.options import AlignOptions
from burnish.loop.progress import viewer

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def judged() -> Iterator[ModelServer]:
    with serve_in_thread(ModelServer(judge_answer)) as server:
        yield server


async def test_a_week_is_shown_and_opens_one_pull_request(
    tmp_path: Path, judged: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow's result, its artifacts and the branch tell the same; a second start adds nothing."""
    from prefect.client.orchestration import get_client

    from flows.align_judges import align_judges

    project = JudgeProject.create(tmp_path, judged.base_url)
    for name in [name for name in os.environ if name.startswith("BURNISH_")]:
        monkeypatch.delenv(name)
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    seen: list[str] = []
    token = viewer.set(lambda done, total, what: seen.append(what))
    options = AlignOptions(night=MONDAY, agents=["desk"], judge="polite")
    result: dict[str, Any] = (await align_judges(options))["desk"]
    viewer.reset(token)
    (run,) = result["judges"]
    assert ("accepted", f"desk~judges/{MONDAY}") == (run["outcome"], result["week"])
    async with get_client() as client:
        found = {one.key: one for one in await client.read_artifacts() if one.key and one.key.startswith("desk-")}
    kinds = {key.removeprefix("desk-"): artifact.type for key, artifact in found.items() if "polite" in key}
    assert {"polite-align": "progress", "polite-verdict": "markdown", "polite-pull-request": "markdown"} == kinds
    assert ("table", "markdown") == (found["desk-judges"].type, found["desk-judges-week"].type)
    assert 100.0 == float(found["desk-polite-align"].data)
    assert run["url"] in found["desk-polite-pull-request"].data
    assert result["report"] == found["desk-judges-week"].data
    assert {"Aligning polite"} == set(seen)
    asked = len(judged.requests)
    again = (await align_judges(options))["desk"]
    assert (asked, result["report"]) == (len(judged.requests), again["report"])
    assert 2 == len(project.branches())
