"""Proposals, where each stands, and the gate's verdicts on them."""

from collections.abc import Sequence

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.lookup import Whose, resolve, whose
from burnish.adapters.store.rows import clean, micros, scrub
from burnish.domain.base import utc_now
from burnish.domain.gate import Verdict
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.errors import NotFoundError

__all__ = ["ProposalStore"]

_proposals = tables.proposals
_verdicts = tables.verdicts
_STORED = (_proposals.c.document, _proposals.c.status, _proposals.c.status_reason)


class ProposalStore:
    """Diffs and what was decided about them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, items: Sequence[Proposal]) -> None:
        """Store proposals; one that is there stays as it is, with its status."""
        rows = [
            {
                "id": item.id,
                "agent": item.agent,
                "night": item.night,
                "status": item.status.value,
                "status_reason": item.status_reason,
                "created_at": micros(item.created_at),
                "document": item.model_dump_json(),
            }
            for item in map(clean, items)
        ]
        with self._database.write("proposals") as connection:
            upsert(connection, _proposals, rows, keep=None)

    def set_status(self, proposal_id: str, status: ProposalStatus, reason: str = "") -> None:
        """Move a proposal on.

        Raises NotFoundError.
        """
        with self._database.write("proposals") as connection:
            moved = connection.execute(
                sa.update(_proposals)
                .where(_proposals.c.id == proposal_id)
                .values(status=status.value, status_reason=scrub(reason))
            )
            if moved.rowcount == 0:
                raise NotFoundError(f"no proposal '{proposal_id}' in the store; list the proposals to see their ids")

    def get(self, proposal_id: str) -> Proposal:
        """One proposal by id or a unique beginning.

        Raises NotFoundError.
        """
        with self._database.read() as connection:
            whole = resolve(connection, _proposals.c.id, proposal_id, "proposal")
            return _proposal(*connection.execute(sa.select(*_STORED).where(_proposals.c.id == whole)).one())

    def list(
        self, agent: Whose = None, night: str | None = None, status: ProposalStatus | None = None
    ) -> list[Proposal]:
        """Proposals, newest first."""
        query = sa.select(*_STORED).where(*whose(_proposals.c.agent, agent))
        if night is not None:
            query = query.where(_proposals.c.night == night)
        if status is not None:
            query = query.where(_proposals.c.status == status.value)
        query = query.order_by(_proposals.c.created_at.desc(), _proposals.c.id)
        with self._database.read() as connection:
            return [_proposal(*row) for row in connection.execute(query)]

    def add_verdict(self, verdict: Verdict) -> None:
        """Store the gate's answer; the same experiment decided again replaces it and keeps its place in time."""
        item = clean(verdict)
        row = {
            "proposal_id": item.proposal_id,
            "experiment_id": item.experiment_id,
            "outcome": item.outcome.value,
            "created_at": micros(utc_now()),
            "document": item.model_dump_json(),
        }
        with self._database.write("proposals") as connection:
            upsert(connection, _verdicts, [row], keep=("created_at",))

    def verdict(self, proposal_id: str, experiment_id: str | None = None) -> Verdict | None:
        """The newest verdict on a proposal, or the one that an experiment fed; None where there is none."""
        wanted = [_verdicts.c.proposal_id == proposal_id]
        if experiment_id is not None:
            wanted.append(_verdicts.c.experiment_id == experiment_id)
        query = (
            sa.select(_verdicts.c.document)
            .where(*wanted)
            .order_by(_verdicts.c.created_at.desc(), _verdicts.c.experiment_id)
            .limit(1)
        )
        with self._database.read() as connection:
            document = connection.execute(query).scalar_one_or_none()
        return None if document is None else Verdict.model_validate_json(document)


def _proposal(document: str, status: str, reason: str) -> Proposal:
    stored = Proposal.model_validate_json(document)
    return stored.model_copy(update={"status": ProposalStatus(status), "status_reason": reason})
