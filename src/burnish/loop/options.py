"""What a person fills in when starting a flow: pydantic models, so that Prefect shows them as forms."""

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AlignOptions", "ImproveOptions", "NightlyOptions", "PullOptions"]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    night: dt.date | None = Field(
        default=None,
        title="Night",
        description="The date (UTC) this night is booked under. Empty: the unfinished night, else today. "
        "The same agent and date are the same night: started again, it goes on where it stood.",
    )


class PullOptions(_Options):
    """Pull new traces and score them."""

    limit: int | None = Field(
        default=None, ge=1, title="Limit", description="Score at most so many traces, newest first. Empty: all."
    )


class ImproveOptions(_Options):
    """Look for an improvement in the traces that are there."""

    publish: bool = Field(
        default=True,
        title="Open a pull request",
        description="Off: measure and decide, but leave the repository alone.",
    )


class NightlyOptions(PullOptions, ImproveOptions):
    """The whole loop."""

    agents: list[str] = Field(
        default_factory=list,
        title="Agents",
        description="Names as in config/agents. Empty: every agent of the project.",
    )


class AlignOptions(ImproveOptions):
    """Improve judges from people's labels."""

    night: dt.date | None = Field(
        default=None,
        title="Week",
        description="Any date (UTC) of the week this run is booked under. Empty: this week. A judge has one attempt a "
        "week: started again, it goes on where it stood.",
    )
    agents: list[str] = Field(
        default_factory=list,
        title="Agents",
        description="Names as in config/agents. Empty: every agent of the project.",
    )
    judge: str | None = Field(
        default=None, title="Judge", description="The judge's name in config/evaluators. Empty: all of the agent's."
    )
