"""Look for an improvement of one agent, and open a pull request where the evidence holds."""

from typing import Any

from prefect import flow

from burnish.loop.context import booked_night
from burnish.loop.options import ImproveOptions
from tasks.annotate import route
from tasks.curate import curate
from tasks.discover import discover
from tasks.experiment import choose, prove
from tasks.judges import judges
from tasks.plan import plan
from tasks.propose import propose
from tasks.prune import prune
from tasks.publish import publish, report
from tasks.suite import guard
from tasks.take_up import take_up
from tasks.write_back import write_back


@flow(name="improve-agent", flow_run_name="improve {agent}")
async def improve_agent(agent: str, options: ImproveOptions = ImproveOptions()) -> dict[str, Any]:
    """Take up what was left, curate, plan, discover, route, propose, choose, prove, run the suite, publish, report.

    Judges are measured beside people before the plan, which says whether they may carry a pull request. What is past
    its retention goes before the report, which tells of it.

    Examples are assigned to their splits before failures are grouped: what is held out is known by then and is left
    out of discovering and proposing. The clusters' names go back to the source where the agent's file says so.

    Args:
        agent: Its name as in config/agents.
        options: What to do, and the night it is booked under.
    """
    async with booked_night(agent, options.night) as night:
        await take_up(agent, night, options.publish)
        await curate(agent, night)
        await judges(agent, night)
        await plan(agent, night)
        await discover(agent, night)
        await route(agent, night)
        await write_back(agent, night)
        await propose(agent, night)
        choice = await choose(agent, night)
        verdict: dict[str, Any] | None = None
        suite: dict[str, Any] | None = None
        if choice["chosen"] is not None:
            verdict = await prove(agent, night, choice["chosen"])
            if verdict["outcome"] == "accepted":
                suite = await guard(agent, night, choice["chosen"])
            if options.publish and suite is not None and not suite["blocks"]:
                await publish(agent, night, choice["chosen"])
        await prune(agent, night)
        text = await report(agent, night)
    return {"night": night, "chosen": choice["chosen"], "verdict": verdict, "suite": suite, "report": text}
