"""A night holds what it accepted against the suite in the agent's repository."""

import datetime as dt
from typing import Any

import pytest
from support.model_server import Answer, ModelServer, serve_in_thread
from support.night_driver import one_night
from support.night_project import DAY, NightProject, answer, is_target
from support.repositories import commit_files, git

from burnish.domain.base import utc_now
from burnish.domain.proposals import ProposalStatus, PullRequest
from burnish.loop.context import booked_night, open_workshop
from burnish.loop.night import take_up_stage

NEXT, THIRD = DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=2)

# The agent says atlas to everything before the night, and knows kayaks after it.
BROKEN = '- id: kept\n  input: "A question about a kayak, number 7"\n  expected: atlas\n  must_pass: true\n'


def suite(project: NightProject, text: str) -> None:
    commit_files(project.folder / "git" / "desk" / "ada", {"evals/by-hand.yaml": text}, "Cases")


def suites(project: NightProject, proposal: str) -> list[str]:
    """The nights in which a proposal's suite was run."""
    with project.store() as store:
        found = [e for e in store.experiments.list("desk") if e.split == "suite" and proposal in e.arms]
    return sorted({experiment.night.removesuffix("/again") for experiment in found})


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
        store.nights.save_stage(f"desk/{DAY}", "suite", {**stage, "proposal": "of another start"})
    await one_night(day=NEXT)
    with project.store() as store:
        assert ProposalStatus.REFUSED is store.proposals.get(stage["proposal"]).status
        assert [] == store.pull_requests.list()


@pytest.mark.parametrize("broken", [False, True])
async def test_what_the_suite_has_said_is_not_asked_again(
    project: NightProject, model: ModelServer, broken: bool
) -> None:
    """A leftover is opened, or refused, on the answer that was booked: chance gets no second throw at it."""
    suite(project, BROKEN if broken else BROKEN.replace("atlas", "delta"))
    await one_night(publish=False)
    stage, _, _ = outcome(project)
    with project.store() as store:
        store.proposals.set_status(stage["proposal"], ProposalStatus.ACCEPTED, "killed before its status was written")
    await one_night(day=NEXT)
    status = ProposalStatus.REFUSED if broken else ProposalStatus.PUBLISHED
    assert (0 if broken else 1, [status]) == (len(outcome(project)[1]), outcome(project)[2])
    assert [f"desk/{DAY}/suite"] == suites(project, stage["proposal"])


async def test_a_leftover_that_must_wait_costs_no_suite(project: NightProject) -> None:
    """While another pull request is open, the suite is not run; once it has run, a failed push does not undo that."""
    suite(project, BROKEN.replace("atlas", "delta"))
    await one_night(publish=False)
    stage, _, _ = outcome(project)
    other = commit_files(project.remote().parent / "ada", {"other.md": "x"}, "Other", branch="burnish/other")
    with project.store() as store:
        store.nights.save_stage(f"desk/{DAY}", "suite", {**stage, "proposal": "of another start"})
        store.pull_requests.save(
            PullRequest(
                id="other", agent="desk", proposal_id="p", forge="local", branch="burnish/other", base="main",
                commit=other, number=1, url="/pull-requests/1", title="Other", body="", created_at=utc_now(),
            )
        )  # fmt: skip
    report = await one_night(day=NEXT)
    assert "**Still waiting from an earlier night:** 1 of at most 1 pull requests" in report
    assert [f"desk/{DAY}/suite"] == suites(project, stage["proposal"])

    git(project.remote(), "update-ref", "-d", "refs/heads/burnish/other")
    hook = project.remote() / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'closed for the night' >&2\nexit 1\n")
    hook.chmod(0o755)
    assert "closed for the night" in await one_night(day=THIRD, publish=True)
    hook.unlink()
    await one_night(day=THIRD + dt.timedelta(days=1))
    assert [f"desk/{DAY}/suite", f"desk/{THIRD}/suite"] == suites(project, stage["proposal"])
    with project.store() as store:
        assert ProposalStatus.PUBLISHED is store.proposals.get(stage["proposal"]).status


async def test_a_suite_that_cannot_be_run_costs_a_later_night_nothing(project: NightProject) -> None:
    """A metric of the suite that nobody measures any more: the leftover waits and says why, the night goes on."""
    suite(project, BROKEN.replace("atlas", "delta"))
    await one_night(publish=False)
    stage, _, _ = outcome(project)
    path = project.folder / "config" / "agents" / "desk.toml"
    text = path.read_text()
    path.write_text(f'{text}\n[suite]\nmetrics = ["politeness"]\n')
    with project.store() as store:
        store.nights.save_stage(f"desk/{DAY}", "suite", {**stage, "proposal": "of another start"})
    async with booked_night("desk", NEXT) as night, open_workshop("desk", night) as workshop:
        summary = await take_up_stage(workshop)
    assert "[suite] metrics names politeness" in summary["held"]
    with project.store() as store:
        assert ProposalStatus.ACCEPTED is store.proposals.get(stage["proposal"]).status


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
