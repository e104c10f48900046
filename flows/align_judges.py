"""Improve an agent's judges from people's labels, and open a pull request where the evidence holds."""

from typing import Any

from prefect import flow
from prefect.logging import get_run_logger

from burnish.errors import BurnishError
from burnish.loop.aligning.stages import wanted_judges
from burnish.loop.aligning.week import booked_week
from burnish.loop.context import project_agents
from burnish.loop.options import AlignOptions
from tasks.align import align, close_judges, publish_judge


@flow(name="align-judges", flow_run_name="align judges")
async def align_judges(options: AlignOptions = AlignOptions()) -> dict[str, Any]:
    """Each agent's judges in turn: draft, choose on train, hold against held-out labels, publish, measure.

    A judge has one attempt a week; started again in the same week it goes on where it stood and opens nothing twice.
    """
    results: dict[str, Any] = {}
    failures: list[Exception] = []
    for agent in options.agents or project_agents():
        try:
            async with booked_week(agent, options.night) as week:
                judges = wanted_judges(agent, options.judge)
                for judge in judges:
                    found = await align(agent, week, judge)
                    if options.publish and found["outcome"] == "accepted":
                        await publish_judge(agent, week, judge)
                results[agent] = {"week": week, **await close_judges(agent, week, judges)}
        except Exception as error:
            get_run_logger().error("The judges of %s failed: %s", agent, error)
            failures.append(error)
    if failures:
        raise BurnishError(f"the judges of {len(failures)} agent(s) failed: {failures[0]}") from failures[0]
    return results
