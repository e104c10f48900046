"""Improve judges from people's labels."""

import asyncio
from typing import Any

from prefect import task

from burnish.loop.aligning import report
from burnish.loop.aligning import stages as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import address, markdown, progress, table


@task(name="align", task_run_name="align {agent} {judge}", timeout_seconds=8 * 3600, **TRANSIENT)
async def align(agent: str, week: str, judge: str) -> dict[str, Any]:
    """Draft, choose on train, and hold one change against held-out labels; a judge that has its verdict keeps it."""
    async with (
        open_workshop(agent, week) as workshop,
        progress(f"{agent}-{judge}-align", f"Aligning {judge}") as ticker,
    ):
        run = await loop.align_stage(workshop, judge, ticker)
    await markdown(f"{agent}-{judge}-verdict", report.run_markdown(run), f"Verdict on a changed judge {judge}")
    return {"judge": judge, "outcome": run.outcome, "reason": run.reason}


@task(name="publish judge", task_run_name="publish {agent} {judge}", timeout_seconds=900, **TRANSIENT)
async def publish_judge(agent: str, week: str, judge: str) -> dict[str, Any]:
    """Open the pull request of an accepted change, or write the patch; what is open already is found."""
    async with open_workshop(agent, week) as workshop:
        run = await asyncio.to_thread(loop.publish_stage, workshop, judge)
        port = workshop.settings.server_port
    if run.url:
        await markdown(
            f"{agent}-{judge}-pull-request", f"<{address(run.url, port)}>", f"Pull request for the judge {judge}"
        )
    return {"judge": judge, "url": run.url, "patch": run.patch, "published": run.published}


@task(name="close judges", task_run_name="judges of {agent}", timeout_seconds=600, **TRANSIENT)
async def close_judges(agent: str, week: str, judges: list[str]) -> dict[str, Any]:
    """Measure the judges as they are now, close the week and show what it did."""
    async with open_workshop(agent, week) as workshop:
        runs, text = await asyncio.to_thread(loop.finish_week, workshop, judges)
    await table(f"{agent}-judges", report.run_rows(runs), f"Judges of {agent}")
    await markdown(f"{agent}-judges-week", text, f"Judges of {agent}")
    return {"judges": [run.model_dump(mode="json", exclude={"candidate", "fitted_on"}) for run in runs], "report": text}
