"""The log of what was held against an agent's sealed split, and what it spent."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.domain.gate import Attempt, GateRule, Verdict, begin, closed, opened, standing
from burnish.errors import NotFoundError

__all__ = ["AttemptStore"]

_attempts = tables.gate_attempts


class AttemptStore:
    """Attempts of agents, one a night and proposal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next_level(self, agent: str, rule: GateRule) -> float:
        """The level at which the agent's next attempt would be decided."""
        return standing(self.list(agent), rule).tonight()

    def open(self, agent: str, night: str, proposal_id: str, rule: GateRule, order: Sequence[str] = ()) -> Attempt:
        """Book this proposal's attempt, and the examples in `order`, before anything is measured.

        The attempt that is there is given back as it is.
        """
        begin(rule).tonight()  # loads what the levels need before the database is locked
        with self._database.write("gate") as connection:
            attempt = opened(_read(connection, agent), agent, night, proposal_id, rule, order)
            _write(connection, attempt, keep=None)
            return attempt

    def close(self, agent: str, night: str, verdict: Verdict) -> Attempt:
        """Book what came of it.

        Raises NotFoundError where the attempt was never opened.
        """
        with self._database.write("gate") as connection:
            history = _read(connection, agent)
            for attempt in history:
                if (attempt.night, attempt.proposal_id) == (night, verdict.proposal_id):
                    done = closed(attempt, verdict, attempt.number == len(history))
                    _write(connection, done, keep=())
                    return done
        raise NotFoundError(f"no attempt of proposal {verdict.proposal_id} in night {night}; open it before measuring")

    def list(self, agent: str) -> list[Attempt]:
        """An agent's attempts, oldest first."""
        with self._database.read() as connection:
            return _read(connection, agent)


def _read(connection: Connection, agent: str) -> list[Attempt]:
    query = sa.select(_attempts.c.document).where(_attempts.c.agent == agent).order_by(_attempts.c.number)
    return [Attempt.model_validate_json(document) for document in connection.execute(query).scalars()]


def _write(connection: Connection, attempt: Attempt, keep: tuple[str, ...] | None) -> None:
    row = {
        "agent": attempt.agent,
        "night": attempt.night,
        "proposal_id": attempt.proposal_id,
        "number": attempt.number,
        "level": attempt.level,
        "p_value": attempt.p_value,
        "outcome": None if attempt.outcome is None else attempt.outcome.value,
        "document": attempt.model_dump_json(),
    }
    upsert(connection, _attempts, [row], keep=keep)
