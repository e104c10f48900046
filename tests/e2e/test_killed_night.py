"""A night that is killed with SIGKILL, again and again, comes to the end it would have come to."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from support.model_server import Answer, ModelServer, serve_in_thread
from support.night_project import DAY, NightProject, answer
from support.repositories import git

from burnish.domain.nights import NightState

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "support" / "night_driver.py"
# Answers are written 0.25 s after the first that waits; the rest is for a thread that must wait for a busy core.
UNFLUSHED_S = 2.5


class Killer:
    """The model; it kills the process that asks once so many requests have come in."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.after: int | None = None
        self.arrived: list[float] = []

    def __call__(self, body: dict[str, Any]) -> Answer:
        self.arrived.append(time.monotonic())
        if self.after is not None and len(self.arrived) >= self.after and self.process is not None:
            self.process.kill()
        return answer(body)


@contextmanager
def running(project: NightProject) -> Iterator[tuple["subprocess.Popen[str]", IO[str]]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BURNISH_")}
    environment = {**kept, **project.environment, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    with subprocess.Popen(
        [sys.executable, str(DRIVER)], env=environment, cwd=project.folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


def run(project: NightProject) -> int:
    """One start, to its end or its kill; the exit code."""
    with running(project) as (process, output):
        output.read()
        return process.wait(120)


def rows(project: NightProject) -> dict[str, Any]:
    """How many rows of each kind there are, and what the night came to.

    A kill between writing a run's trace and the run itself leaves that trace and its scores behind, and the run tried
    again has others: feedback is counted on production traces and on the traces of runs.
    """
    with project.store() as store:
        experiments = store.experiments.list(agent="desk")
        found = [run for one in experiments for run in store.experiments.runs(one.id)]
        keys = {run.key for run in found}
        traces = [*store.traces.ids(_production()), *(run.trace_id for run in found if run.trace_id)]
        proposals = store.proposals.list("desk")
        (record,) = store.pull_requests.list("desk")
        night = store.nights.get(f"desk/{DAY}")
        assert len(found) == len(keys)
        verdict = store.proposals.verdict(record.proposal_id)
        assert verdict is not None
        return {
            "state": night.state,
            "stages": sorted(night.stages),
            "runs": len(found),
            "scores": sum(len(run.scores) for run in found),
            "feedback": sum(len(items) for items in store.feedback.for_traces(traces).values()),
            "examples": len(store.datasets.assigned("desk", "main")),
            "clusters": len(store.clusters.list(agent="desk", night=night.id)),
            "proposals": sorted((proposal.title, proposal.status) for proposal in proposals),
            "verdict": (verdict.outcome, verdict.comparison and verdict.comparison.wins, verdict.reasons),
            "branches": git(project.remote(), "branch", "--format=%(refname:short)").splitlines(),
        }


def _production() -> Any:
    from burnish.domain.listing import TraceQuery

    return TraceQuery(agent="desk")


def paid(project: NightProject) -> int:
    with project.store() as store:
        return store.calls.spent(f"desk/{DAY}")[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    """What a night that nobody disturbs leaves, and the model calls it takes."""
    with serve_in_thread(ModelServer(answer)) as server:
        project = NightProject.create(tmp_path_factory.mktemp("whole") / "project", server.base_url)
        assert 0 == run(project)
        found = rows(project)
        assert NightState.FINISHED is found["state"]
        assert len(server.requests) == paid(project)
        return found, len(server.requests)


def test_killed_at_model_calls_it_ends_as_if_it_had_not_been(tmp_path: Path, whole: tuple[dict[str, Any], int]) -> None:
    """Five kills from the first question to the last: same rows, same verdict, one pull request.

    Each kill costs again what was in flight or not written yet, and nothing else: every call that is missing from the
    accounts arrived within the last moments before the kill, and all calls together are the undisturbed night's
    plus those.
    """
    expected, calls = whole
    killer = Killer()
    lost = 0
    kills = 0
    with serve_in_thread(ModelServer(killer, latency=0.02)) as server:
        project = NightProject.create(tmp_path / "project", server.base_url)
        for share in (0.01, 0.05, 0.3, 0.8, 0.99):
            before, stored = len(killer.arrived), paid(project)
            # So many calls of those that are left after what is stored.
            killer.after = before + max(1, round((calls - stored) * share))
            with running(project) as (process, output):
                killer.process = process
                output.read()
                code = process.wait(120)
            killer.process, killed = None, time.monotonic()
            assert -9 == code
            kills += 1
            time.sleep(0.3)  # what was on its way arrives
            missing = len(killer.arrived) - before - (paid(project) - stored)
            recent = [moment for moment in killer.arrived[before:] if moment > killed - UNFLUSHED_S]
            assert 0 < missing <= len(recent)
            lost += missing
        killer.after = None
        assert 0 == run(project)
        assert expected == rows(project)
        assert 5 == kills
        assert calls + lost >= len(killer.arrived)
        assert calls == paid(project)


@pytest.mark.parametrize(("stage", "delay"), [("curate", 0.02), ("publish", 0.02), ("report", 0.0)])
def test_killed_inside_a_stage_it_ends_as_if_it_had_not_been(
    tmp_path: Path, whole: tuple[dict[str, Any], int], stage: str, delay: float
) -> None:
    """Where no model is asked, a kill costs no call at all."""
    expected, calls = whole
    with serve_in_thread(ModelServer(answer)) as server:
        project = NightProject.create(tmp_path / "project", server.base_url)
        with running(project) as (process, output):
            for line in output:
                if line.strip() == stage:
                    threading.Timer(delay, process.kill).start()
            code = process.wait(120)
        assert -9 == code
        assert 0 == run(project)
        assert expected == rows(project)
        assert calls == len(server.requests)


def test_killed_after_the_push_it_opens_no_second_pull_request(
    tmp_path: Path, whole: tuple[dict[str, Any], int]
) -> None:
    """The branch is at the forge, the record is not written: the next start finds the one and writes the other."""
    expected, calls = whole
    with serve_in_thread(ModelServer(answer)) as server:
        project = NightProject.create(tmp_path / "project", server.base_url)
        ours = project.remote() / "refs" / "heads" / "burnish"
        with running(project) as (process, _):
            while not any(ours.glob("*")) and process.poll() is None:
                time.sleep(0.001)
            process.kill()
            assert -9 == process.wait(120)
        assert 0 == run(project)
        assert expected == rows(project)
        assert calls == len(server.requests)
