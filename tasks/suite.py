"""Hold an accepted proposal against the permanent suite."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import progress


@task(name="guard regressions", task_run_name="guard {agent}", timeout_seconds=8 * 3600, **TRANSIENT)
async def guard(agent: str, night: str, proposal: str) -> dict[str, Any]:
    """Baseline and candidate over the cases in the agent's own repository; `blocks` keeps the proposal back."""
    async with open_workshop(agent, night) as workshop, progress(f"{agent}-suite", "Running the suite") as ticker:
        return await loop.guard_stage(workshop, proposal, ticker)
