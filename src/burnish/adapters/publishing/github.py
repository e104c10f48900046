"""Pull requests on GitHub and GitHub Enterprise, through PyGithub."""

import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from burnish.domain.forges import ForgePullRequest, PullRequestDraft
from burnish.domain.proposals import PullRequestState
from burnish.errors import PublishError

if TYPE_CHECKING:
    from github.PullRequest import PullRequest as GitHubPullRequest
    from github.Repository import Repository

__all__ = ["GitHubForge"]

API_URL = "https://api.github.com"

_ADVICE = {
    401: "the token is not accepted; set BURNISH_GITHUB_TOKEN",
    403: "the token may not do this; it needs read and write on contents and pull requests",
    404: "no such repository for this token; check [repository] repository = 'owner/name' and the token's access",
    410: "pull requests are switched off in this repository",
}


class GitHubForge:
    """One repository on GitHub. `api_url` is `https://host/api/v3` on Enterprise.

    GitHub asks clients to leave a second between writes (`seconds_between_writes`). Nothing is sent before the first
    call.
    """

    name = "github"

    def __init__(
        self,
        repository: str,
        token: str,
        *,
        api_url: str | None = None,
        seconds_between_writes: float = 1.0,
        retries: int = 3,
        timeout_s: int = 30,
    ) -> None:
        from github import Auth, Github

        if repository.count("/") != 1 or not all(repository.split("/")):
            raise PublishError(f"'{repository}' is no GitHub repository; write [repository] repository = 'owner/name'")
        self._owner = repository.split("/")[0]
        self._client = Github(
            auth=Auth.Token(token),
            base_url=api_url or API_URL,
            timeout=timeout_s,
            retry=retries,
            seconds_between_requests=None,
            seconds_between_writes=seconds_between_writes,
        )
        self._repository_name = repository

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def find(self, branch: str) -> ForgePullRequest | None:
        """The pull request from `branch`; GitHub's filter is checked here too, since its imitators ignore it."""
        with _refusals(f"look for a pull request from {branch}"):
            asked = self._repository.get_pulls(state="all", head=f"{self._owner}:{branch}")
            found = [_seen(item) for item in asked if item.head.ref == branch]
        return min(found, key=lambda item: (item.state is not PullRequestState.OPEN, -item.number), default=None)

    def open(self, draft: PullRequestDraft) -> ForgePullRequest:
        """Open, then label. Two processes at once open one: the loser finds the winner's.

        One that is open already gets the labels too: its maker may have been killed before it came to them.
        """
        found = self.find(draft.branch)
        if found is not None and found.state is PullRequestState.OPEN:
            with _refusals(f"label pull request {found.number}"):
                if draft.labels:
                    self._repository.get_pull(found.number).add_to_labels(*draft.labels)
            return found
        from github import GithubException

        with _refusals(f"open a pull request from {draft.branch}"):
            try:
                made = self._repository.create_pull(
                    base=draft.base, head=draft.branch, title=draft.title, body=draft.body
                )
            except GithubException as error:
                found = self.find(draft.branch) if error.status == 422 else None
                if found is None or found.state is not PullRequestState.OPEN:
                    raise
                return found
            if draft.labels:
                made.add_to_labels(*draft.labels)
            return _seen(made)

    def update(self, number: int, title: str, body: str) -> None:
        """Replace title and body."""
        with _refusals(f"update pull request {number}"):
            self._repository.get_pull(number).edit(title=title, body=body)

    def comment(self, number: int, text: str) -> None:
        """Comment on the conversation."""
        with _refusals(f"comment on pull request {number}"):
            self._repository.get_pull(number).create_issue_comment(text)

    def state(self, number: int) -> PullRequestState:
        """Ask GitHub."""
        with _refusals(f"look up pull request {number}"):
            return _state(self._repository.get_pull(number))

    @cached_property
    def _repository(self) -> "Repository":
        return self._client.get_repo(self._repository_name)


def _seen(item: "GitHubPullRequest") -> ForgePullRequest:
    return ForgePullRequest(number=item.number, url=item.html_url, branch=item.head.ref, state=_state(item))


def _state(item: "GitHubPullRequest") -> PullRequestState:
    if item.merged_at is not None:
        return PullRequestState.MERGED
    return PullRequestState.OPEN if item.state == "open" else PullRequestState.CLOSED


@contextlib.contextmanager
def _refusals(doing: str) -> Iterator[None]:
    """Turn PyGithub's and the connection's errors into ours; neither holds the token."""
    from github import GithubException
    from requests.exceptions import RequestException

    try:
        yield
    except GithubException as error:
        said = error.message or (error.data.get("message", "") if isinstance(error.data, dict) else "")
        advice = _ADVICE.get(error.status, str(error.data)[:300] if error.status == 422 else "try again later")
        raise PublishError(f"cannot {doing}: GitHub answers {error.status} {said}: {advice}") from error
    except RequestException as error:
        raise PublishError(f"cannot {doing}: GitHub cannot be reached: {error}") from error
