"""Write feedback back to where the traces came from."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import progress


@task(name="write back", task_run_name="write back {agent}", timeout_seconds=4 * 3600, **TRANSIENT)
async def write_back(agent: str, night: str) -> dict[str, Any]:
    """Scores, labels and cluster names that do not stand there yet; nothing unless [source.write_back] says so."""
    async with open_workshop(agent, night) as workshop:
        if not workshop.config.source.write_back.enabled:
            return await loop.write_back_stage(workshop)
        async with progress(f"{agent}-write-back", "Writing back") as ticker:
            return await loop.write_back_stage(workshop, ticker)
