"""Make a folder a repository with a bare remote: how the demo's agent comes to have what a team has already."""

import shutil
from pathlib import Path

from git import Actor, Repo

from burnish.adapters.publishing.transport import git_environment, refusals

__all__ = ["create_repository"]


def create_repository(source: Path, checkout: Path, remote: Path, message: str, *, branch: str = "main") -> str:
    """Copy `source` to `checkout`, commit it there, push it to a new bare `remote`, and return the commit.

    The remote appears last, whole: a copy left half-way by a kill is made again. Raises PublishError where git refuses.
    """
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".pytest_cache", ".ruff_cache", "burnish")
    if checkout.exists():
        shutil.rmtree(checkout)
    draft = remote.with_name(f"{remote.name}.partial")
    if draft.exists():
        shutil.rmtree(draft)
    shutil.copytree(source, checkout, ignore=ignored)
    author = Actor("Support desk team", "desk@localhost")
    with refusals(f"make a repository of {checkout}"), Repo.init(checkout, initial_branch=branch) as repo:
        repo.git.update_environment(**git_environment(str(remote), None))
        repo.git.add("--all")
        commit = repo.index.commit(message, author=author, committer=author, skip_hooks=True)
        with Repo.init(draft, bare=True, initial_branch=branch):
            pass
        repo.create_remote("origin", str(draft)).push(f"{branch}:{branch}").raise_if_error()
        draft.rename(remote)
        repo.remote("origin").set_url(str(remote))
        return commit.hexsha
