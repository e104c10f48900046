"""Model calls: answers already paid for, and what they cost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, chunked, upsert
from burnish.adapters.store.rows import clean_json, micros, moment, pack, scrub, unpack
from burnish.domain.base import utc_now
from burnish.domain.chat import CallAverage, ChatReply, ModelUse, PaidReply
from burnish.domain.traces import Usage

__all__ = ["CallStore"]

_replies = tables.model_replies
_calls = tables.model_calls
_SUMS = ("calls", "input_tokens", "output_tokens", "cost_usd", "seconds")


class CallStore:
    """The cache of model replies (`domain.chat.ReplyCache`) and the accounts of a night."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mark = "?" if database.is_sqlite else "%s"

    def get_many(self, keys: Sequence[str]) -> dict[str, ChatReply]:
        """The stored answers by key, marked as cached; a key without one is left out."""
        found: dict[str, ChatReply] = {}
        for some in chunked(keys):
            marks = ", ".join([self._mark] * len(some))
            sql = f"SELECT key, body FROM model_replies WHERE key IN ({marks})"  # noqa: S608 - marks alone go in
            for key, body in self._database.look_up(sql, some):
                found[key] = ChatReply.model_validate_json(unpack(body)).model_copy(update={"cached": True})
        return found

    def put_many(self, answers: Sequence[PaidReply]) -> None:
        """Store answers with their accounts in one transaction.

        The same question answered again was paid again: it adds to its row. A reply that came from a cache is free.
        """
        kept = {one.key: {"key": one.key, "body": pack(clean_json(one.reply)[1])} for one in answers}
        paid = [
            _row(one.purpose, one.model, one.reply.usage, one.reply.cost_usd, one.reply.latency_s, one.night, one.key)
            for one in answers
            if not one.reply.cached
        ]
        with self._database.write("calls") as connection:
            upsert(connection, _replies, list(kept.values()))
            upsert(connection, _calls, paid, add=_SUMS)

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

    def spent_on(self, purpose: str, *, night: str | None = None, since: datetime | None = None) -> tuple[int, float]:
        """Calls and US dollars paid for a purpose, in a night or since a moment."""
        query = sa.select(sa.func.sum(_calls.c.calls), sa.func.sum(_calls.c.cost_usd)).where(
            _calls.c.purpose == purpose
        )
        query = query.where(_calls.c.night == night) if night is not None else query
        query = query.where(_calls.c.created_at >= micros(since)) if since is not None else query
        with self._database.read() as connection:
            calls, cost = connection.execute(query).one()
        return int(calls or 0), float(cost or 0.0)

    def average(self, purpose: str, model: str | None = None) -> CallAverage | None:
        """What a call of this purpose took on average, with this model where one is named; None without any call."""
        sums = [sa.func.sum(_calls.c[name]) for name in _SUMS]
        query = sa.select(*sums).where(_calls.c.purpose == purpose)
        query = query.where(_calls.c.model == model) if model is not None else query
        with self._database.read() as connection:
            row: Any = connection.execute(query).one()
        calls, sent, received, cost, seconds = row
        if not calls:
            return None
        return CallAverage(
            calls=int(calls),
            input_tokens=float(sent) / float(calls),
            output_tokens=float(received) / float(calls),
            cost_usd=float(cost) / float(calls),
            seconds=float(seconds) / float(calls),
        )

    def models(self, agent: str, prefix: str) -> list[ModelUse]:
        """What the agent's nights asked of models under purposes that begin with `prefix`, by purpose and model."""
        # "agent/" to "agent0" is every night of the agent, read off the primary key.
        first, last = f"{agent}/", f"{agent}0"
        query: Any = (
            sa.select(
                _calls.c.purpose,
                _calls.c.model,
                *(sa.func.sum(_calls.c[name]) for name in _SUMS),
                sa.func.min(_calls.c.created_at),
                sa.func.max(_calls.c.created_at),
            )
            .where(_calls.c.night >= first, _calls.c.night < last, _calls.c.purpose.startswith(prefix, autoescape=True))
            .group_by(_calls.c.purpose, _calls.c.model)
            .order_by(_calls.c.purpose, sa.func.max(_calls.c.created_at), _calls.c.model)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            ModelUse(
                purpose=purpose, model=model, calls=int(calls), input_tokens=int(sent), output_tokens=int(received),
                cost_usd=float(cost), seconds=float(seconds), first_at=moment(first_at), last_at=moment(last_at),
            )
            for purpose, model, calls, sent, received, cost, seconds, first_at, last_at in rows
        ]  # fmt: skip

    def totals(self, night: str | None = None) -> list[dict[str, Any]]:
        """Sums by purpose: calls, input_tokens, output_tokens, cost_usd, seconds; of a night or of all time."""
        query = sa.select(_calls.c.purpose, *(sa.func.sum(_calls.c[name]) for name in _SUMS))
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
