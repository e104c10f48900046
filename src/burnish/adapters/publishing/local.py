"""The forge for those who have none: the branch is pushed, the pull request is a record in burnish's own store."""

from collections.abc import Callable
from typing import Protocol

from burnish.adapters.publishing.git import AgentRepository
from burnish.domain.forges import ForgePullRequest, PullRequestDraft
from burnish.domain.proposals import PullRequest, PullRequestState
from burnish.errors import PublishError

__all__ = ["LocalForge", "PullRequestRecords"]


class PullRequestRecords(Protocol):
    """What the local forge reads of the store."""

    def list(self, agent: str | None = None, state: PullRequestState | None = None) -> list[PullRequest]:
        """Pull requests of an agent."""
        ...

    def find(self, agent: str, branch: str) -> PullRequest | None:
        """The newest pull request of a branch."""
        ...

    def next_number(self, agent: str) -> int:
        """A number that none has yet."""
        ...


class LocalForge:
    """Reads records and the repository; the record itself is written by whoever opens the pull request.

    A pull request is merged once its commit is part of the base branch, and closed once its branch is gone.
    """

    name = "local"

    def __init__(self, agent: str, records: PullRequestRecords, open_repository: Callable[[], AgentRepository]) -> None:
        self._agent = agent
        self._records = records
        self._open_repository = open_repository

    def find(self, branch: str) -> ForgePullRequest | None:
        """The recorded pull request of a branch."""
        record = self._records.find(self._agent, branch)
        if record is None or record.number is None:
            return None
        return ForgePullRequest(number=record.number, url=record.url, branch=branch, state=record.state)

    def open(self, draft: PullRequestDraft) -> ForgePullRequest:
        """Give it the next number."""
        found = self.find(draft.branch)
        if found is not None and found.state is PullRequestState.OPEN:
            return found
        number = self._records.next_number(self._agent)
        return ForgePullRequest(
            number=number, url=f"/pull-requests/{number}", branch=draft.branch, state=PullRequestState.OPEN
        )

    def update(self, number: int, title: str, body: str) -> None:
        """Nothing to tell: title and body stand in the record."""
        self._record(number)

    def comment(self, number: int, text: str) -> None:
        """Nobody reads comments here; the pages of burnish show the same facts."""
        self._record(number)

    def state(self, number: int) -> PullRequestState:
        """Look at the repository: merged, gone or open. What a person has closed stays closed."""
        record = self._record(number)
        if record.state is not PullRequestState.OPEN:
            return record.state
        with self._open_repository() as repository:
            if repository.is_merged(record.commit):
                return PullRequestState.MERGED
            gone = repository.remote_branch(record.branch) is None
        return PullRequestState.CLOSED if gone else PullRequestState.OPEN

    def _record(self, number: int) -> PullRequest:
        for record in self._records.list(self._agent):
            if record.number == number:
                return record
        raise PublishError(f"no pull request {number} of agent '{self._agent}' is recorded")
