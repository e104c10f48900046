"""Draft small diffs from the evidence."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import markdown, progress


@task(name="propose", task_run_name="propose {agent}", timeout_seconds=3600, **TRANSIENT)
async def propose(agent: str, night: str) -> dict[str, Any]:
    """Ask the proposer's model; drafts of a night that is started again are reused."""
    async with open_workshop(agent, night) as workshop, progress(f"{agent}-propose", "Drafting proposals") as ticker:
        summary = await loop.propose_stage(workshop, ticker)
        text = loop.report_proposals(workshop, night)
    await markdown(f"{agent}-proposals", text, f"Proposals for {agent}")
    return summary
