"""The stages of a week for an agent's judges, each resumable. Tasks call these with an open workshop."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.specs import load_evaluators
from burnish.domain.nights import NightState
from burnish.errors import ConfigError
from burnish.loop.aligning.attempt import JudgeRun, align_judge, judges_of, saved_run
from burnish.loop.aligning.drafts import Asked
from burnish.loop.aligning.labels import sealed_among
from burnish.loop.aligning.measured import measure_all
from burnish.loop.aligning.publish import open_for, publish_judge
from burnish.loop.aligning.report import week_markdown
from burnish.project import load_agent
from burnish.settings import Settings

if TYPE_CHECKING:
    from burnish.loop.context import Workshop

__all__ = ["align_stage", "finish_week", "publish_stage", "wanted_judges"]


def wanted_judges(agent: str, judge: str | None = None) -> list[str]:
    """Names of the agent's judges, or the one asked for. Raises ConfigError where it has none of that name."""
    settings = Settings()
    config = load_agent(settings.project, agent)
    evaluators = load_evaluators(settings.project / "config" / "evaluators", config.evaluators or None)
    names = [evaluator.name for evaluator in evaluators if isinstance(evaluator, Judge)]
    if judge is None or judge in names:
        return names if judge is None else [judge]
    raise ConfigError(f"agent '{agent}' has no judge '{judge}'; there are: {', '.join(names) or 'none'}")


async def align_stage(workshop: "Workshop", judge: str, progress: Asked | None = None) -> JudgeRun:
    """One judge's week up to its verdict."""
    (found,) = judges_of(workshop, judge)
    earlier = saved_run(workshop, found)
    waiting = None if earlier is not None and earlier.candidate else await asyncio.to_thread(open_for, workshop, judge)
    if waiting is None:
        run = await align_judge(workshop, found, progress)
    else:
        # Another change of the same version would stand in its way, and spend a level on it.
        why = f"The pull request {waiting.url} for this judge is open: merge or close it first."
        run = JudgeRun(judge=judge, version=found.version, model=found.model, outcome="nothing", reason=why)
        workshop.store.nights.save_stage(workshop.night, judge, run.model_dump(mode="json"))
    if progress is not None and run.outcome != "open":
        progress(1, 1, run.outcome)  # most weeks there is little to ask, and that is done too
    return run


def publish_stage(workshop: "Workshop", judge: str) -> JudgeRun:
    """Publish the accepted change of this week."""
    (found,) = judges_of(workshop, judge)
    run = saved_run(workshop, found)
    assert run is not None, "a judge is published after its verdict"
    comparison = run.trial.verdict.comparison if run.trial is not None else None
    moved = () if comparison is None else (*comparison.fixed, *comparison.broken)
    run = publish_judge(workshop, run, sealed_among(workshop.store, workshop.open_store, workshop.config, moved))
    workshop.store.nights.save_stage(workshop.night, judge, run.model_dump(mode="json"))
    return run


def finish_week(workshop: "Workshop", judges: Sequence[str]) -> tuple[list[JudgeRun], str]:
    """Measure the judges as they are now and close the week; the runs of these judges, and the report."""
    measured = measure_all(workshop)
    runs = [run for name in judges for judge in judges_of(workshop, name) if (run := saved_run(workshop, judge))]
    open_ones = any(run.outcome == "open" for run in runs)
    store, night = workshop.store, workshop.night
    store.nights.finish(night, NightState.PARTIAL if open_ones else NightState.FINISHED)
    text = week_markdown(workshop.config.name, night.rpartition("/")[2], runs, measured, *store.calls.spent(night))
    store.nights.save_stage(night, "report", {"markdown": text})
    return runs, text
