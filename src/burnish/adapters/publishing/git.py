"""The agent's repository: a bare copy in our home, worktrees for the versions under test, branches for pull requests.

GitPython only runs the commands here. Nothing of the agent's runs: no hooks, no prompts for passwords, and tokens
travel in the environment, never in a URL or a file.
"""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from git import Repo
from git.exc import GitError

from burnish.adapters.publishing.folders import VersionFolders, alone
from burnish.adapters.publishing.transport import check_branch, git_environment, refusals, resolve_url
from burnish.domain.base import content_hash
from burnish.domain.experiments import AgentVersion
from burnish.domain.prompts import apply_edits, check_path, is_allowed
from burnish.domain.proposals import Edit
from burnish.errors import InputError, PublishError

__all__ = ["BRANCH_PREFIX", "AgentRepository"]

BRANCH_PREFIX = "burnish/"
AUTHOR = "burnish"
EMAIL = "burnish@localhost"
READ_LIMIT = 1_000_000

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


class AgentRepository:
    """One agent's repository. Open it with `open`, use it in a `with` block: an unclosed one keeps processes alive.

    Every method raises PublishError where git refuses, with git's own words.
    """

    def __init__(self, repo: Repo, url: str, base: str, home: Path, files: tuple[str, ...]) -> None:
        self._repo = repo
        self._files = files
        self._folders = VersionFolders(home / "worktrees")
        self.url = url
        self.base = base
        self.base_commit = self._resolve(f"refs/upstream/{base}")

    @classmethod
    def open(
        cls,
        url: str,
        base: str,
        home: Path,
        *,
        project: Path | None = None,
        files: Sequence[str] = ("**",),
        token: str | None = None,
        fetch: bool = True,
    ) -> Self:
        """Clone or fetch `url` into `home/repositories` and look up the head of `base`.

        `files` are the globs that edits may touch. `token` is sent to https hosts only.
        """
        check_branch(base)
        source = resolve_url(url, project or Path.cwd())
        folder = home.resolve() / "repositories" / f"{content_hash(source)}.git"
        # Agents of one repository share the copy; git itself refuses where two write the same file of it at once.
        with refusals(f"open {source}"), alone(folder):
            repo = Repo.init(folder, bare=True)
            try:
                repo.git.update_environment(**git_environment(source, token))
                with refusals(f"fetch {source}"):
                    if fetch:
                        # The URL goes on the command line each time: a changed project never meets an old one.
                        repo.git.fetch("--prune", "--no-tags", "--", source, "+refs/heads/*:refs/upstream/*")
                    return cls(repo, source, base, home.resolve(), tuple(files))
            except BaseException:
                repo.close()
                raise

    def close(self) -> None:
        """End the processes git keeps for us, and let others have or prune the folders we used."""
        self._repo.close()
        self._folders.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read_files(self, globs: Iterable[str] | None = None, commit: str | None = None) -> dict[str, str]:
        """Text files of a commit (the base's by default) by path, of those that match `globs` (`files` by default).

        Links, submodules, files over a megabyte and files that are not UTF-8 are left out: no edit can touch them.
        """
        patterns = tuple(globs) if globs is not None else self._files
        wanted = self._commit(commit)
        found: dict[str, str] = {}
        with refusals("list the files"):
            for mode, blob, path in self._entries(wanted):
                if mode in ("100644", "100755") and is_allowed(path, patterns):
                    with contextlib.suppress(UnicodeDecodeError):
                        data = self._blob(blob)
                        if len(data) <= READ_LIMIT:
                            found[path] = data.decode("utf-8")
        return found

    def worktree(self, version_id: str, commit: str, edits: Sequence[Edit], label: str = "") -> AgentVersion:
        """The files of `commit` with `edits` applied, in a folder of their own; one that is there and intact is reused.

        Nobody else is given it, sweeps or prunes it before `close`. Raises EditError where the edits do not apply to
        that commit.
        """
        if not _NAME.fullmatch(version_id):
            raise PublishError(f"'{version_id}' is no version id; use letters, digits, '.', '_' and '-'")
        wanted = self._commit(commit)
        changed = apply_edits(self.read_files(commit=wanted), edits, self._files) if edits else {}
        with refusals(f"check out {wanted[:12]}"):
            root = self._folders.take(version_id)
            version = AgentVersion(
                id=version_id, root=root, commit=wanted, label=label or ("edited" if edits else "baseline")
            )
            if self._intact(root, wanted, changed):
                return version
            with alone(Path(self._repo.git_dir)):
                self._discard(root)
                self._repo.git.worktree("add", "--detach", "--force", "--", str(root), wanted)
            for path, text in changed.items():
                _write(root, path, text)
        return version

    def remove(self, version_id: str) -> None:
        """Remove our folder of a version, if it is there."""
        if not _NAME.fullmatch(version_id):
            raise PublishError(f"'{version_id}' is no version id")
        with refusals("remove a worktree"), alone(Path(self._repo.git_dir)):
            self._discard(self._folders.take(version_id))

    def prune(self, keep: Collection[str]) -> list[str]:
        """Remove the versions' folders in our home but those in `keep`, whatever repository they are of; their names.

        Nothing is removed while another night uses any of them: the next one will. A version that is asked for again
        is checked out again. What a killed process left behind, half a folder too, is removed with the rest.
        """
        with refusals("prune worktrees"):
            removed = self._folders.prune(keep)
            if removed:
                self._repo.git.worktree("prune")
        return removed

    def commit(
        self, branch: str, base_commit: str, files: Mapping[str, str], message: str, moment: datetime | None = None
    ) -> str:
        """Put `files` (whole texts by path) on top of `base_commit` as the only commit of `branch`; returns its id.

        The same files, message and `moment` (by default the base commit's own time) give the same commit. No hooks
        run: the commit is made without a working copy.
        """
        check_branch(branch)
        parent = self._commit(base_commit)
        with refusals(f"commit to {branch}"), tempfile.TemporaryDirectory(prefix="burnish-index-") as folder:
            modes = {path: mode for mode, _, path in self._entries(parent)}
            when = moment.isoformat() if moment else self._repo.git.show("-s", "--format=%cI", parent)
            index = {
                "GIT_INDEX_FILE": str(Path(folder) / "index"),
                "GIT_AUTHOR_NAME": AUTHOR,
                "GIT_AUTHOR_EMAIL": EMAIL,
                "GIT_AUTHOR_DATE": when,
                "GIT_COMMITTER_NAME": AUTHOR,
                "GIT_COMMITTER_EMAIL": EMAIL,
                "GIT_COMMITTER_DATE": when,
            }
            with self._repo.git.custom_environment(**index):
                self._repo.git.read_tree(parent)
                for path, text in sorted(files.items()):
                    mode = _mode(path, modes)
                    (Path(folder) / "blob").write_bytes(text.encode("utf-8"))
                    blob = self._repo.git.hash_object("-w", "--no-filters", "--", str(Path(folder) / "blob"))
                    self._repo.git.update_index("--add", "--cacheinfo", f"{mode},{blob},{path}")
                tree = self._repo.git.write_tree()
                (Path(folder) / "message").write_text(message, encoding="utf-8")
                sha = str(self._repo.git.commit_tree(tree, "-p", parent, "-F", str(Path(folder) / "message")))
            self._repo.git.update_ref(f"refs/heads/{branch}", sha)
            return sha

    def push(self, branch: str) -> None:
        """Push one of our own branches. One that the remote has at the same commit already is left as it is.

        Raises PublishError where somebody else has committed to it: their work is never overwritten.
        """
        check_branch(branch)
        if not branch.startswith(BRANCH_PREFIX):
            raise PublishError(f"'{branch}' is not ours to push; burnish pushes to {BRANCH_PREFIX}… only")
        ref = f"refs/heads/{branch}"
        ours = self._resolve(ref)
        with refusals(f"push {branch}"):
            theirs = self._remote_head(ref)
            if theirs == ours:
                return
            if theirs and not self._is_ours(ref, theirs):
                raise PublishError(f"'{branch}' holds commits of other people; close its pull request or rename it")
            # The command itself, not GitPython's Remote.push: that one returns normally when the push is rejected.
            self._repo.git.push("--porcelain", f"--force-with-lease={ref}:{theirs}", "--", self.url, f"{ours}:{ref}")

    def remote_branch(self, branch: str) -> str | None:
        """The commit `branch` has on the remote now, or None."""
        check_branch(branch)
        with refusals(f"look up {branch}"):
            return self._remote_head(f"refs/heads/{branch}") or None

    def is_merged(self, commit: str) -> bool:
        """Whether `commit` is part of the base branch, as last fetched."""
        wanted = self._commit(commit)
        with refusals("compare commits"):
            status, *_ = self._repo.git.merge_base(
                "--is-ancestor", wanted, self.base_commit, with_extended_output=True, with_exceptions=False
            )
        return int(status) == 0

    def _remote_head(self, ref: str) -> str:
        line = str(self._repo.git.ls_remote("--", self.url, ref)).strip()
        return line.split("\t")[0] if line else ""

    def _is_ours(self, ref: str, head: str) -> bool:
        """Whether every commit the remote's branch has beyond the base is one burnish made."""
        self._repo.git.fetch("--no-tags", "--", self.url, ref)
        emails = self._repo.git.log("--format=%ce", f"{self.base_commit}..{head}", "--").split()
        return all(email == EMAIL for email in emails)

    def _resolve(self, ref: str) -> str:
        with refusals(f"find '{ref.split('/', 3)[-1]}' in {self.url}"):
            return str(self._repo.git.rev_parse("--verify", "--end-of-options", f"{ref}^{{commit}}")).split()[-1]

    def _commit(self, commit: str | None) -> str:
        if commit is None:
            return self.base_commit
        if not _SHA.fullmatch(commit):
            raise PublishError(f"'{commit}' is not a whole commit id")
        return commit

    def _entries(self, commit: str) -> Iterator[tuple[str, str, str]]:
        """Mode, object and path of everything in a commit."""
        listing = self._repo.git.ls_tree("-r", "-z", "--full-tree", commit, stdout_as_string=False)
        for entry in listing.split(b"\0"):
            if entry:
                facts, _, path = entry.partition(b"\t")
                mode, _, blob = facts.decode().split(" ")
                yield mode, blob, path.decode("utf-8", "surrogateescape")

    def _blob(self, blob: str) -> bytes:
        data: bytes = self._repo.git.cat_file("blob", blob, stdout_as_string=False, strip_newline_in_stdout=False)
        return data

    def _intact(self, root: Path, commit: str, changed: Mapping[str, str]) -> bool:
        """Whether a folder holds exactly the commit with the edits. What an agent left lying about is swept away."""
        if not (root / ".git").is_file():
            return False
        try:
            with Repo(root) as tree:
                tree.git.update_environment(**git_environment(self.url, None))
                if tree.git.rev_parse("HEAD") != commit:
                    return False
                tree.git.clean("-ffdxq")
                listing = tree.git.diff("HEAD", "--name-only", "-z", "--no-ext-diff", "--no-textconv", "--")
                if {path for path in listing.split("\0") if path} != set(changed):
                    return False
            return all(
                (root / path).read_bytes() == text.encode("utf-8") and not (root / path).is_symlink()
                for path, text in changed.items()
            )
        except (GitError, ValueError, OSError):
            return False

    def _discard(self, root: Path) -> None:
        if root.exists():
            shutil.rmtree(root)
        self._repo.git.worktree("prune")


def _mode(path: str, modes: Mapping[str, str]) -> str:
    """The mode a path has or gets. Raises PublishError where a link or a submodule stands in its way."""
    check_path(path)
    parts = path.split("/")
    for depth in range(1, len(parts)):
        if "/".join(parts[:depth]) in modes:
            raise PublishError(
                f"'{'/'.join(parts[:depth])}' is no folder in the repository; '{path}' cannot be written"
            )
    mode = modes.get(path, "100644")
    if mode not in ("100644", "100755"):
        raise PublishError(f"'{path}' is a link or a submodule in the repository; burnish changes plain files only")
    return mode


def _write(root: Path, path: str, text: str) -> None:
    """Write a file of a worktree without following links out of it."""
    check_path(path)
    place = root / path
    if not place.parent.resolve().is_relative_to(root.resolve()) or place.is_symlink():
        raise InputError(f"'{path}' goes through a link; burnish changes plain files only")
    place.write_bytes(text.encode("utf-8"))
