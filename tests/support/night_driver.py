"""One night of the agent `desk` without Prefect, in a process that a test may kill: prints each stage as it begins."""

import asyncio
import datetime as dt
import sys
from typing import Any

from burnish.loop import night
from burnish.loop.context import Workshop, booked_night, open_workshop
from burnish.loop.progress import Ticker
from support.night_project import DAY

__all__ = ["one_night"]

STAGES = (
    "ingest", "enrich", "take up", "curate", "judges", "plan", "discover", "route", "write back", "propose", "dev",
    "held-out", "suite", "publish",
)  # fmt: skip


async def one_night(agent: str = "desk", day: dt.date = DAY, *, publish: bool = True) -> str:
    """The stages as the flows run them, each with a workshop of its own; returns the report."""
    chosen: Any = None
    outcome = ""

    async def stage(name: str, workshop: Workshop, ticker: Ticker) -> None:
        nonlocal chosen, outcome
        match name:
            case "ingest":
                await night.ingest_stage(workshop, ticker)
            case "enrich":
                await night.enrich_stage(workshop, ticker)
            case "take up":
                await night.take_up_stage(workshop, ticker, may_publish=publish)
            case "curate":
                await night.curate_stage(workshop)
            case "judges":
                await night.judges_stage(workshop)
            case "plan":
                night.plan_stage(workshop)
            case "discover":
                await night.discover_stage(workshop)
            case "route":
                await night.route_stage(workshop)
            case "write back":
                await night.write_back_stage(workshop, ticker)
            case "propose":
                await night.propose_stage(workshop, ticker)
            case "dev":
                chosen = (await night.dev_stage(workshop, ticker))["chosen"]
            case "held-out":
                outcome = (await night.held_out_stage(workshop, chosen, ticker)).outcome.value
            case "suite":
                await night.guard_stage(workshop, chosen, ticker)
            case "publish":
                await night.publish_stage(workshop, chosen)

    async with booked_night(agent, day) as booked:
        for name in STAGES:
            if (name == "held-out" and chosen is None) or (name in ("suite", "publish") and outcome != "accepted"):
                continue
            if name == "publish" and not publish:
                continue
            print(name, flush=True)
            async with open_workshop(agent, booked) as workshop:
                with Ticker(lambda done, total, note: None) as ticker:
                    await stage(name, workshop, ticker)
        print("report", flush=True)
        async with open_workshop(agent, booked) as workshop:
            return await night.finish(workshop)


if __name__ == "__main__":
    asyncio.run(one_night())
    sys.stdout.write("done\n")
