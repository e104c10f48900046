"""Open the pull request of an accepted proposal, and write the report of the night."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import address, markdown


@task(name="publish", task_run_name="publish {agent}", timeout_seconds=900, **TRANSIENT)
async def publish(agent: str, night: str, proposal: str) -> dict[str, Any]:
    """Branch, commit, push, open; what is open already is found and not opened again."""
    async with open_workshop(agent, night) as workshop:
        summary = await loop.publish_stage(workshop, proposal)
        port = workshop.settings.server_port
    if summary.get("url"):
        # Links show best as markdown in Prefect's UI.
        await markdown(
            f"{agent}-pull-request", f"[{summary['title']}]({address(summary['url'], port)})", "Pull request"
        )
    return summary


@task(name="report", task_run_name="report {agent}", timeout_seconds=300)
async def report(agent: str, night: str) -> str:
    """Close the night and show what it did."""
    async with open_workshop(agent, night) as workshop:
        text = await loop.finish(workshop)
    await markdown(f"{agent}-night", text, f"Night of {agent}")
    return text
