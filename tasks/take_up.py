"""Go on with what earlier nights left open."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import address, markdown, progress


@task(name="take up", task_run_name="take up {agent}", timeout_seconds=8 * 3600, **TRANSIENT)
async def take_up(agent: str, night: str, may_publish: bool) -> dict[str, Any]:
    """Publish accepted proposals that were held back, and choose the undecided ones to measure again."""
    async with open_workshop(agent, night) as workshop, progress(f"{agent}-take-up", "Taking up") as ticker:
        summary = await loop.take_up_stage(workshop, ticker, may_publish=may_publish)
        port = workshop.settings.server_port
    for url in summary["opened"]:
        await markdown(
            f"{agent}-earlier-pull-request", f"<{address(url, port)}>", "Pull request of an earlier night's proposal"
        )
    return summary
