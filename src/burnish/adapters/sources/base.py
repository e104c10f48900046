"""What a source is: something that yields batches of traces, and says what it could not read.

`Source` is a pile that is read from one end to the other; where it is one of files, `ReadsFiles` lets those that have
not changed be left alone. `WindowedSource` is a store that can be asked for a span of time. What else a store can do is
a protocol each: `HearsPeople`, `Annotates`. A class takes part by having the methods; `burnish.loop.pull` asks with
isinstance.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from burnish.domain.base import UtcDatetime, Value
from burnish.domain.feedback import Feedback
from burnish.domain.traces import Trace

__all__ = [
    "Annotates",
    "Annotation",
    "Batch",
    "HearsPeople",
    "KnownTrace",
    "Problem",
    "ReadsFiles",
    "Source",
    "Window",
    "WindowedSource",
    "Written",
]


class Problem(Value):
    """One piece of input that could not become a trace; its neighbours are kept.

    `where` names the file and line, or the span; `reason` says what is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class Batch(NamedTuple):
    """Traces that were read together, the problems met while reading them, and feedback that came along."""

    traces: list[Trace]
    problems: list[Problem]
    feedback: Sequence[Feedback] = ()

    @classmethod
    def of_feedback(cls, found: Iterable[Feedback | Problem | None]) -> "Batch":
        """What mapping one answer's feedback gave, item by item; None is what was not meant for us."""
        items = [one for one in found if one is not None]
        feedback = [one for one in items if isinstance(one, Feedback)]
        return cls([], [one for one in items if isinstance(one, Problem)], feedback)


class Window(Value):
    """A half-open span of time [start, end) of when spans or traces started; without an end, up to what there is."""

    start: UtcDatetime
    end: UtcDatetime | None = None


class KnownTrace(NamedTuple):
    """A stored trace, as far as asking for the feedback on it needs it."""

    trace_id: str
    span_ids: Sequence[str]


@runtime_checkable
class Source(Protocol):
    """Where traces come from, read whole.

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


@runtime_checkable
class ReadsFiles(Protocol):
    """A pile of files that can be read one by one."""

    @property
    def name(self) -> str:
        """What `Trace.source` says of the traces read here."""
        ...

    def files(self) -> tuple[list[Path], list[Problem]]:
        """The files that there are now, in the order of reading, and what is wrong with where they are looked for."""
        ...

    def read_file(self, path: Path) -> Iterator[Batch]:
        """Yield what one of them holds; unreadable pieces come as problems, not as exceptions."""
        ...


@runtime_checkable
class WindowedSource(Protocol):
    """A store of traces that is asked for what started in a window. Synchronous; called from one thread."""

    @property
    def name(self) -> str:
        """What `Trace.source` says of the traces read here."""
        ...

    def read_window(self, window: Window) -> Iterator[Batch]:
        """Yield what started in the window, a page a batch, in any order, spans of a trace in as many as it takes.

        Transient failures are retried inside. Raises SourceError where the store cannot be read on; what was yielded
        before is kept, and the window is asked for again next time.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@runtime_checkable
class HearsPeople(Protocol):
    """A store whose feedback can be asked for apart from its traces."""

    def read_feedback(self, since: datetime, known: Iterable[KnownTrace]) -> Iterator[Batch]:
        """Yield feedback written since then, and more: the store drops what it knows.

        `known` are the stored traces of the last days, newest first, for stores that must be asked trace by trace.
        Leaves out what `annotate` wrote. Raises SourceError.
        """
        ...


class Annotation(Value):
    """Feedback to write back, and what the store called it when it was written before."""

    feedback: Feedback
    remote_id: str | None = None


class Written(Value):
    """What became of an annotation: the store's id for it, or why it did not take it."""

    feedback_id: str
    remote_id: str | None = None
    problem: str | None = None


@runtime_checkable
class Annotates(Protocol):
    """A store that takes feedback back."""

    def annotate(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        """Write each, creating or replacing, and yield what became of it as soon as it is certain.

        Idempotent: the same annotation written twice, also after a crash before it was yielded, stands there once.
        Raises SourceError where the store cannot be reached any more.
        """
        ...
