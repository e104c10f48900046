"""The repository that the project's own files live in: where a changed judge goes."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from git import Repo
from git.exc import GitError, InvalidGitRepositoryError, NoSuchPathError

from burnish.adapters.publishing.transport import git_environment
from burnish.project import RepositoryConfig

__all__ = ["ProjectRepository", "find_project_repository", "patch_of"]

_GITHUB = re.compile(r"(?:https://github\.com/|git@github\.com:|ssh://git@github\.com/)([\w.-]+/[\w.-]+?)(?:\.git)?/?")


class ProjectRepository(NamedTuple):
    """`folder` is the project's path inside the repository, "" for its root, with a slash at the end otherwise."""

    config: RepositoryConfig
    folder: str


def find_project_repository(project: Path, agents: RepositoryConfig, *, token: bool) -> ProjectRepository | None:
    """The git repository that the project folder lies in; None where it lies in none or no branch is checked out.

    Its `origin` is where branches are pushed, or itself where it has none. Where that is the agent's own repository,
    everything is as for the agent's (`agents`); an origin on GitHub has its pull requests there where a `token` is set.
    The base is the branch that the origin names as its default, else the one that is checked out.
    """
    try:
        repo = Repo(project, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError):
        return None
    with repo:
        if repo.working_tree_dir is None:
            return None
        repo.git.update_environment(**git_environment("", None))
        root = Path(str(repo.working_tree_dir)).resolve()
        inside = project.resolve().relative_to(root).as_posix()
        folder = "" if inside == "." else f"{inside}/"
        url = _said(repo, "config", "--get", "remote.origin.url") or str(root)
        base = _said(repo, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
        base = base or _said(repo, "symbolic-ref", "--short", "HEAD")
    if not base:
        return None
    if "://" not in url and ":" not in url:
        url = str((root / url).resolve())
    if url in (agents.url, str((project / agents.url).resolve())):
        return ProjectRepository(agents, folder)
    github = _GITHUB.fullmatch(url)
    if github is not None and token:
        found = RepositoryConfig(url=url, base=base, forge="github", repository=github[1])
    else:
        found = RepositoryConfig(url=url, base=base)
    return ProjectRepository(found.model_copy(update={"labels": agents.labels}), folder)


def patch_of(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What `git apply` takes: the changed files as a unified diff."""
    pieces: list[str] = []
    for path in sorted(after):
        lines = difflib.unified_diff(
            before[path].splitlines(keepends=True), after[path].splitlines(keepends=True), f"a/{path}", f"b/{path}"
        )
        pieces.extend(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(pieces)


def _said(repo: Repo, command: str, *arguments: str) -> str:
    try:
        return str(getattr(repo.git, command.replace("-", "_"))(*arguments)).strip()
    except GitError:
        return ""
