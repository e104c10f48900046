"""Say what a night can show before it spends anything."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import markdown


@task(name="plan", task_run_name="plan {agent}", timeout_seconds=300, **TRANSIENT)
async def plan(agent: str, night: str) -> dict[str, Any]:
    """Which gain the held-out split can show, and what the measurement takes of the budget."""
    async with open_workshop(agent, night) as workshop:
        summary = loop.plan_stage(workshop)
    await markdown(f"{agent}-plan", summary["markdown"], f"What a night of {agent} can show")
    return summary
