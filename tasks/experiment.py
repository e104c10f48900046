"""Measure versions of the agent offline and decide."""

from typing import Any

from prefect import task

from burnish.loop import night as loop
from burnish.loop import report
from burnish.loop.context import open_workshop
from tasks.retrying import TRANSIENT
from tasks.showing import markdown, progress, table


@task(name="choose on dev", task_run_name="choose {agent}", timeout_seconds=8 * 3600, **TRANSIENT)
async def choose(agent: str, night: str) -> dict[str, Any]:
    """Baseline and candidates over dev; the best goes to the gate."""
    async with open_workshop(agent, night) as workshop, progress(f"{agent}-dev", "Measuring on dev") as ticker:
        summary = await loop.dev_stage(workshop, ticker)
    await table(f"{agent}-dev-scores", report.dev_rows(summary), f"Dev scores of {agent}: {summary['reason']}")
    return summary


@task(name="prove on held-out", task_run_name="prove {agent}", timeout_seconds=8 * 3600, **TRANSIENT)
async def prove(agent: str, night: str, proposal: str) -> dict[str, Any]:
    """A fresh baseline and the chosen candidate over the sealed split, and the gate's verdict."""
    async with open_workshop(agent, night) as workshop, progress(f"{agent}-held-out", "Measuring held-out") as ticker:
        verdict = await loop.held_out_stage(workshop, proposal, ticker)
    await markdown(f"{agent}-verdict", report.verdict_markdown(verdict), f"Verdict for {agent}")
    return verdict.model_dump(mode="json")
