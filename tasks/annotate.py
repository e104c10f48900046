"""Bring traces before people."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop import report
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import table


@task(name="route", task_run_name="route {agent}", timeout_seconds=3600, **TRANSIENT)
async def route(agent: str, night: str) -> dict[str, Any]:
    """Fill the annotation queues; a trace comes into a queue once."""
    async with open_workshop(agent, night) as workshop:
        summary = await loop.route_stage(workshop)
    if summary["queues"]:
        await table(f"{agent}-queues", report.queue_rows(summary), f"What people are asked of {agent}")
    return summary
