"""A night holds what it accepted against the suite in the agent's repository."""

import datetime as dt
from typing import Any

from support.model_server import Answer, ModelServer, serve_in_thread
from support.night_driver import one_night
from support.night_project import DAY, NightProject, answer, is_target
from support.repositories import commit_files

from burnish.domain.proposals import ProposalStatus

# The agent says atlas to everything before the night, and knows kayaks after it.
BROKEN = '- id: kept\n  input: "A question about a kayak, number 7"\n  expected: atlas\n  must_pass: true\n'


def suite(project: NightProject, text: str) -> None:
    commit_files(project.folder / "git" / "desk" / "ada", {"evals/by-hand.yaml": text}, "Cases")


def outcome(project: NightProject) -> tuple[dict[str, Any], list[Any], list[ProposalStatus]]:
    with project.store() as store:
        stage = store.nights.get(f"desk/{DAY}").stages["suite"]
        return stage, store.pull_requests.list(), [store.proposals.get(stage["proposal"]).status]


async def test_a_proposal_that_breaks_a_must_pass_case_is_refused(project: NightProject, model: ModelServer) -> None:
    """Whatever it gains on held-out: no pull request, and the report says which case. Again is the same, and free."""
    suite(project, BROKEN)
    report = await one_night()
    stage, requests, status = outcome(project)
    assert ("regression", ["kept"], [], [ProposalStatus.REFUSED]) == (
        stage["outcome"], stage["broken"], requests, status,
    )  # fmt: skip
    assert "**No pull request.** The change makes the agent worse on the suite of 1 case." in report
    assert "1 case that must pass broke: kept." in report
    asked = len(model.requests)
    assert report == await one_night()
    assert asked == len(model.requests)
    assert outcome(project)[1:] == ([], [ProposalStatus.REFUSED])


async def test_a_kill_before_the_suite_does_not_open_the_way_around_it(project: NightProject) -> None:
    """A proposal left accepted without the suite's word is held against it by the night that takes it up."""
    suite(project, BROKEN)
    await one_night()
    stage, _, _ = outcome(project)
    with project.store() as store:
        store.proposals.set_status(stage["proposal"], ProposalStatus.ACCEPTED, "killed before the suite")
    await one_night(day=DAY + dt.timedelta(days=1))
    assert ([], [ProposalStatus.REFUSED]) == outcome(project)[1:]


async def test_a_suite_that_is_merely_small_holds_nothing_back(project: NightProject) -> None:
    """Inconclusive for want of cases, with nothing broken: the pull request opens."""
    suite(project, BROKEN.replace("atlas", "delta").replace("  must_pass: true\n", ""))
    report = await one_night()
    stage, requests, _ = outcome(project)
    assert ("inconclusive", True, False, 1) == (stage["outcome"], stage["small"], stage["blocks"], len(requests))
    assert "**A pull request is open:**" in report
    assert "**Permanent suite:** inconclusive" in report


async def test_a_suite_that_cannot_be_read_holds_the_proposal_back(project: NightProject) -> None:
    """Unread cases are no passed cases; the file and line are in the report."""
    suite(project, "- id: kept\n  inptu: 1\n")
    report = await one_night()
    stage, requests, status = outcome(project)
    assert (True, [], [ProposalStatus.INCONCLUSIVE]) == (stage["blocks"], requests, status)
    assert "evals/by-hand.yaml:1: case 'kept': " in report


async def test_an_endpoint_that_fails_in_the_suite_holds_the_proposal_back(project: NightProject) -> None:
    """A must-pass case that cannot be measured is no pass; the next start of the night tries it again."""
    broken = True

    def failing(body: dict[str, Any]) -> Answer:
        if broken and is_target(body) and "number 7" in str(body["messages"][1]["content"]):
            return Answer({"error": {"message": "not today"}}, status=404)
        return answer(body)

    with serve_in_thread(ModelServer(failing)) as server:
        project.configure("desk", server.base_url)
        suite(project, BROKEN.replace("atlas", "delta"))
        await one_night()
        stage, requests, status = outcome(project)
        assert (True, [], [ProposalStatus.INCONCLUSIVE]) == (stage["blocks"], requests, status)
        broken = False
        await one_night()
    stage, requests, status = outcome(project)
    assert ("pass", 1, [ProposalStatus.PUBLISHED]) == (stage["outcome"], len(requests), status)
