"""Pull: bring into the store what a source has and the store has not, exactly once, whatever happens.

A store of traces is asked for slices of time, oldest first. After each slice is durable the position moves to the
newest start seen in it; the next pull begins an overlap before the position, for spans that arrive late, and the store
knows each (trace, span). A pull that is killed or cut off goes on at its last whole slice. Several pulls of the same
source at once cost time and do no harm: what they write is the same, and positions only move forward.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from burnish.adapters.sources.base import Batch, HearsPeople, KnownTrace, ReadsFiles, Source, Window, WindowedSource
from burnish.domain.base import content_hash, utc_now
from burnish.domain.listing import IngestSummary
from burnish.errors import SourceError
from burnish.loop.context import open_source
from burnish.loop.ingest import ingest
from burnish.loop.intake import Intake, Receives, TraceBook
from burnish.loop.piles import ReadFiles, UnreadFiles
from burnish.loop.pull_report import PullProgress, PullReport
from burnish.loop.screen import Screens
from burnish.project import AgentConfig, SourceConfig
from burnish.settings import Settings

if TYPE_CHECKING:
    from burnish.adapters.store.positions import Position

__all__ = ["PullProgress", "PullReport", "PullStore", "position_key", "pull", "pull_agent"]

FIRST_SLICE = dt.timedelta(hours=1)
SHORTEST_SLICE, LONGEST_SLICE = dt.timedelta(seconds=1), dt.timedelta(hours=6)
FEW_SPANS, MANY_SPANS = 2_000, 20_000
SAME_PAGES = 20

Progress = Callable[[PullProgress], None]


class KnownTraces(TraceBook, Protocol):
    """The stored traces, as far as a pull needs them."""

    def known(self, agent: str, source: str, since: dt.datetime, /) -> Iterator[tuple[str, list[str]]]: ...


class Positions(Protocol):
    """How far sources were read."""

    def get(self, agent: str, source: str, /) -> "Position": ...

    def advance(
        self,
        agent: str,
        source: str,
        /,
        *,
        high: dt.datetime | None = None,
        feedback_since: dt.datetime | None = None,
    ) -> None: ...


class PullStore(Receives, Protocol):
    """A store, or its stand-in for a dry run (`loop.rehearsal`)."""

    @property
    def traces(self) -> KnownTraces:
        """Its traces."""
        ...

    @property
    def positions(self) -> Positions:
        """How far its sources were read."""
        ...

    @property
    def read_files(self) -> ReadFiles:
        """Which files were read."""
        ...


def position_key(name: str, config: SourceConfig) -> str:
    """What a position is kept under: another server, project or filter is read from its own beginning."""
    told = config.model_dump(mode="json", include={"kind", "url", "project", "environment", "options"})
    return f"{name}#{content_hash(told, length=8)}"


def pull(
    store: PullStore,
    source: Source | WindowedSource,
    agent: str,
    config: SourceConfig,
    *,
    since: dt.datetime | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
    screens: Screens | None = None,
    clock: Callable[[], dt.datetime] = utc_now,
) -> PullReport:
    """Read what is new at `source` into `store`, through the agent's `screens`; the source stays open.

    `since` replaces the start that the position gives; where that would leave a gap, the position does not move. At
    most about `limit` spans are read. Whatever the source refuses ends the pull with a report that says so; what was
    read before is kept. Raises what the store raises.
    """
    if isinstance(source, WindowedSource):
        return _Pull(store, source, agent, config, since, limit, progress, screens, clock).run()
    started = time.monotonic()
    pile: Source = source
    if isinstance(source, ReadsFiles):
        pile = UnreadFiles(source, agent, position_key(source.name, config), store.read_files, again=since is not None)

    def written(summary: IngestSummary, problems: int) -> None:
        if isinstance(pile, UnreadFiles):
            pile.written()
        if progress is not None:
            progress(PullProgress(summary.new_spans, summary.new_spans, problems, time.monotonic() - started))

    found = ingest(store, pile, written, agent=agent, limit=limit, screens=screens)
    return PullReport(
        source=source.name,
        summary=found.summary,
        traces=found.traces,
        spans=found.spans,
        expired=found.expired,
        new_feedback=found.feedback,
        problems=found.problems,
        problem_count=found.problem_count,
        stopped="" if found.whole else _enough(limit),
        limited=not found.whole,
        seconds=time.monotonic() - started,
    )


def pull_agent(
    settings: Settings,
    config: AgentConfig,
    store: PullStore,
    progress: Progress | None = None,
    *,
    since: dt.datetime | None = None,
    limit: int | None = None,
) -> PullReport:
    """Open the agent's source, pull from it and close it. Raises ConfigError where its [source] is wrong."""
    try:
        source = open_source(settings, config)
    except SourceError as error:  # it looked its project up and was refused
        return PullReport(source=config.source.kind, stopped=str(error))
    try:
        screens = Screens([config])
        given = (store, source, config.name, config.source)
        return pull(*given, since=since, limit=limit, progress=progress, screens=screens)
    finally:
        if isinstance(source, WindowedSource):
            source.close()


class _Pull:
    """One pull of a store of traces."""

    def __init__(
        self,
        store: PullStore,
        source: WindowedSource,
        agent: str,
        config: SourceConfig,
        since: dt.datetime | None,
        limit: int | None,
        progress: Progress | None,
        screens: Screens | None,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._store = store
        self._source = source
        self._agent = agent
        self._config = config
        self._key = position_key(source.name, config)
        self._since = since
        self._limit = limit
        self._progress = progress
        self._started = time.monotonic()
        self._began = clock()
        self._overlap = dt.timedelta(seconds=config.overlap_s)
        self._position = store.positions.get(agent, self._key)
        high = self._position.high
        known = self._began - dt.timedelta(days=config.since_days) if high is None else high - self._overlap
        # Clocks of others do not push the start past our present.
        self._start = min(known if since is None else since, self._began)
        self._moves = high is None or self._start <= known
        self._at = self._start
        self._intake = Intake(store, source.name, agent, screens, began=self._began, limit=limit, written=self._written)

    def run(self) -> PullReport:
        """Traces first, then what people said of them."""
        if self._position.high is None:
            # From now on nothing after this is left out, however long the source cannot be reached.
            self._store.positions.advance(self._agent, self._key, high=self._start)
        stopped, limited = "", False
        try:
            self._read_traces()
            if not self._intake.full:
                self._hear_people()
        except SourceError as error:
            stopped = str(error)
            self._intake.flush()
        if self._intake.full and not stopped:
            stopped, limited = _enough(self._limit), True
        return self._report(stopped, limited)

    def _read_traces(self) -> None:
        length = FIRST_SLICE
        while True:
            end = self._at + length
            # The last slice has no end: what a clock that runs ahead stamped with tomorrow is there too.
            window = Window(start=self._at, end=end if end < self._began else None)
            before = self._intake.spans
            self._intake.newest = None
            self._take(self._source.read_window(window))
            if self._intake.full:
                return
            self._advance(window)
            self._at = end if window.end is not None else self._began
            self._written(self._intake)
            if window.end is None:
                return
            length = _adapted(length, self._intake.spans - before)

    def _take(self, batches: Iterable[Batch]) -> None:
        same, last = 0, 0
        for batch in batches:
            page = hash(tuple((trace.trace_id, span.span_id) for trace in batch.traces for span in trace.spans))
            same = same + 1 if batch.traces and page == last else 0
            last = page
            if same >= SAME_PAGES:
                raise SourceError(f"{self._source.name} gave the same page {same} times; its paging does not end")
            self._intake.take(batch)
            if self._intake.full:
                break
        self._intake.flush()

    def _advance(self, window: Window) -> None:
        newest = self._intake.newest
        if newest is None or not self._moves:
            return
        # What came in while this pull went on may have started before its newest: never beyond the pull's own start.
        reached = min(newest, window.end or self._began)
        self._store.positions.advance(self._agent, self._key, high=reached)

    def _hear_people(self) -> None:
        source = self._source
        days = dt.timedelta(days=self._config.feedback_days)
        if not isinstance(source, HearsPeople) or not days:
            return
        oldest = self._began - days
        start = self._position.feedback_since or oldest
        if self._since is not None:  # older traces are asked for: what people said of those too
            oldest, start = min(oldest, self._since), min(start, self._since)
        known = (KnownTrace(*row) for row in self._store.traces.known(self._agent, source.name, oldest))
        self._intake.newest_said = None
        self._take(source.read_feedback(start - self._overlap, known))
        if not self._intake.full:
            newest = self._intake.newest_said or start
            self._store.positions.advance(self._agent, self._key, feedback_since=newest)

    def _written(self, intake: Intake) -> None:
        if self._progress is not None:
            seconds = time.monotonic() - self._started
            counts = (intake.spans, intake.summary.new_spans, intake.problem_count)
            self._progress(PullProgress(*counts, seconds, self._at, self._start, self._began))

    def _report(self, stopped: str, limited: bool) -> PullReport:
        intake = self._intake
        return PullReport(
            source=self._source.name,
            summary=intake.summary,
            traces=intake.traces,
            spans=intake.spans,
            expired=intake.expired,
            feedback_read=intake.feedback,
            new_feedback=intake.new_feedback,
            problems=tuple(intake.problems),
            problem_count=intake.problem_count,
            start=self._start,
            end=self._began,
            read_to=self._at,
            stopped=stopped,
            limited=limited,
            seconds=time.monotonic() - self._started,
        )


def _adapted(length: dt.timedelta, spans: int) -> dt.timedelta:
    if spans < FEW_SPANS:
        return min(LONGEST_SLICE, length * 2)
    return max(SHORTEST_SLICE, length / 2) if spans > MANY_SPANS else length


def _enough(limit: int | None) -> str:
    return f"the limit of {limit:,} spans is reached; there may be more"
