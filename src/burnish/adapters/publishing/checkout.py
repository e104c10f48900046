"""The agent's repository as it lies on disk, in CI or on a developer's machine, beside the version it is held against.

Both are taken into worktrees of our own: the working tree with what is not committed yet, ignored files left out, and
the base. So both arms run under the same conditions, and neither the checkout nor its index is touched: new objects go
to a repository in our home that borrows the checkout's.
"""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from git import Repo
from git.exc import GitError, InvalidGitRepositoryError, NoSuchPathError

from burnish.adapters.publishing.folders import alone
from burnish.adapters.publishing.git import AUTHOR, EMAIL, AgentRepository
from burnish.adapters.publishing.transport import git_environment, refusals
from burnish.domain.base import content_hash
from burnish.domain.experiments import AgentVersion
from burnish.errors import InputError, PublishError

__all__ = ["Checkout"]

_MOMENT = "2000-01-01T00:00:00Z"  # one content, one commit, whenever it is taken


class Checkout:
    """A working copy at `root`. Open it with `open`, use it in a `with` block.

    Every method raises PublishError where git refuses, with git's own words.
    """

    def __init__(self, repo: Repo, ours: Repo, home: Path) -> None:
        self._repo = repo
        self._ours = ours
        self._home = home
        self._repositories: dict[str, AgentRepository] = {}
        self.root = Path(str(repo.working_tree_dir)).resolve()

    @classmethod
    def open(cls, path: Path, home: Path) -> Self:
        """The working copy that `path` lies in. Raises InputError where it lies in none."""
        try:
            repo = Repo(path.expanduser().resolve(), search_parent_directories=True)
        except (InvalidGitRepositoryError, NoSuchPathError) as error:
            raise InputError(f"{path} is in no git repository; --repo names the agent's checkout") from error
        if repo.working_tree_dir is None:
            repo.close()
            raise InputError(f"{path} is a bare repository; --repo needs a checkout with files")
        folder = home.resolve() / "repositories" / f"checkout-{content_hash(str(repo.working_tree_dir))}.git"
        try:
            repo.git.update_environment(**git_environment("", None))
            with refusals(f"open {path}"), alone(folder):  # two gates at once make it once
                ours = Repo.init(folder, bare=True)
                ours.git.update_environment(**git_environment("", None))
                objects = Path(repo.git.rev_parse("--path-format=absolute", "--git-path", "objects"))
                (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
                alternates = folder / "objects" / "info" / "alternates"
                if not alternates.is_file() or alternates.read_text(encoding="utf-8") != f"{objects}\n":
                    alternates.write_text(f"{objects}\n", encoding="utf-8")  # empty for a moment: not under others
            return cls(repo, ours, home.resolve())
        except BaseException:
            repo.close()
            raise

    def close(self) -> None:
        """End the processes git keeps for us, and let others prune the folders of the versions."""
        for repository in self._repositories.values():
            repository.close()
        self._repo.close()
        self._ours.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def base(self, ref: str) -> AgentVersion:
        """Where the checkout left `ref`: their common ancestor, or `ref` itself where the history is too short to know.

        A branch that `ref` has moved on from is held against where it began, not against other people's work.
        """
        if ref.startswith("-"):
            raise InputError(f"'{ref}' is no branch, tag or commit")
        try:
            tip = str(self._repo.git.rev_parse("--verify", "--end-of-options", f"{ref}^{{commit}}")).split()[-1]
        except GitError as error:
            raise InputError(
                f"no '{ref}' in {self.root}; fetch it first (in CI: check out with the whole history, fetch-depth: 0), "
                "or name another --base, for example origin/main"
            ) from error
        try:
            commit = str(self._repo.git.merge_base("HEAD", tip)).split()[0]
        except (GitError, IndexError):
            commit = tip
        return self._version(commit, f"{ref} ({commit[:8]})")

    def snapshot(self, leave_out: Iterable[Path] = ()) -> AgentVersion:
        """The working tree as it is, with what is not committed; ignored files and those to leave out stay behind."""
        head = str(self._repo.git.rev_parse("HEAD"))
        tree = self._tree(leave_out)
        if tree == str(self._repo.git.rev_parse("HEAD^{tree}")):
            return self._version(head, f"HEAD ({head[:8]})")
        who = {
            f"GIT_{role}_{field}": value
            for role in ("AUTHOR", "COMMITTER")
            for field, value in (("NAME", AUTHOR), ("EMAIL", EMAIL), ("DATE", _MOMENT))
        }
        with refusals("take the working tree"), self._ours.git.custom_environment(**who):
            commit = str(self._ours.git.commit_tree(tree, "-p", head, "-m", "The working tree"))
        return self._version(commit, f"working tree on {head[:8]}")

    def files(self, version: AgentVersion, folder: str) -> dict[str, str]:
        """Text files below `folder` of a version, by path."""
        return self._repository(version.commit).read_files((f"{folder.strip('/')}/**",), version.commit)

    def _tree(self, leave_out: Iterable[Path]) -> str:
        with refusals("take the working tree"), tempfile.TemporaryDirectory(prefix="burnish-index-") as folder:
            index = Path(folder) / "index"
            theirs = Path(self._repo.git.rev_parse("--path-format=absolute", "--git-path", "index"))
            if theirs.is_file():
                # What git knows of unchanged files is worth having. With its time: a file as old as the index is looked
                # into, a file older than it is not.
                shutil.copy2(theirs, index)
            objects = Path(self._repo.git.rev_parse("--path-format=absolute", "--git-path", "objects"))
            environment = {
                "GIT_INDEX_FILE": str(index),
                "GIT_OBJECT_DIRECTORY": str(Path(self._ours.git_dir) / "objects"),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
            }
            inside = [self._inside(path) for path in (*leave_out, self._home)]
            away = [f":(exclude,top,literal){path}" for path in inside if path is not None and not self._ignored(path)]
            with self._repo.git.custom_environment(**environment):
                self._repo.git.add("--all", "--", ":(top)", *away)
                return str(self._repo.git.write_tree())

    def _ignored(self, path: str) -> bool:
        """Whether git leaves it out anyway: it takes offence at ignored paths, also where they are to be left out."""
        status, *_ = self._repo.git.check_ignore(
            "--quiet", "--", str(self.root / path), with_extended_output=True, with_exceptions=False
        )
        return int(status) == 0

    def _inside(self, path: Path) -> str | None:
        place = path.expanduser().resolve()
        # git refuses a pathspec of the root itself, and what lies outside is not in the way.
        return (
            place.relative_to(self.root).as_posix() if place != self.root and place.is_relative_to(self.root) else None
        )

    def _version(self, commit: str, label: str) -> AgentVersion:
        repository = self._repository(commit)
        with refusals(f"look up {commit[:12]}"):
            tree = str(self._ours.git.rev_parse(f"{commit}^{{tree}}"))
        # By content, not by commit: committing what was measured changes nothing about it.
        return repository.worktree(content_hash("tree", tree), commit, (), label)

    def _repository(self, commit: str) -> AgentRepository:
        if commit not in self._repositories:
            name = "checkout"
            with alone(Path(self._ours.git_dir)):
                with refusals("look up the base"):
                    self._ours.git.update_ref(f"refs/upstream/{name}", commit)
                try:
                    self._repositories[commit] = AgentRepository(self._ours, str(self.root), name, self._home, ("**",))
                except PublishError as error:
                    raise PublishError(f"commit {commit[:12]} of {self.root} cannot be read: {error}") from error
        return self._repositories[commit]
