"""A night: one round of the loop for one agent, resumable at every stage."""

import datetime as dt
from enum import StrEnum
from typing import Any

from burnish.domain.base import UtcDatetime, Value

__all__ = ["Night", "NightState"]


class NightState(StrEnum):
    """RUNNING until the report is written. PARTIAL: the budget ended it early, with a report."""

    RUNNING = "running"
    FINISHED = "finished"
    PARTIAL = "partial"


class Night(Value):
    """One agent on one date (UTC). `stages` holds what each finished stage reported, as JSON."""

    id: str
    agent: str
    date: str
    state: NightState = NightState.RUNNING
    stages: dict[str, dict[str, Any]] = {}
    started_at: UtcDatetime
    finished_at: UtcDatetime | None = None

    @staticmethod
    def id_for(agent: str, day: dt.date) -> str:
        """The same agent and date are the same night."""
        return f"{agent}/{day.isoformat()}"
