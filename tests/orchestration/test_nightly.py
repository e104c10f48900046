"""The whole loop through Prefect, against a model whose answers depend on the prompt alone."""

import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from orchestration.conftest import enter
from support.model_server import ModelServer, serve_in_thread
from support.night_project import DAY, TOPICS, NightProject, answer, asked_text, is_target
from support.repositories import git

from burnish.adapters.store.sealed import HeldOut
from burnish.domain.datasets import Split
from burnish.domain.nights import NightState
from burnish.domain.proposals import ProposalStatus
from burnish.domain.suite import read_cases
from burnish.loop.options import NightlyOptions
from burnish.loop.progress import viewer

pytestmark = pytest.mark.usefixtures("prefect_server")


async def nightly(**options: Any) -> dict[str, Any]:
    from flows.nightly import nightly as flow

    result: dict[str, Any] = await flow(NightlyOptions(night=DAY, **options))
    return result


class Finished(NamedTuple):
    """A night that is over: its project, the model that it asked, what it came to and what a viewer saw of it."""

    project: NightProject
    model: ModelServer
    result: dict[str, Any]
    seen: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def finished(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Finished]:
    """One night for all tests of this file; the settings are its project's as long as they run."""
    with serve_in_thread(ModelServer(answer)) as model, pytest.MonkeyPatch.context() as patch:
        project = NightProject.create(tmp_path_factory.mktemp("night") / "project", model.base_url)
        enter(project, patch)
        seen: list[str] = []
        token = viewer.set(lambda done, total, what: seen.append(what))
        result = (await nightly())["desk"]
        viewer.reset(token)
        yield Finished(project, model, result, seen)


async def artifacts(agent: str) -> dict[str, Any]:
    """The newest artifact of each key of an agent."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        found = await client.read_artifacts()
    newest = sorted(found, key=lambda artifact: str(artifact.updated))
    return {a.key.removeprefix(f"{agent}-"): a for a in newest if a.key and a.key.startswith(f"{agent}-")}


async def test_a_night_turns_corrections_into_a_pull_request(finished: Finished) -> None:
    """What reviewers corrected becomes a diff, a measured gain, a branch and a record; and all of it is shown."""
    project, _, result, seen = finished
    assert "accepted" == result["verdict"]["outcome"]
    with project.store() as store:
        night = store.nights.get(f"desk/{DAY}")
        (record,) = store.pull_requests.list("desk")
        chosen = store.proposals.get(result["chosen"])
        train = store.datasets.examples("desk", "main", Split.TRAIN)
    assert NightState.FINISHED is night.state
    assert ProposalStatus.PUBLISHED is chosen.status
    remote = project.remote()
    assert record.commit == git(remote, "rev-parse", record.branch)
    prompt = git(remote, "show", f"{record.branch}:prompts/router.md")
    for queue, topic in TOPICS.items():
        assert f"- {queue}: everything around the {topic}" in prompt
    changed = git(remote, "diff", "--name-only", "main", record.branch).splitlines()
    (evals,) = [path for path in changed if path != "prompts/router.md"]
    assert re.fullmatch(r"evals/[a-z0-9-]+\.yaml", evals)
    kept = read_cases({evals: git(remote, "show", f"{record.branch}:{evals}")})
    assert kept
    assert {"dev", "train"} >= {case.metadata["split"] for case in kept}
    assert {case.input for case in kept if case.metadata["split"] == "train"} <= {example.input for example in train}
    shown = await artifacts("desk")
    kinds = {key: artifact.type for key, artifact in shown.items()}
    assert {
        "ingest": "progress",
        "enrich": "progress",
        "scores": "table",
        "take-up": "progress",
        "plan": "markdown",
        "clusters": "table",
        "propose": "progress",
        "proposals": "markdown",
        "dev": "progress",
        "dev-scores": "table",
        "held-out": "progress",
        "verdict": "markdown",
        "suite": "progress",
        "pull-request": "markdown",
        "night": "markdown",
    } == kinds
    assert 100.0 == float(shown["held-out"].data)  # the ticker swallows errors of its viewer: seen only here
    assert record.url in shown["pull-request"].data
    assert "With 30 held-out examples and 1 run of each, a gain of +" in shown["plan"].data
    assert result["report"] == shown["night"].data
    assert {"Scoring traces", "Measuring on dev", "Measuring held-out"} <= set(seen)


async def test_the_same_night_again_pays_and_opens_nothing(finished: Finished) -> None:
    """A second start on the same date finds everything done and comes to the same end."""
    project, model, first, _ = finished
    asked = len(model.requests)
    assert asked > 0
    with project.store() as store:
        before = _rows(store)
    second = (await nightly())["desk"]
    assert asked == len(model.requests)
    assert first["verdict"] == second["verdict"]
    assert "right_queue | 80 |" in second["report"]  # what the night did, not what its second start did
    with project.store() as store:
        assert before == _rows(store)
    assert 2 == len(git(project.remote(), "branch", "--list").splitlines())  # main and ours


async def test_held_out_examples_are_shown_to_nobody_but_the_agent(finished: Finished) -> None:
    """No question of burnish's own holds the text of a held-out example; the agent alone is asked them."""
    project, model, _, _ = finished
    with project.store() as store:
        sealed = [str(e.input) for e in HeldOut(store, "desk", "main").examples()]
        train = [str(e.input) for e in store.datasets.examples("desk", "main", Split.TRAIN)]
        verdicts = [store.proposals.verdict(proposal.id) for proposal in store.proposals.list()]
    (reached,) = [
        verdict.looks[-1].examples for verdict in verdicts if verdict is not None
    ]  # of 30: a clear case is short
    ours = "\n".join(asked_text(body) for body in model.requests if not is_target(body))
    agents = "\n".join(asked_text(body) for body in model.requests if is_target(body))
    assert len(sealed) > 20
    assert [] == [text for text in sealed if text in ours]
    # The other way round, so that a test that looks in the wrong place fails.
    assert any(text in ours for text in train)
    assert reached == sum(text in agents for text in sealed)


def _rows(store: Any) -> dict[str, int]:
    experiments = store.experiments.list(agent="desk")
    return {
        "runs": sum(len(store.experiments.runs(one.id)) for one in experiments),
        "experiments": len(experiments),
        "proposals": len(store.proposals.list()),
        "pull requests": len(store.pull_requests.list()),
        "calls": store.calls.spent(f"desk/{DAY}")[0],
    }
