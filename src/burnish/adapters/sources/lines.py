"""Lines of a file that nobody vouches for: a line without an end must not fill the memory."""

from collections.abc import Iterator
from io import BufferedIOBase

__all__ = ["MAX_LINE_BYTES", "read_lines"]

MAX_LINE_BYTES = 64 * 2**20


def read_lines(file: BufferedIOBase, max_bytes: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines that are not blank with their numbers from 1; None stands for one longer than `max_bytes`."""
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes:
            while line and not line.endswith(b"\n"):
                line = file.readline(max_bytes)
            yield number, None
        elif line.strip():
            yield number, line
