"""What a night leaves open, a later one takes up: whole nights without Prefect, on real repositories."""

import datetime as dt
from collections.abc import Callable

import pytest
from support.model_server import ModelServer
from support.night_driver import one_night
from support.night_project import DAY, PROMPT, NightProject
from support.repositories import commit_files, git

from burnish.domain.base import utc_now
from burnish.domain.gate import Outcome
from burnish.domain.proposals import Proposal, ProposalStatus, PullRequest
from burnish.loop.candidates import taken_up

NEXT, THIRD = DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=2)


@pytest.fixture
def needed(project: NightProject) -> Callable[[int], None]:
    """Sets how many pairs the gate asks for; there are 30."""
    path = project.folder / "config" / "agents" / "desk.toml"
    text = path.read_text()
    return lambda pairs: path.write_text(text.replace("minimum_pairs = 10", f"minimum_pairs = {pairs}")) and None


def standing(project: NightProject, status: ProposalStatus) -> list[Proposal]:
    with project.store() as store:
        return store.proposals.list("desk", status=status)


def requests(project: NightProject) -> list[PullRequest]:
    with project.store() as store:
        return store.pull_requests.list("desk")


def branches(project: NightProject) -> list[str]:
    return git(project.remote(), "for-each-ref", "--format=%(refname:short)", "refs/heads/burnish").split()


async def test_an_inconclusive_proposal_is_measured_again_the_next_night(
    project: NightProject, needed: Callable[[int], None], model: ModelServer
) -> None:
    """Too few pairs one night, enough the next: the same proposal, measured afresh, is accepted and opened once."""
    needed(40)
    await one_night()
    (open_,) = standing(project, ProposalStatus.INCONCLUSIVE)
    needed(10)
    report = await one_night(day=NEXT)
    assert "**Measured again:** 1 proposals" in report
    assert [open_.id] == [p.id for p in standing(project, ProposalStatus.PUBLISHED)]
    (request,) = requests(project)
    assert f"desk/{NEXT}" in request.body
    with project.store() as store:
        nights = [store.experiments.get(e.id).night for e in store.experiments.list("desk") if open_.id in e.arms]
    assert {f"desk/{DAY}": 2, f"desk/{NEXT}": 2} == {night: nights.count(night) for night in nights}

    asked = len(model.requests)
    await one_night(day=NEXT)
    await one_night()  # the night before it, started again after all: it decides nothing any more
    assert (asked, [request]) == (len(model.requests), requests(project))
    assert [open_.id] == [p.id for p in standing(project, ProposalStatus.PUBLISHED)]
    with project.store() as store:
        verdict = store.proposals.verdict(open_.id)
    assert verdict is not None
    assert Outcome.ACCEPTED is verdict.outcome


@pytest.mark.parametrize("left", [ProposalStatus.INCONCLUSIVE, ProposalStatus.ACCEPTED])
async def test_where_the_base_has_moved_the_edits_are_measured_afresh_on_it(
    project: NightProject, needed: Callable[[int], None], left: ProposalStatus
) -> None:
    """Evidence is about a version: the old one is superseded, also an accepted one, and the new one has its own id."""
    needed(40 if left is ProposalStatus.INCONCLUSIVE else 10)
    await one_night(publish=False)
    (old,) = standing(project, left)
    needed(10)
    head = commit_files(project.remote().parent / "ada", {"README.md": "The desk.\n"}, "Say what it is")
    await one_night(day=NEXT)
    (superseded,) = standing(project, ProposalStatus.SUPERSEDED)
    (new,) = standing(project, ProposalStatus.PUBLISHED)
    assert old.id == superseded.id != new.id
    assert f"measured afresh as {new.id}" in superseded.status_reason
    assert (old.edits, head, f"desk/{NEXT}") == (new.edits, new.base_commit, new.night)
    (request,) = requests(project)
    assert head == git(project.remote(), "rev-parse", f"{request.branch}^")
    await one_night(day=NEXT)
    assert [request] == requests(project)
    assert 1 == len(branches(project))


async def test_edits_that_no_longer_apply_are_given_up_with_a_reason(
    project: NightProject, needed: Callable[[int], None]
) -> None:
    """Somebody rewrote the lines: the proposal says so and is not looked at again; the night drafts its own."""
    needed(40)
    await one_night()
    (old,) = standing(project, ProposalStatus.INCONCLUSIVE)
    rewritten = PROMPT.replace("- atlas", "* atlas").replace("- bravo", "* bravo").replace("- cedar", "* cedar")
    commit_files(project.remote().parent / "ada", {"prompts/router.md": rewritten}, "Stars")
    await one_night(day=NEXT)
    (superseded,) = standing(project, ProposalStatus.SUPERSEDED)
    assert old.id == superseded.id
    assert superseded.status_reason.startswith("It does not apply to ")
    with project.store() as store:
        assert () == taken_up(store, f"desk/{NEXT}").proposals
        assert any(p.night == f"desk/{NEXT}" for p in store.proposals.list("desk"))


async def test_an_accepted_proposal_held_back_by_the_limit_is_opened_when_there_is_room(
    project: NightProject, model: ModelServer
) -> None:
    """It waits while another pull request is open, says so, and goes first once that is closed; nothing is measured."""
    await one_night(publish=False)
    (waiting,) = standing(project, ProposalStatus.ACCEPTED)
    other = commit_files(project.remote().parent / "ada", {"other.md": "x"}, "Other", branch="burnish/other")
    with project.store() as store:
        store.pull_requests.save(
            PullRequest(
                id="other", agent="desk", proposal_id="p", forge="local", branch="burnish/other", base="main",
                commit=other, number=1, url="/pull-requests/1", title="Other", body="", created_at=utc_now(),
            )
        )  # fmt: skip
    report = await one_night(day=NEXT)
    assert "**Still waiting from an earlier night:** 1 of at most 1 pull requests" in report
    assert [waiting.id] == [p.id for p in standing(project, ProposalStatus.ACCEPTED)]
    git(project.remote(), "update-ref", "-d", "refs/heads/burnish/other")
    report = await one_night(day=THIRD)
    assert "**Opened from an earlier night:** /pull-requests/2" in report
    assert [waiting.id] == [p.id for p in standing(project, ProposalStatus.PUBLISHED)]
    with project.store() as store:
        assert {f"desk/{DAY}"} == {e.night for e in store.experiments.list("desk") if waiting.id in e.arms}
    opened = requests(project)
    await one_night(day=THIRD)
    assert (opened, 1) == (requests(project), len(branches(project)))


async def test_what_a_spent_budget_left_unmeasured_is_taken_up(project: NightProject, model: ModelServer) -> None:
    """Drafts that were never measured are not lost with the night that drafted them."""
    path = project.folder / "config" / "agents" / "desk.toml"
    text = path.read_text()
    path.write_text(f"{text}\n[budget]\ncalls = 20\n")
    await one_night()
    drafted = {p.id for p in standing(project, ProposalStatus.DRAFTED)}
    assert drafted
    path.write_text(text)
    await one_night(day=NEXT)
    (published,) = standing(project, ProposalStatus.PUBLISHED)
    assert published.id in drafted


@pytest.mark.parametrize("left", [ProposalStatus.INCONCLUSIVE, ProposalStatus.ACCEPTED])
async def test_a_leftover_that_may_no_longer_be_made_is_given_up(
    project: NightProject, needed: Callable[[int], None], left: ProposalStatus
) -> None:
    """The base stands, but the files that may be edited were narrowed since: it says so, and the night goes on."""
    needed(40 if left is ProposalStatus.INCONCLUSIVE else 10)
    await one_night(publish=False)
    (old,) = standing(project, left)
    path = project.folder / "config" / "agents" / "desk.toml"
    path.write_text(path.read_text().replace('"prompts/*.md"', '"other/*.md"'))
    await one_night(day=NEXT)
    (superseded,) = standing(project, ProposalStatus.SUPERSEDED)
    assert old.id == superseded.id
    assert "this file may not change; allowed are other/*.md" in superseded.status_reason
    assert [] == requests(project)
