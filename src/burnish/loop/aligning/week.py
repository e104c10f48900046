"""When a judge is improved: once a week at most, in a week of its own beside the agent's nights.

A week has an id, a lease, a budget and stages as a night has, under a name that no agent can have: what is spent on
judges is not taken from a night, and proposals for judges are not measured as proposals for the agent.
"""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from burnish.domain.base import utc_now
from burnish.loop.context import open_store
from burnish.loop.lease import hold
from burnish.project import load_agent
from burnish.settings import Settings

__all__ = ["agent_of", "book_of", "booked_week", "week_of", "with_judges"]


def book_of(agent: str, judge: str = "judges") -> str:
    """The name under which the weeks and pull requests of an agent's judges, or one judge's attempts, are kept."""
    return f"{agent}~{judge}"  # names of agents hold no "~"


def agent_of(book: str) -> str:
    """The agent whose judges a book is of; an agent's own name is itself."""
    return book.partition("~")[0]


def with_judges(agent: str | None) -> tuple[str, ...] | None:
    """The names under which nights and pull requests of an agent and of its judges are kept: for lists people read.

    None is everybody's.
    """
    return None if agent is None else (agent, book_of(agent))


def week_of(day: dt.date) -> dt.date:
    """The Monday of a day's week, which names it."""
    return day - dt.timedelta(days=day.weekday())


@asynccontextmanager
async def booked_week(agent: str, day: dt.date | None = None) -> AsyncIterator[str]:
    """Begin or take up a week of an agent's judges, hold its lease while the block runs, and give its id.

    Without a date it is this week (UTC).
    """
    with open_store() as store:
        load_agent(Settings().project, agent)
        week = store.nights.begin(book_of(agent), week_of(day or utc_now().date()))
        async with hold(store, week.id):
            yield week.id
