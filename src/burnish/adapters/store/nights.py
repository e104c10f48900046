"""Nights: what each stage reported, and the lease that keeps two processes off the same night."""

import json
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, chunked, upsert
from burnish.adapters.store.lookup import Whose, whose
from burnish.adapters.store.rows import dump, micros, moment
from burnish.domain.base import utc_now
from burnish.domain.nights import Night, NightState
from burnish.errors import LeaseHeldError, NotFoundError

__all__ = ["NightStore"]

_nights = tables.nights
_stages = tables.night_stages


class NightStore:
    """Rounds of the loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, agent: str, day: date) -> Night:
        """The night of an agent and a date, new or as it was left."""
        row = {
            "id": Night.id_for(agent, day),
            "agent": agent,
            "date": day.isoformat(),
            "state": NightState.RUNNING.value,
            "started_at": micros(utc_now()),
        }
        with self._database.write("nights") as connection:
            upsert(connection, _nights, [row], keep=None)
            return _read(connection, sa.select(_nights).where(_nights.c.id == row["id"]))[0]

    def get(self, night_id: str) -> Night:
        """One night by its id, `agent/2026-01-31`.

        Raises NotFoundError that names the agent's newest night.
        """
        with self._database.read() as connection:
            found = _read(connection, sa.select(_nights).where(_nights.c.id == night_id))
            if not found:
                raise _unknown(connection, night_id)
        return found[0]

    def list(self, agent: Whose = None, limit: int = 50) -> list[Night]:
        """Nights, newest first."""
        query = sa.select(_nights).where(*whose(_nights.c.agent, agent))
        query = query.order_by(_nights.c.date.desc(), _nights.c.agent).limit(limit)
        with self._database.read() as connection:
            return _read(connection, query)

    def agents(self, limit: int) -> set[str]:
        """Whose the newest `limit` nights are; reads no stages."""
        newest = sa.select(_nights.c.agent).order_by(_nights.c.date.desc(), _nights.c.agent).limit(limit).subquery()
        with self._database.read() as connection:
            return set(connection.execute(sa.select(newest.c.agent).distinct()).scalars())

    def unfinished(self, agent: str) -> Night | None:
        """The newest night still running (or broken off), or None."""
        query = (
            sa.select(_nights)
            .where(_nights.c.agent == agent, _nights.c.state == NightState.RUNNING.value)
            .order_by(_nights.c.date.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            return next(iter(_read(connection, query)), None)

    def save_stage(self, night_id: str, stage: str, summary: dict[str, Any]) -> None:
        """Record what a stage reported; stages come back in the order they were first saved.

        Raises NotFoundError.
        """
        row = {"night_id": night_id, "stage": stage, "saved_at": micros(utc_now()), "document": dump(summary)}
        with self._database.write("nights") as connection:
            _expect(connection, night_id)
            upsert(connection, _stages, [row], keep=("saved_at",))

    def finish(self, night_id: str, state: NightState) -> None:
        """End a night.

        Raises NotFoundError.
        """
        with self._database.write("nights") as connection:
            _expect(connection, night_id)
            connection.execute(
                sa.update(_nights)
                .where(_nights.c.id == night_id)
                .values(state=state.value, finished_at=micros(utc_now()))
            )

    def lease(self, night_id: str, holder: str, seconds: float) -> None:
        """Take or renew the right to work on a night for so many seconds.

        Raises LeaseHeldError while another holder's lease is alive, NotFoundError for an unknown night.
        """
        now = micros(utc_now())
        free = sa.or_(_nights.c.lease_holder.is_(None), _nights.c.lease_holder == holder, _nights.c.lease_until <= now)
        with self._database.write("nights") as connection:
            taken = connection.execute(
                sa.update(_nights)
                .where(_nights.c.id == night_id, free)
                .values(lease_holder=holder, lease_until=now + int(seconds * 1_000_000))
            )
            if taken.rowcount:
                return
            _expect(connection, night_id)
            other, until = connection.execute(
                sa.select(_nights.c.lease_holder, _nights.c.lease_until).where(_nights.c.id == night_id)
            ).one()
        left = max(1, round((until - now) / 1_000_000))
        raise LeaseHeldError(
            f"night {night_id} is being worked on by {other}; wait for it, or {left} s until its lease ends", other
        )

    def worked_on(self, agent: str) -> dict[str, str]:
        """The agent's nights that somebody's lease is alive on, by id: the holder."""
        query = sa.select(_nights.c.id, _nights.c.lease_holder).where(
            _nights.c.agent == agent, _nights.c.lease_holder.is_not(None), _nights.c.lease_until > micros(utc_now())
        )
        with self._database.read() as connection:
            return {night: holder for night, holder in connection.execute(query) if holder is not None}

    def release(self, night_id: str, holder: str) -> None:
        """Give the lease back; does nothing where another holds it."""
        with self._database.write("nights") as connection:
            connection.execute(
                sa.update(_nights)
                .where(_nights.c.id == night_id, _nights.c.lease_holder == holder)
                .values(lease_holder=None, lease_until=None)
            )


def _read(connection: Connection, query: sa.Select[Any]) -> list[Night]:
    rows = connection.execute(query).mappings().all()
    stages: dict[str, dict[str, dict[str, Any]]] = {row["id"]: {} for row in rows}
    for ids in chunked(list(stages)):
        reported = sa.select(_stages).where(_stages.c.night_id.in_(ids)).order_by(_stages.c.saved_at, _stages.c.stage)
        for row in connection.execute(reported).mappings():
            stages[row["night_id"]][row["stage"]] = json.loads(row["document"])
    return [
        Night(
            id=row["id"],
            agent=row["agent"],
            date=row["date"],
            state=NightState(row["state"]),
            stages=stages[row["id"]],
            started_at=moment(row["started_at"]),
            finished_at=None if row["finished_at"] is None else moment(row["finished_at"]),
        )
        for row in rows
    ]


def _expect(connection: Connection, night_id: str) -> None:
    if connection.execute(sa.select(_nights.c.id).where(_nights.c.id == night_id)).scalar_one_or_none() is None:
        raise _unknown(connection, night_id)


def _unknown(connection: Connection, night_id: str) -> NotFoundError:
    agent = night_id.rpartition("/")[0]
    newest = connection.execute(sa.select(sa.func.max(_nights.c.id)).where(_nights.c.agent == agent)).scalar()
    there = f"the newest of '{agent}' is {newest}" if newest else "ids look like agent/2026-01-31"
    return NotFoundError(f"no night '{night_id}'; {there}")
