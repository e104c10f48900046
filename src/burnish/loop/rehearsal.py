"""A store that is only looked at: what a pull would change, counted without changing it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from burnish.domain.feedback import Feedback
from burnish.domain.files import FileState
from burnish.domain.listing import IngestSummary
from burnish.domain.traces import Trace
from burnish.loop.screen import TakenByPart

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.adapters.store.positions import Position

__all__ = ["Rehearsal"]


class Rehearsal:
    """Stands in for the store; without one (a project that has none yet) everything is new.

    It remembers the ids of what it was given, so it is for as many spans as fit in memory. A span that is known and
    says something else now counts as known: only the writing store compares contents.
    """

    def __init__(self, store: "Store | None") -> None:
        self.traces = _Traces(store)
        self.feedback = _Feedback(store)
        self.positions = _Positions(store)
        self.redactions = _Redactions()
        self.read_files = _ReadFiles(store)


class _Traces:
    def __init__(self, store: "Store | None") -> None:
        self._store = store
        self._seen: dict[str, set[str]] = {}
        self._grown: set[str] = set()
        self._new: set[str] = set()
        self._agents: dict[str, str] = {}

    def add(self, traces: Iterable[Trace], taken: TakenByPart | None = None) -> IngestSummary:
        given = list(traces)
        unseen = list({trace.trace_id for trace in given} - self._seen.keys())
        known = self._store.traces.span_ids(unseen) if self._store is not None else {}
        new = grown = new_spans = known_spans = 0
        for trace in given:
            one = trace.trace_id
            self._agents.setdefault(one, trace.agent)
            if one not in self._seen:
                self._seen[one] = set(known.get(one, ()))
                if one not in known:
                    self._new.add(one)
                    new += 1
            fresh = {span.span_id for span in trace.spans} - self._seen[one]
            self._seen[one] |= fresh
            new_spans += len(fresh)
            known_spans += len(trace.spans) - len(fresh)
            if fresh and one not in self._new and one not in self._grown:
                self._grown.add(one)
                grown += 1
        return IngestSummary(new_traces=new, grown_traces=grown, new_spans=new_spans, known_spans=known_spans)

    def agents(self, trace_ids: Sequence[str]) -> dict[str, str]:
        given = {one: agent for one in trace_ids if (agent := self._agents.get(one)) is not None}
        return given if self._store is None else given | self._store.traces.agents(trace_ids)

    def known(self, agent: str, source: str, since: datetime) -> Iterator[tuple[str, list[str]]]:
        return iter(()) if self._store is None else self._store.traces.known(agent, source, since)


class _Feedback:
    def __init__(self, store: "Store | None") -> None:
        self._store = store
        self._seen: set[str] = set()

    def add_pulled(self, items: Iterable[Feedback]) -> int:
        fresh = {item.id: item for item in items if item.id not in self._seen}
        self._seen |= fresh.keys()
        return len(fresh) if self._store is None else self._store.feedback.count_news(fresh.values())

    def stored(self, ids: Sequence[str]) -> set[str]:
        return set() if self._store is None else self._store.feedback.stored(ids)


class _Positions:
    def __init__(self, store: "Store | None") -> None:
        self._store = store

    def get(self, agent: str, source: str) -> "Position":
        from burnish.adapters.store.positions import Position

        return Position() if self._store is None else self._store.positions.get(agent, source)

    def advance(
        self, agent: str, source: str, *, high: datetime | None = None, feedback_since: datetime | None = None
    ) -> None:
        """Nothing moves."""


class _Redactions:
    def add(self, agent: str, counts: Mapping[str, int]) -> None:
        """Nothing is counted."""


class _ReadFiles:
    def __init__(self, store: "Store | None") -> None:
        self._store = store

    def known(self, agent: str, source: str) -> set[FileState]:
        return set() if self._store is None else self._store.read_files.known(agent, source)

    def add(self, agent: str, source: str, states: Iterable[FileState], read_at: datetime) -> None:
        """Nothing is remembered."""
