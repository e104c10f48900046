"""Find what fails alike."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop import report
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import table


@task(name="discover", task_run_name="discover {agent}", timeout_seconds=3600, **TRANSIENT)
async def discover(agent: str, night: str) -> dict[str, Any]:
    """Summarise, embed, group and name the failing traces that are not held out."""
    async with open_workshop(agent, night) as workshop:
        summary = await loop.discover_stage(workshop)
        clusters = workshop.store.clusters.list(agent=agent, night=night)
    await table(f"{agent}-clusters", report.cluster_rows(clusters), f"What fails alike in {agent}")
    return summary
