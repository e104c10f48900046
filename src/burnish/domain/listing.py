"""What lists of traces show and how they are asked for: summaries without payloads."""

from typing import Literal

from pydantic import Field

from burnish.domain.base import UtcDatetime, Value
from burnish.domain.traces import SpanStatus

__all__ = ["IngestSummary", "MetricSummary", "TracePage", "TraceQuery", "TraceSummary"]


class TraceQuery(Value):
    """Which traces, newest first. Everything set must hold.

    `origin` tells production traces from those of offline runs (source "experiment"). `visible` leaves out the
    traces behind held-out examples, so that discovering and proposing never see them. `model` is the main one.
    `text` searches previews, the name and the beginnings of ids. `below` keeps traces whose newest feedback of the
    named key is under the score, `at_least` those where it is not; `has_feedback` those with any of a key, `heard`
    those of which people said anything. `ids` keeps these traces alone. `before` is the start and id of a trace: only
    what is listed after it. `settled` keeps traces that ended, or of which nothing has come in, since that moment: no
    longer growing.
    """

    agent: str | None = None
    origin: Literal["production", "experiment", "any"] = "production"
    since: UtcDatetime | None = None
    until: UtcDatetime | None = None
    status: SpanStatus | None = None
    session_id: str | None = None
    user_id: str | None = None
    environment: str | None = None
    release: str | None = None
    prompt_version: str | None = None
    model: str | None = None
    text: str | None = None
    below: tuple[str, float] | None = None
    at_least: tuple[str, float] | None = None
    has_feedback: str | None = None
    heard: bool = False
    ids: tuple[str, ...] | None = None
    before: tuple[UtcDatetime, str] | None = None
    visible: bool = False
    settled: UtcDatetime | None = None
    limit: int | None = Field(default=None, ge=1)
    offset: int = Field(default=0, ge=0)


class TraceSummary(Value):
    """One row of a list: no payloads, previews of at most 200 characters. `scores` is the newest score by key."""

    trace_id: str
    agent: str
    source: str
    name: str
    started_at: UtcDatetime
    latency_s: float | None
    status: SpanStatus
    status_message: str | None
    session_id: str | None
    user_id: str | None
    environment: str | None
    release: str | None = None
    prompt_version: str | None
    model: str | None = None
    spans: int
    tokens: int
    cost_usd: float | None
    input_preview: str
    output_preview: str
    scores: dict[str, float] = {}


class TracePage(Value):
    """A page of a list. `more` says that others follow, `searched` that traces had to be looked at one by one.

    `reached` is where the search stopped, to be gone on from with `before`: None where it went to the end, or the page
    is full.
    """

    traces: tuple[TraceSummary, ...]
    more: bool
    searched: bool = False
    reached: tuple[UtcDatetime, str] | None = None


class IngestSummary(Value):
    """What an ingest changed: counts of rows new, of traces that grew, and of spans already known.

    `redacted` counts what was taken out of the rows written, by detector.
    """

    new_traces: int = 0
    grown_traces: int = 0
    new_spans: int = 0
    known_spans: int = 0
    redacted: dict[str, int] = {}

    def __add__(self, other: "IngestSummary") -> "IngestSummary":
        return IngestSummary(
            new_traces=self.new_traces + other.new_traces,
            grown_traces=self.grown_traces + other.grown_traces,
            new_spans=self.new_spans + other.new_spans,
            known_spans=self.known_spans + other.known_spans,
            redacted={**self.redacted, **{k: n + self.redacted.get(k, 0) for k, n in other.redacted.items()}},
        )


class RedactionCount(Value):
    """How often a detector took something out of an agent's traces and feedback that came in on a day (UTC)."""

    agent: str
    date: str
    detector: str
    count: int


class MetricSummary(Value):
    """One evaluator's results over many traces, of which `scored` have a score; comments and labels have none.

    `mean` is that of the scores, None where there are none.
    """

    key: str
    source: str
    version: str
    count: int
    scored: int = 0
    mean: float | None
    failures: int = 0
