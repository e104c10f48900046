"""Hold judges to account."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop import report
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import table


@task(name="judges", task_run_name="judges {agent}", timeout_seconds=1800, **TRANSIENT)
async def judges(agent: str, night: str) -> dict[str, Any]:
    """Measure the agent's judges beside people, for drift and for bias; no model is asked."""
    async with open_workshop(agent, night) as workshop:
        summary = await loop.judges_stage(workshop)
    if summary["judges"]:
        await table(f"{agent}-judges", report.judge_rows(summary), f"How the judges of {agent} stand with people")
    return summary
