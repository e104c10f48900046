"""What a source is: something that yields batches of traces, and says what it could not read."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from burnish.domain.base import Value
from burnish.domain.traces import Trace

__all__ = ["Batch", "Problem", "Source"]


class Problem(Value):
    """One piece of input that could not become a trace; its neighbours are kept.

    `where` names the file and line, or the span; `reason` says what is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class Batch(NamedTuple):
    """Traces that were read together, and the problems met while reading them."""

    traces: list[Trace]
    problems: list[Problem]


class Source(Protocol):
    """Where traces come from.

    `read` may yield the same trace in several batches, each with other spans of it: the store joins them by id.
    It never holds more than a batch in memory.
    """

    @property
    def name(self) -> str:
        """What `Trace.source` says of the traces read here."""
        ...

    def read(self) -> Iterator[Batch]:
        """Yield what there is, oldest file first; unreadable pieces come as problems, not as exceptions."""
        ...
