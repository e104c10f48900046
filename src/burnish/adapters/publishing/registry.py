"""The forge that an agent's file names."""

from pathlib import Path

from burnish.adapters.publishing.git import AgentRepository
from burnish.adapters.publishing.github import GitHubForge
from burnish.adapters.publishing.local import LocalForge, PullRequestRecords
from burnish.domain.forges import Forge
from burnish.errors import ConfigError
from burnish.project import AgentConfig
from burnish.settings import Settings

__all__ = ["open_forge", "open_repository"]


def open_repository(config: AgentConfig, settings: Settings, *, fetch: bool = True) -> AgentRepository:
    """The agent's repository, with what may change in it and the token for its host.

    Raises PublishError where it cannot be fetched.
    """
    token = settings.github_token if config.repository.forge == "github" else None
    return AgentRepository.open(
        config.repository.url,
        config.repository.base,
        settings.home_dir,
        project=Path(settings.project).expanduser().resolve(),
        files=config.improve.files,
        token=token.get_secret_value() if token is not None else None,
        fetch=fetch,
    )


def open_forge(config: AgentConfig, records: PullRequestRecords, settings: Settings) -> Forge:
    """Where the agent's pull requests live. `records` is the store's list of them.

    Raises ConfigError where GitHub's repository or token is missing.
    """
    if config.repository.forge == "local":
        return LocalForge(config.name, records, lambda: open_repository(config, settings))
    if config.repository.repository is None:
        raise ConfigError(f"agent '{config.name}': forge = 'github' needs [repository] repository = 'owner/name'")
    if settings.github_token is None:
        raise ConfigError(f"agent '{config.name}': forge = 'github' needs BURNISH_GITHUB_TOKEN")
    return GitHubForge(
        config.repository.repository, settings.github_token.get_secret_value(), api_url=config.repository.api_url
    )
