"""The forge port: what publishing asks of GitHub, or of the local stand-in."""

from typing import Protocol

from burnish.domain.base import Value
from burnish.domain.proposals import PullRequestState

__all__ = ["Forge", "ForgePullRequest", "PullRequestDraft"]


class PullRequestDraft(Value):
    """A pull request to open: `branch` is already pushed and has commits that `base` has not."""

    branch: str
    base: str
    title: str
    body: str
    labels: tuple[str, ...] = ()


class ForgePullRequest(Value):
    """A pull request as the forge knows it."""

    number: int
    url: str
    branch: str
    state: PullRequestState


class Forge(Protocol):
    """Where pull requests live. Every method raises PublishError where the forge refuses or cannot be reached."""

    @property
    def name(self) -> str:
        """The kind of forge: local or github."""
        ...

    def find(self, branch: str) -> ForgePullRequest | None:
        """The pull request from `branch`, an open one before closed ones, or None."""
        ...

    def open(self, draft: PullRequestDraft) -> ForgePullRequest:
        """Open a pull request and label it; where one from the branch is open already, return that one."""
        ...

    def update(self, number: int, title: str, body: str) -> None:
        """Replace title and body."""
        ...

    def comment(self, number: int, text: str) -> None:
        """Say something on the pull request."""
        ...

    def state(self, number: int) -> PullRequestState:
        """Whether it is open, merged or closed."""
        ...
