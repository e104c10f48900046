"""Piles of files, read once: what was read whole and has not changed since is left alone.

A file counts as read once all that it held is stored. One that was changed within two seconds of being looked at, or
while it was read, may change again without showing it in size and time, and is read again next time; what it held is
known by then.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from burnish.adapters.sources.base import Batch, ReadsFiles
from burnish.domain.base import utc_now
from burnish.domain.files import FileState

__all__ = ["ReadFiles", "UnreadFiles"]

_FRESH_NS = 2 * 10**9  # file systems may keep times no finer than this


class ReadFiles(Protocol):
    """The store's record of read files."""

    def known(self, agent: str, source: str, /) -> set[FileState]:
        """The states in which files were read."""
        ...

    def add(self, agent: str, source: str, states: Iterable[FileState], read_at: datetime, /) -> None:
        """Remember that files were read."""
        ...


class UnreadFiles:
    """A source that yields what its files hold beyond those that were read before.

    Whoever reads it calls `written` whenever everything yielded so far is stored, and once more at the end. `again`
    reads known files too. `key` tells apart the same files read under other settings. `left_alone` counts the files
    that were known.
    """

    def __init__(
        self,
        source: ReadsFiles,
        agent: str,
        key: str,
        book: ReadFiles,
        *,
        again: bool = False,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = source.name
        self.left_alone = 0
        self._source = source
        self._agent = agent
        self._key = key
        self._book = book
        self._again = again
        self._clock_ns = clock_ns
        self._done: list[FileState] = []

    def read(self) -> Iterator[Batch]:
        """Yield what is in new and changed files, file by file."""
        files, problems = self._source.files()
        if problems:
            yield Batch([], problems)
        known = set() if self._again else self._book.known(self._agent, self._key)
        for file in files:
            looked_at, before = self._clock_ns(), _state(file)
            if before is not None and before in known:
                self.left_alone += 1
                continue
            yield from self._source.read_file(file)
            settled = before is not None and before.mtime_ns + _FRESH_NS < looked_at
            if before is not None and settled and before == _state(file) and os.access(file, os.R_OK):
                self._done.append(before)

    def written(self) -> None:
        """Everything yielded so far is stored: remember the files that were read to their end."""
        if self._done:
            self._book.add(self._agent, self._key, self._done, utc_now())
        self._done.clear()


def _state(path: Path) -> FileState | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return FileState(str(path), found.st_size, found.st_mtime_ns)
