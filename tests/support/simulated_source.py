"""A store of traces in memory: spans arrive late, pages repeat, shrink and fail, and clocks differ."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.adapters.sources.base import Annotation, Batch, KnownTrace, Window, Written
from burnish.domain.feedback import Feedback
from burnish.domain.traces import Span, SpanKind, Trace
from burnish.errors import SourceError

__all__ = ["EPOCH", "Annotated", "Arrival", "Clock", "KilledError", "SimulatedSource", "arrival"]

EPOCH = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class KilledError(BaseException):
    """Stands for SIGKILL: nothing may catch it and go on."""


class Clock:
    """The real time of the simulation."""

    def __init__(self, now: dt.datetime = EPOCH) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@dataclass(frozen=True)
class Arrival:
    """A span and when the store got it; `started` is by the clock of the host that made it."""

    at: dt.datetime
    trace_id: str
    span_id: str
    started: dt.datetime
    parent_id: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)


def arrival(
    trace_id: str, span_id: str, start_s: float, lag_s: float = 0.0, skew_s: float = 0.0, **more: Any
) -> Arrival:
    """A span that starts so many seconds after the epoch, arrives `lag_s` later, and is stamped `skew_s` off."""
    real = EPOCH + dt.timedelta(seconds=start_s)
    parent = more.pop("parent_id", None)
    started = real + dt.timedelta(seconds=skew_s)
    return Arrival(real + dt.timedelta(seconds=lag_s), trace_id, span_id, started, parent, more)


class SimulatedSource:
    """What a connector to such a store does.

    `page` spans a page; with `shrinking` each page is half of the one before; `repeats` sends every page again so many
    times; `overlapping` lets a page begin with that many spans of the last one. After `fail_after` pages SourceError,
    after `die_after` pages KilledError, counted over the life of this object. A page takes `page_s` of the clock.
    """

    def __init__(
        self,
        clock: Clock,
        arrivals: Sequence[Arrival],
        *,
        agent: str = "desk",
        name: str = "simulated",
        page: int = 50,
        shrinking: bool = False,
        repeats: int = 0,
        overlapping: int = 0,
        fail_after: int | None = None,
        die_after: int | None = None,
        page_s: float = 0.0,
        said: Sequence[Feedback] = (),
        on_page: Callable[[int], None] | None = None,
    ) -> None:
        self.name = name
        self._clock = clock
        self._arrivals = arrivals
        self._agent = agent
        self._page = page
        self._shrinking = shrinking
        self._repeats = repeats
        self._overlapping = overlapping
        self._fail_after = fail_after
        self._die_after = die_after
        self._page_s = page_s
        self._said = said
        self._on_page = on_page
        self.pages = 0
        self.windows: list[Window] = []
        self.asked_since: list[dt.datetime] = []
        self.known: list[KnownTrace] = []
        self.closed = False

    def read_window(self, window: Window) -> Iterator[Batch]:
        self.windows.append(window)
        size, position = self._page, 0
        while True:
            there = sorted(
                (
                    one
                    for one in self._arrivals
                    if one.at <= self._clock()
                    and window.start <= one.started
                    and (window.end is None or one.started < window.end)
                ),
                key=lambda one: (one.at, one.span_id),  # what arrives while pages are read comes last
            )
            page = there[max(0, position - self._overlapping) : position + size]
            position += size
            if not page:
                return
            for _ in range(1 + self._repeats):
                yield self._batch(page)
                self._paged()
            if self._shrinking:
                size = max(1, size // 2)

    def read_feedback(self, since: dt.datetime, known: Iterable[KnownTrace]) -> Iterator[Batch]:
        self.asked_since.append(since)
        self.known = list(known)
        yield Batch([], [], [item for item in self._said if since <= item.created_at <= self._clock()])

    def close(self) -> None:
        self.closed = True

    def _paged(self) -> None:
        self.pages += 1
        self._clock.forward(self._page_s)
        if self._on_page is not None:
            self._on_page(self.pages)
        if self._die_after is not None and self.pages >= self._die_after:
            raise KilledError
        if self._fail_after is not None and self.pages >= self._fail_after:
            raise SourceError("the simulated store is gone; try again")

    def _batch(self, page: Sequence[Arrival]) -> Batch:
        grouped: dict[str, list[Arrival]] = {}
        for one in page:
            grouped.setdefault(one.trace_id, []).append(one)
        return Batch([self._trace(trace_id, items) for trace_id, items in grouped.items()], [])

    def _trace(self, trace_id: str, items: Sequence[Arrival]) -> Trace:
        spans = tuple(_span(one) for one in sorted(items, key=lambda one: one.started))
        root = next((span for span in spans if span.parent_id is None), None)
        return Trace(
            trace_id=trace_id,
            agent=self._agent,
            source=self.name,
            name="run",
            started_at=spans[0].started_at,
            ended_at=max(span.ended_at for span in spans if span.ended_at is not None),
            status=root.status if root is not None else spans[0].status,
            input=f"question {trace_id}" if root is not None else None,
            spans=spans,
        )


def _span(one: Arrival) -> Span:
    defaults = {"kind": SpanKind.LLM if one.parent_id else SpanKind.AGENT}
    return Span(
        trace_id=one.trace_id,
        span_id=one.span_id,
        parent_id=one.parent_id,
        name="step",
        started_at=one.started,
        ended_at=one.started + dt.timedelta(seconds=1),
        **(defaults | one.fields),
    )


class Annotated(SimulatedSource):
    """The same, taking feedback back: `standing` is what people would see there, by the store's own id.

    After `refuse_after` annotations SourceError. `unwanted` traces are refused one by one.
    """

    def __init__(
        self, clock: Clock, *, refuse_after: int | None = None, unwanted: Iterable[str] = (), **more: Any
    ) -> None:
        super().__init__(clock, more.pop("arrivals", ()), **more)
        self._refuse_after = refuse_after
        self._unwanted = set(unwanted)
        self.standing: dict[str, Feedback] = {}
        self.calls: list[int] = []
        self.writes = 0

    def annotate(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        self.calls.append(len(annotations))
        for one in annotations:
            if self._refuse_after is not None and self.writes >= self._refuse_after:
                raise SourceError("the simulated store takes no more; try again")
            if one.feedback.trace_id in self._unwanted:
                yield Written(feedback_id=one.feedback.id, problem="no such trace here")
                continue
            self.writes += 1
            remote = one.remote_id or f"remote-{one.feedback.id}"
            self.standing[remote] = one.feedback
            yield Written(feedback_id=one.feedback.id, remote_id=remote)
