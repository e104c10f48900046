"""Pull an agent's new traces and score them."""

from typing import Any

from prefect import flow

from burnish.loop.context import booked_night
from burnish.loop.options import PullOptions
from tasks.enrich import enrich
from tasks.ingest import ingest


@flow(name="pull-and-enrich", flow_run_name="pull-and-enrich {agent}")
async def pull_and_enrich(agent: str, options: PullOptions = PullOptions()) -> dict[str, Any]:
    """Traces in, scores on them. Safe to start again: known traces and scores are kept as they are."""
    async with booked_night(agent, options.night) as night:
        pulled = await ingest(agent, night)
        scored = await enrich(agent, night, options.limit)
    return {"night": night, "ingest": pulled, "enrich": scored}
