"""GitHub through PyGithub, against a strict fake on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.github import TOKEN, FakeGitHub, fake_github
from support.repositories import bare_remote

from burnish.adapters.publishing.git import AgentRepository
from burnish.adapters.publishing.github import GitHubForge
from burnish.domain.forges import PullRequestDraft
from burnish.domain.proposals import PullRequestState
from burnish.errors import PublishError

DRAFT = PullRequestDraft(branch="burnish/a", base="main", title="Say it", body="Because.", labels=("burnish", "ai"))


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGitHub]:
    remote = bare_remote(tmp_path)
    with AgentRepository.open(str(remote), "main", tmp_path / "home") as repository:
        for name in ("burnish/a", "burnish/b"):
            repository.commit(name, repository.base_commit, {"prompts/router.md": name}, "m")
            repository.push(name)
    with fake_github(remote) as fake:
        yield fake


@pytest.fixture
def forge(github: FakeGitHub) -> Iterator[GitHubForge]:
    made = GitHubForge("acme/desk", TOKEN, api_url=github.url, seconds_between_writes=0, retries=0)
    yield made
    made.close()


def test_a_pull_request_is_opened_with_labels_and_found_again(github: FakeGitHub, forge: GitHubForge) -> None:
    """Opening twice opens one."""
    assert None is forge.find("burnish/a")
    opened = forge.open(DRAFT)
    assert opened == forge.open(DRAFT) == forge.find("burnish/a")
    assert (
        opened.number, opened.url, opened.state,
    ) == (1, "https://github.example/acme/desk/pull/1", PullRequestState.OPEN)  # fmt: skip
    assert list(github.pulls) == [1]
    assert [label["name"] for label in github.pulls[1]["labels"]] == ["burnish", "ai"]
    assert (github.pulls[1]["title"], github.pulls[1]["body"]) == ("Say it", "Because.")


def test_the_loser_of_a_race_takes_the_winners(github: FakeGitHub) -> None:
    """A 422 for a duplicate that appeared after the look-up is no failure."""

    class Late(GitHubForge):
        looked = 0

        def find(self, branch: str) -> "object":  # type: ignore[override]
            self.looked += 1
            return None if self.looked == 1 else super().find(branch)

    first = GitHubForge("acme/desk", TOKEN, api_url=github.url, seconds_between_writes=0, retries=0)
    late = Late("acme/desk", TOKEN, api_url=github.url, seconds_between_writes=0, retries=0)
    try:
        assert first.open(DRAFT) == late.open(DRAFT)
    finally:
        first.close()
        late.close()
    assert list(github.pulls) == [1]


def test_a_server_that_ignores_the_filter_does_not_mislead(github: FakeGitHub, forge: GitHubForge) -> None:
    """The head is compared on our side too."""
    github.ignore_head_filter = True
    forge.open(DRAFT.model_copy(update={"branch": "burnish/b"}))
    assert None is forge.find("burnish/a")


def test_an_open_pull_request_is_found_before_closed_ones(github: FakeGitHub, forge: GitHubForge) -> None:
    """A branch may have had one that was closed."""
    forge.open(DRAFT)
    github.close(1, merged=False)
    assert PullRequestState.CLOSED is forge.state(1)
    again = forge.open(DRAFT)
    assert (2, again) == (again.number, forge.find("burnish/a"))


def test_title_body_comments_and_state(github: FakeGitHub, forge: GitHubForge) -> None:
    """What publishing and verifying need later."""
    forge.open(DRAFT)
    forge.update(1, "New", "text")
    forge.comment(1, "measured again")
    github.close(1, merged=True)
    assert (
        github.pulls[1]["title"], github.pulls[1]["body"], github.comments[1], forge.state(1),
    ) == ("New", "text", ["measured again"], PullRequestState.MERGED)  # fmt: skip


def test_refusals_say_what_to_do_and_hide_the_token(github: FakeGitHub, forge: GitHubForge) -> None:
    """Status, GitHub's words and advice."""
    with pytest.raises(PublishError, match=r"422.*head or base invalid"):
        forge.open(DRAFT.model_copy(update={"branch": "burnish/none"}))
    with pytest.raises(PublishError, match=r"404.*no such repository"):
        forge.state(99)
    wrong = GitHubForge("acme/desk", "ghp_wrong", api_url=github.url, retries=0)
    with pytest.raises(PublishError, match=r"401.*BURNISH_GITHUB_TOKEN") as caught:
        wrong.find("burnish/a")
    wrong.close()
    assert "ghp_wrong" not in str(caught.value)


def test_a_server_that_is_away_is_a_publish_error() -> None:
    """Nothing of the connection library leaks through."""
    forge = GitHubForge("acme/desk", TOKEN, api_url="http://127.0.0.1:9/api/v3", retries=0, timeout_s=2)
    with pytest.raises(PublishError, match="cannot be reached"):
        forge.find("burnish/a")
    forge.close()


def test_a_repository_needs_owner_and_name() -> None:
    """Said when it is opened, before anything is sent."""
    with pytest.raises(PublishError, match="owner/name"):
        GitHubForge("desk", TOKEN)
