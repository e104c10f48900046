"""Score traces with the agent's evaluators."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop import report
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import progress, table


@task(name="enrich", task_run_name="enrich {agent}", timeout_seconds=8 * 3600, **TRANSIENT)
async def enrich(agent: str, night: str, limit: int | None = None) -> dict[str, Any]:
    """Run the evaluators that have not judged a trace yet, in batches inside this one task."""
    async with open_workshop(agent, night) as workshop, progress(f"{agent}-enrich", "Scoring traces") as ticker:
        summary = await loop.enrich_stage(workshop, ticker, limit)
    await table(f"{agent}-scores", report.score_rows(summary), f"Scores of {agent}")
    return summary
