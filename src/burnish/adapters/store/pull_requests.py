"""Pull requests burnish opened."""

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.lookup import Whose, resolve, whose
from burnish.adapters.store.rows import clean, micros
from burnish.domain.proposals import PullRequest, PullRequestState
from burnish.errors import NotFoundError

__all__ = ["PullRequestStore"]

_requests = tables.pull_requests


class PullRequestStore:
    """What was offered to a forge."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, request: PullRequest) -> None:
        """Store a pull request, replacing what has its id."""
        item = clean(request)
        row = {
            "id": item.id,
            "agent": item.agent,
            "branch": item.branch,
            "number": item.number,
            "state": item.state.value,
            "created_at": micros(item.created_at),
            "document": item.model_dump_json(),
        }
        with self._database.write("pull_requests") as connection:
            upsert(connection, _requests, [row])

    def get(self, wanted: str) -> PullRequest:
        """One pull request by id, number or a unique beginning of its id, tried in this order.

        Raises NotFoundError, also where a number names pull requests of several agents.
        """
        with self._database.read() as connection:
            document = sa.select(_requests.c.document)
            exact = connection.execute(document.where(_requests.c.id == wanted)).scalar_one_or_none()
            if exact is not None:
                return PullRequest.model_validate_json(exact)
            number = wanted.removeprefix("#")
            if number.isascii() and number.isdigit() and len(number) < 10:
                numbered = document.where(_requests.c.number == int(number)).order_by(_requests.c.agent, _requests.c.id)
                rows = connection.execute(numbered).scalars()
                found = [PullRequest.model_validate_json(row) for row in rows]
                if len(found) > 1:
                    shown = ", ".join(f"{one.id} ({one.agent})" for one in found)
                    raise NotFoundError(f"number {number} names several pull requests: give the id: {shown}")
                if found:
                    return found[0]
            whole = resolve(connection, _requests.c.id, wanted, "pull request")
            return PullRequest.model_validate_json(
                connection.execute(document.where(_requests.c.id == whole)).scalar_one()
            )

    def list(self, agent: Whose = None, state: PullRequestState | None = None) -> list[PullRequest]:
        """Pull requests, newest first."""
        query = sa.select(_requests.c.document).where(*whose(_requests.c.agent, agent))
        if state is not None:
            query = query.where(_requests.c.state == state.value)
        query = query.order_by(_requests.c.created_at.desc(), _requests.c.id)
        with self._database.read() as connection:
            return [PullRequest.model_validate_json(document) for document in connection.execute(query).scalars()]

    def find(self, agent: str, branch: str) -> PullRequest | None:
        """The newest pull request of a branch, or None."""
        query = (
            sa.select(_requests.c.document)
            .where(_requests.c.agent == agent, _requests.c.branch == branch)
            .order_by(_requests.c.created_at.desc(), _requests.c.id)
            .limit(1)
        )
        with self._database.read() as connection:
            document = connection.execute(query).scalar_one_or_none()
        return None if document is None else PullRequest.model_validate_json(document)

    def next_number(self, agent: str) -> int:
        """One more than the highest number of the agent's pull requests; 1 for the first."""
        query = sa.select(sa.func.max(_requests.c.number)).where(_requests.c.agent == agent)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar() or 0) + 1
