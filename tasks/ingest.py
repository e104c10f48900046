"""Pull new traces of an agent into the store."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import progress


@task(name="ingest", task_run_name="ingest {agent}", timeout_seconds=4 * 3600, **TRANSIENT)
async def ingest(agent: str, night: str) -> dict[str, Any]:
    """Read the agent's source from where the last pull stood; what is known already is not stored twice."""
    async with open_workshop(agent, night) as workshop, progress(f"{agent}-ingest", "Pulling traces") as ticker:
        return await loop.ingest_stage(workshop, ticker)
