"""How many export requests are held at once: what comes on top is turned away before it is read."""

from types import TracebackType
from typing import Self

__all__ = ["Intake", "Place"]


class Intake:
    """Room for so many requests and so many bytes. Used on the event loop alone, so that nothing needs a lock."""

    def __init__(self, requests: int, size: int) -> None:
        self._requests = requests
        self._room = size

    @property
    def free(self) -> int:
        """How many more requests there is a place for."""
        return self._requests

    def place(self, declared: int) -> "Place | None":
        """A place for a request that says it has `declared` bytes, 0 where it does not; None where there is no room.

        Room is taken as the bytes come in: who declares much and sends nothing keeps nobody out.
        """
        if self._requests <= 0 or declared > self._room:
            return None
        self._requests -= 1
        return Place(self)

    def take(self, size: int) -> bool:
        """Take room for so many bytes, if there is."""
        if size > self._room:
            return False
        self._room -= size
        return True

    def leave(self, size: int) -> None:
        """A request of so many bytes is done."""
        self._room += size
        self._requests += 1


class Place:
    """A request's place; leaves it at the end of its `with` block."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._intake.leave(self._size)

    def holds(self, size: int) -> bool:
        """Whether there is room for `size` bytes in all; takes what is more than before."""
        if not self._intake.take(size - self._size):
            return False
        self._size = size
        return True
