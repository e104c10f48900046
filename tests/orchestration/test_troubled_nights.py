"""Nights that do not go well end with a report that says why."""

from typing import Any

import pytest
from support.model_server import ModelServer
from support.night_project import DAY, NightProject
from support.repositories import git

from burnish.domain.nights import NightState
from burnish.errors import BurnishError
from burnish.loop.options import NightlyOptions

pytestmark = pytest.mark.usefixtures("prefect_server")


async def nightly(**options: Any) -> dict[str, Any]:
    from flows.nightly import nightly as flow

    result: dict[str, Any] = await flow(NightlyOptions(night=DAY, **options))
    return result


async def test_a_spent_budget_ends_the_night_with_a_report_and_more_money_finishes_it(
    project: NightProject, model: ModelServer
) -> None:
    """Wherever the budget ends (naming, proposing, dev, held-out), no call is made beyond it and none is paid twice."""
    for calls in (1, 5, 20, 60):
        project.configure("desk", model.base_url, more=f"\n[budget]\ncalls = {calls}\n")
        report = (await nightly())["desk"]["report"]
        assert calls == len(model.requests)
        with project.store() as store:
            assert NightState.PARTIAL is store.nights.get(f"desk/{DAY}").state
            assert [] == store.pull_requests.list()
            assert (calls, 0.0) == store.calls.spent(f"desk/{DAY}")
        assert "The budget ended this night early" in report
    project.configure("desk", model.base_url, more="\n[budget]\ncalls = 500\n")
    finished = (await nightly())["desk"]
    assert "accepted" == finished["verdict"]["outcome"]
    with project.store() as store:
        assert NightState.FINISHED is store.nights.get(f"desk/{DAY}").state
        assert 1 == len(store.pull_requests.list())
    whole = len(model.requests)
    assert len({str(body) for body in model.requests}) == whole


async def test_proposals_that_do_not_help_open_nothing(project: NightProject, model: ModelServer) -> None:
    """Without a gain there is no branch and no record, and the report says that dev showed none."""
    project.configure("desk", model.base_url, proposer="vague-model")
    result = (await nightly())["desk"]
    assert None is result["chosen"]
    assert "**No pull request.** No proposal beats the baseline on dev" in result["report"]
    assert ["main"] == git(project.remote(), "branch", "--format=%(refname:short)").splitlines()
    with project.store() as store:
        assert [] == store.pull_requests.list()
        assert NightState.FINISHED is store.nights.get(f"desk/{DAY}").state


async def test_publishing_turned_off_leaves_the_repository_alone(project: NightProject, model: ModelServer) -> None:
    """A dry run measures and decides, and says that it was not asked to open anything."""
    result = (await nightly(publish=False))["desk"]
    assert "accepted" == result["verdict"]["outcome"]
    assert "**No pull request.** The evidence holds, but this run was not to open one." in result["report"]
    assert ["main"] == git(project.remote(), "branch", "--format=%(refname:short)").splitlines()


async def test_one_agents_failure_does_not_cost_the_other_its_night(
    two_agents: NightProject, model: ModelServer
) -> None:
    """The first agent's repository is gone: the second has its pull request all the same, and the run fails loudly."""
    two_agents.remote("desk").rename(two_agents.remote("desk").with_name("elsewhere.git"))
    with pytest.raises(BurnishError, match=r"1 agent\(s\) had no complete night"):
        await nightly()
    with two_agents.store() as store:
        (record,) = store.pull_requests.list()
        assert NightState.FINISHED is store.nights.get(f"desk_two.v2/{DAY}").state
    assert "desk_two.v2" == record.agent
