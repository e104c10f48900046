"""A judge improved from people's labels, whole: real store, real git, and a model that answers by rule."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.judge_project import CANARY, MONDAY, JudgeProject, asked_text, judge_answer, trace_id
from support.model_server import ModelServer, serve_in_thread
from support.repositories import git

from burnish.domain.gate import Outcome
from burnish.domain.nights import NightState
from burnish.domain.proposals import ProposalStatus
from burnish.loop.aligning.attempt import JudgeRun
from burnish.loop.aligning.stages import align_stage, finish_week, publish_stage, wanted_judges
from burnish.loop.aligning.week import booked_week
from burnish.loop.context import open_workshop

SEALED = tuple(range(1, 100, 9))


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serve_in_thread(ModelServer(judge_answer)) as server:
        yield server


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith("BURNISH_")]:
        monkeypatch.delenv(name)

    def into(project: JudgeProject) -> JudgeProject:
        for name, value in project.environment.items():
            monkeypatch.setenv(name, value)
        return project

    return into


def week(*, day: Any = MONDAY) -> tuple[JudgeRun, str]:
    """What the flow does, without Prefect."""

    async def run() -> tuple[JudgeRun, str]:
        async with booked_week("desk", day) as night:
            (name,) = wanted_judges("desk")
            async with open_workshop("desk", night) as workshop:
                found = await align_stage(workshop, name)
            async with open_workshop("desk", night) as workshop:
                if found.outcome == "accepted":
                    publish_stage(workshop, name)
                (found,), text = finish_week(workshop, [name])
            return found, text

    return asyncio.run(run())


def test_labels_become_a_pull_request_for_the_judge_once(tmp_path: Path, model: ModelServer, enter: Any) -> None:
    """Examples from train disagreements hold on held-out labels, so the spec changes on a branch, with its evidence."""
    project = enter(JudgeProject.create(tmp_path, model.base_url, sealed=SEALED))
    run, report = week()
    assert ("accepted", "examples") == (run.outcome, run.candidate and run.candidate.way), report
    assert run.trial is not None
    assert run.trial.before.kappa is not None
    assert run.trial.after.kappa == pytest.approx(1.0)
    with project.store() as store:
        (record,) = store.pull_requests.list("desk~judges")
        (attempt,) = store.attempts.list("desk~polite")
        proposal = store.proposals.get(run.proposal_id)
        night = store.nights.get(f"desk~judges/{MONDAY}")
        assert [] == [*store.attempts.list("desk"), *store.proposals.list("desk"), *store.pull_requests.list("desk")]
    assert ProposalStatus.PUBLISHED is proposal.status
    assert NightState.FINISHED is night.state
    assert (Outcome.ACCEPTED, 0.025) == (attempt.outcome, attempt.level)
    assert [record.branch, "main"] == project.branches()
    assert "config/evaluators/judges.yaml" == git(project.remote, "diff", "--name-only", "main", record.branch)
    text = git(project.remote, "show", f"{record.branch}:config/evaluators/judges.yaml")
    (spec,) = yaml.safe_load(text)
    assert text.startswith(
        "# Judges of the support desk.\n- kind: judge\n  name: polite\n  rubric: polite   # a file\n"
    )
    shown = {example["trace"] for example in spec["examples"]}
    assert {"fail", "pass"} == {example["verdict"] for example in spec["examples"]}
    assert not shown & set(attempt.order)
    # The body: the table, ids, the ceiling; and nothing of what is sealed, not even an id.
    for part in ("| kappa |", "Krippendorff's alpha", "- fixed: ", "level 0.025", run.new_version):
        assert part in record.body, record.body
    assert [] == [number for number in SEALED if trace_id(number) in record.body]
    assert CANARY not in record.body + text
    # What burnish's own words were made from; what was graded stands in records alone.
    ours = [asked_text(body).rpartition("<record-")[0] or asked_text(body) for body in model.requests]
    assert [] == [text for text in ours if CANARY in text]
    with project.store() as store:
        old = store.alignments.fitted_on("desk", "polite", run.version)
        made_from = store.alignments.fitted_on("desk", "polite", run.new_version)
    assert (frozenset(), set(run.fitted_on)) == (old, made_from)
    assert not made_from & set(attempt.order)
    # Again in the same week: nothing is asked, nothing opens.
    asked = len(model.requests)
    again, _ = week(day=MONDAY.replace(day=MONDAY.day + 3))
    assert (asked, run.proposal_id, record.url) == (len(model.requests), again.proposal_id, again.url)
    assert 2 == len(project.branches())
    # While the pull request is open no later week tries another change; once it is gone one may.
    later = MONDAY.replace(day=MONDAY.day + 7)
    waiting, _ = week(day=later)
    assert ("nothing", asked) == (waiting.outcome, len(model.requests))
    assert f"The pull request {record.url} for this judge is open" in waiting.reason
    git(project.remote, "branch", "-D", record.branch)
    tried, _ = week(day=later)
    assert "nothing" == tried.outcome
    assert any("was held against people before" in note for note in tried.notes)


def test_a_judge_with_criteria_learns_from_labels_by_criterion(tmp_path: Path, model: ModelServer, enter: Any) -> None:
    """Its examples carry people's verdict by criterion where there is one, and it is accepted by the same test.

    The stand-in fails a promise only where examples say that people fail it; a mean of one half is no pass.
    """
    project = enter(JudgeProject.create(tmp_path / "plain", model.base_url, repo=False, criteria=True))
    project.configure("fail_below = 0.75\n\n[align]\nmargin = 0.2\n")
    run, report = week()
    assert ("accepted", "examples") == (run.outcome, run.candidate and run.candidate.way), report
    assert run.candidate is not None
    shown = [example.verdict for example in run.candidate.judge.examples]
    assert {"promise": "fail"} in shown
    with project.store() as store:
        (attempt,) = store.attempts.list("desk~polite")
    assert 0.025 == attempt.level
    assert not {example.trace for example in run.candidate.judge.examples} & set(attempt.order)
    git(project.folder, "apply", run.patch)
    (spec,) = yaml.safe_load((project.folder / "config/evaluators/judges.yaml").read_text())
    assert shown == [example["verdict"] for example in spec["examples"]]


def test_a_spent_budget_is_taken_up_without_paying_twice(tmp_path: Path, model: ModelServer, enter: Any) -> None:
    """Wherever the money ends, the next start in the week goes on, and every question was paid once."""
    project = enter(JudgeProject.create(tmp_path, model.base_url))
    for calls in (20, 101, 170):
        project.configure(f"[budget]\ncalls = {calls}\n")
        run, _ = week()
        assert "open" == run.outcome
        assert len(model.requests) <= calls
    project.configure("[budget]\ncalls = 2000\n")
    run, _ = week()
    assert "accepted" == run.outcome
    asked = [str(body) for body in model.requests]
    assert len(asked) == len(set(asked))
    with project.store() as store:
        assert 1 == len(store.attempts.list("desk~polite"))
        assert len(asked) == store.calls.spent(f"desk~judges/{MONDAY}")[0]


def test_without_a_repository_the_change_is_a_patch(tmp_path: Path, model: ModelServer, enter: Any) -> None:
    """The patch applies with git, and the report says where it is; a week that helps nobody spends no attempt."""
    project = enter(JudgeProject.create(tmp_path / "plain", model.base_url, repo=False))
    run, report = week()
    assert "lies in no git repository" in report
    git(project.folder, "apply", "--check", run.patch)
    git(project.folder, "apply", run.patch)
    assert "examples:" in (project.folder / "config/evaluators/judges.yaml").read_text()
    # The changed judge is another version, which the labels agree with: nothing is left to improve.
    later, _ = week(day=MONDAY.replace(day=MONDAY.day + 7))
    assert run.new_version == later.version
    assert ("nothing", None) == (later.outcome, later.trial)
    with project.store() as store:
        assert 1 == len(store.attempts.list("desk~polite"))
