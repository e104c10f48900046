"""The whole loop, for every agent of the project."""

from typing import Any

from prefect import flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from burnish.errors import BurnishError
from burnish.loop.context import project_agents
from burnish.loop.options import ImproveOptions, NightlyOptions, PullOptions
from flows.improve_agent import improve_agent
from flows.pull_and_enrich import pull_and_enrich

MAXIMUM_STARTS = 3


@flow(name="nightly", flow_run_name="nightly")
async def nightly(options: NightlyOptions = NightlyOptions()) -> dict[str, Any]:
    """Pull, enrich and improve each agent in turn. One agent's failure does not cost the others their night."""
    if (flow_run.run_count or 0) > MAXIMUM_STARTS:
        # An automation that restarts crashed runs has no limit of its own.
        raise BurnishError(
            f"this run was started {flow_run.run_count} times; look at its logs before starting it again"
        )
    results: dict[str, Any] = {}
    failures: dict[str, Exception] = {}
    for agent in options.agents or project_agents():
        try:
            await pull_and_enrich(agent, PullOptions(night=options.night, limit=options.limit))
            results[agent] = await improve_agent(agent, ImproveOptions(night=options.night, publish=options.publish))
        except Exception as error:
            get_run_logger().error("The night of %s failed: %s", agent, error)
            failures[agent] = error
    if failures:
        told = "; ".join(f"{agent}: {error}" for agent, error in failures.items())
        raise BurnishError(f"{len(failures)} agent(s) had no complete night: {told}") from next(iter(failures.values()))
    return results
