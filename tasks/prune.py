"""Let go of what is past an agent's retention."""

import asyncio
from typing import Any

from prefect import task

from burnish.loop.context import open_workshop
from burnish.loop.prune import retention_stage
from tasks.retrying import TRANSIENT
from tasks.showing import progress


@task(name="prune", task_run_name="prune {agent}", timeout_seconds=4 * 3600, **TRANSIENT)
async def prune(agent: str, night: str) -> dict[str, Any]:
    """Prune in small batches; nothing where the agent's file sets no days."""
    async with open_workshop(agent, night) as workshop:
        if workshop.config.retention.days is None:
            return {}
        async with progress(f"{agent}-prune", "Pruning traces") as ticker:
            return await asyncio.to_thread(retention_stage, workshop, ticker)
