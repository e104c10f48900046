"""Folders for the versions under test, and who may touch them.

Agents write into the folder they run in, and a reused one is swept first, so no two users share one: whoever comes
while a version's folder is taken gets another. The system gives locks back when their holder dies.
"""

import contextlib
import fcntl
import itertools
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

__all__ = ["VersionFolders", "alone"]


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make `folder` and keep others who ask the same way out of it while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "burnish.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class VersionFolders:
    """The folders below `root` as one user of them sees them; what it takes is its own until `close`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._using: IO[str] | None = None  # shared by all who have a folder, exclusive while pruning
        self._taken: dict[str, tuple[Path, IO[str]]] = {}

    def take(self, version_id: str) -> Path:
        """The folder for a version: the first of `id`, `id~2`, `id~3`, … that nobody else has. It may hold anything."""
        fcntl.flock(self._lock(), fcntl.LOCK_SH)
        if version_id not in self._taken:
            names = (version_id if number == 1 else f"{version_id}~{number}" for number in itertools.count(1))
            self._taken[version_id] = next(taken for name in names if (taken := self._try(name)) is not None)
        return self._taken[version_id][0]

    def prune(self, keep: Collection[str]) -> list[str]:
        """Remove the folders of the versions that are not in `keep`; their names. None while another user has any."""
        lock = self._lock()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_SH)  # the failed try gave up what we held
            return []
        try:
            folders = [path for path in self.root.iterdir() if path.is_dir() and not path.is_symlink()]
            removed = [path for path in folders if path.name.partition("~")[0] not in keep]
            for path in removed:
                shutil.rmtree(path)
                self._lock_file(path.name).unlink(missing_ok=True)  # nobody waits for it: that takes the shared lock
            for version_id in self._taken.keys() - keep:
                self._taken.pop(version_id)[1].close()
        finally:
            fcntl.flock(lock, fcntl.LOCK_SH)
        return sorted(path.name for path in removed)

    def close(self) -> None:
        """Give back what was taken, and let others prune."""
        for _, lock in self._taken.values():
            lock.close()
        self._taken.clear()
        if self._using is not None:
            self._using.close()
            self._using = None

    def _try(self, name: str) -> tuple[Path, IO[str]] | None:
        lock = self._lock_file(name).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return self.root / name, lock

    def _lock_file(self, name: str) -> Path:
        return self.root / f".{name}.lock"

    def _lock(self) -> IO[str]:
        if self._using is None:
            self.root.mkdir(parents=True, exist_ok=True)
            self._using = (self.root / ".lock").open("w")
        return self._using
