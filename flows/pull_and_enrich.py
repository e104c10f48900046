"""Pull an agent's new traces and score them."""

from typing import Any

from prefect import flow

from burnish.loop.context import booked_night
from burnish.loop.options import PullOptions
from burnish.loop.report import pulled_markdown
from tasks.enrich import enrich
from tasks.ingest import ingest
from tasks.write_back import write_back


@flow(name="pull-and-enrich", flow_run_name="pull-and-enrich {agent}")
async def pull_and_enrich(agent: str, options: PullOptions = PullOptions()) -> dict[str, Any]:
    """Traces in, scores on them, and back to the source where the agent's file says so.

    Safe to start again: known traces and scores are kept as they are, and nothing is written back twice.

    Args:
        agent: Its name as in config/agents.
        options: What to do, and the night it is booked under.
    """
    async with booked_night(agent, options.night) as night:
        pulled = await ingest(agent, night)
        scored = await enrich(agent, night, options.limit)
        back = await write_back(agent, night)
    stages = {"ingest": pulled, "enrich": scored, "write_back": back}
    return {"night": night, **stages, "report": pulled_markdown(night, stages)}
