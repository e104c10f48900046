"""What is known of a file without reading it."""

from typing import NamedTuple

__all__ = ["FileState"]


class FileState(NamedTuple):
    """A file with its size in bytes and when it was last changed, in nanoseconds since 1970."""

    path: str
    size: int
    mtime_ns: int
