"""Model calls: answers already paid for, and what they cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.rows import clean, json_bytes, micros, pack, scrub, unpack
from burnish.domain.base import utc_now
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.traces import Usage

__all__ = ["CallStore"]

_replies = tables.model_replies
_calls = tables.model_calls


class CallStore:
    """The cache of model replies (`domain.chat.ReplyCache`) and the accounts of a night."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Asked before every model call: compiled once and handed to the driver, a third of the time it takes otherwise.
        query = sa.select(_replies.c.body).where(_replies.c.key == sa.bindparam("key"))
        compiled = query.compile(dialect=database.engine.dialect)
        self._by_key, self._positional = str(compiled), bool(compiled.positional)

    def get(self, key: str) -> ChatReply | None:
        """The stored answer, marked as cached, or None."""
        with self._database.read() as connection:
            values: Any = (key,) if self._positional else {"key": key}
            body = connection.exec_driver_sql(self._by_key, values).scalar_one_or_none()
        if body is None:
            return None
        return ChatReply.model_validate_json(unpack(body)).model_copy(update={"cached": True})

    def put(self, request: ChatRequest, model: str, reply: ChatReply, meta: Mapping[str, Any]) -> None:
        """Store one answer and account for it under `meta["night"]`."""
        self.put_many([(request, model, reply, meta)])

    def put_many(self, entries: Sequence[tuple[ChatRequest, str, ChatReply, Mapping[str, Any]]]) -> None:
        """Store answers with their accounts in one transaction.

        The same question answered again was paid again: it adds to its row. A reply that came from a cache is free.
        """
        kept = {request.key: {"key": request.key, "body": pack(json_bytes(clean(r)))} for request, _, r, _ in entries}
        with self._database.write("calls") as connection:
            upsert(connection, _replies, list(kept.values()))
            for request, model, reply, meta in entries:
                if not reply.cached:
                    row = _row(
                        request.purpose,
                        model,
                        reply.usage,
                        reply.cost_usd,
                        reply.latency_s,
                        meta.get("night"),
                        request.key,
                    )
                    _add_up(connection, row)

    def record(
        self,
        purpose: str,
        model: str,
        usage: Usage,
        cost_usd: float | None,
        latency_s: float,
        night: str | None,
        key: str,
    ) -> None:
        """Account for a call made outside the model port, such as an agent's own; once a night and key."""
        row = _row(purpose, model, usage, cost_usd, latency_s, night, key)
        with self._database.write("calls") as connection:
            upsert(connection, _calls, [row], keep=None)

    def spent(self, night: str) -> tuple[int, float]:
        """Calls and US dollars paid in a night; unpriced calls count as calls and cost 0."""
        query = sa.select(sa.func.sum(_calls.c.calls), sa.func.sum(_calls.c.cost_usd)).where(_calls.c.night == night)
        with self._database.read() as connection:
            calls, cost = connection.execute(query).one()
        return int(calls or 0), float(cost or 0.0)

    def totals(self, night: str | None = None) -> list[dict[str, Any]]:
        """Sums by purpose: calls, input_tokens, output_tokens, cost_usd, seconds; of a night or of all time."""
        names = ("calls", "input_tokens", "output_tokens", "cost_usd", "seconds")
        query = sa.select(_calls.c.purpose, *(sa.func.sum(_calls.c[name]) for name in names))
        if night is not None:
            query = query.where(_calls.c.night == night)
        query = query.group_by(_calls.c.purpose).order_by(_calls.c.purpose)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            {
                "purpose": purpose,
                "calls": int(calls),
                "input_tokens": int(sent),
                "output_tokens": int(received),
                "cost_usd": float(cost),
                "seconds": float(seconds),
            }
            for purpose, calls, sent, received, cost, seconds in rows
        ]


def _row(
    purpose: str, model: str, usage: Usage, cost_usd: float | None, latency_s: float, night: str | None, key: str
) -> dict[str, Any]:
    return {
        "night": scrub(night or ""),
        "key": scrub(key),
        "purpose": scrub(purpose),
        "model": scrub(model),
        "calls": 1,
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "cost_usd": cost_usd or 0.0,
        "seconds": latency_s,
        "created_at": micros(utc_now()),
    }


def _add_up(connection: Connection, row: dict[str, Any]) -> None:
    same = sa.and_(_calls.c.night == row["night"], _calls.c.key == row["key"])
    sums = ("calls", "input_tokens", "output_tokens", "cost_usd", "seconds")
    added = connection.execute(
        sa.update(_calls).where(same).values({name: _calls.c[name] + row[name] for name in sums})
    )
    if added.rowcount == 0:
        upsert(connection, _calls, [row])
