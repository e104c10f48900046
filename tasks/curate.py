"""Turn corrected traces into examples of a dataset."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT


@task(name="curate", task_run_name="curate {agent}", timeout_seconds=3600, **TRANSIENT)
async def curate(agent: str, night: str) -> dict[str, Any]:
    """Add new examples to the splits; an example never changes its split."""
    async with open_workshop(agent, night) as workshop:
        return await loop.curate_stage(workshop)
