"""Spans that come late, from the pull to what was computed on their trace; and traces that are still growing."""

import datetime as dt

import pytest
from support.simulated_source import Annotated, Arrival, Clock

from burnish.adapters.store import OpenStore, Store
from burnish.domain.base import utc_now
from burnish.domain.clustering.embed import open_embedder
from burnish.domain.evaluators.limits import NoError
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.domain.traces import SpanStatus
from burnish.loop.discover import discover
from burnish.loop.enrich import enrich, pending
from burnish.loop.pull import pull
from burnish.loop.write_back import write_back
from burnish.project import AgentConfig, SourceConfig

NOW = utc_now()
CHECK = NoError(name="no_error", any_span=True)
CONFIG = AgentConfig.model_validate(
    {
        "name": "desk",
        "repository": {"url": "x"},
        "source": {"kind": "simulated", "write_back": {"enabled": True}},
        "target": {},
        "improve": {"metric": "no_error"},
        "cluster": {"embedder": "tfidf"},
    }
)


def ago(minutes: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=minutes)


def root(number: int) -> Arrival:
    return Arrival(ago(120), f"t{number}", f"root{number}", ago(120))


def late_failure(number: int) -> Arrival:
    """A tool call of two hours ago that failed, and of which the store heard half an hour later."""
    failed = {"status": SpanStatus.ERROR, "status_message": "the parcel service timed out"}
    return Arrival(ago(90), f"t{number}", f"tool{number}", ago(119), f"root{number}", failed)


async def test_a_late_span_takes_back_what_was_said_without_it(store: Store) -> None:
    """Pulled, scored, written back; then late spans come: the traces are scored anew, cluster as failures, and the
    score at the source is replaced. What a person had said of them stays."""
    arrivals = [root(number) for number in range(8)]
    clock = Clock(ago(100))
    source = Annotated(clock, arrivals=arrivals)

    async def night() -> list[str]:
        clock.forward(20 * 60)
        pull(store, source, "desk", CONFIG.source, clock=clock)
        ids = pending(store, "desk", [CHECK], utc_now() - CONFIG.source.settle_after)
        await enrich(store, [CHECK], ids, None)
        await discover(OpenStore(store), CONFIG, f"desk/{clock.now:%Y-%m-%d}", None, open_embedder("tfidf"))
        write_back(store, source, CONFIG, sleep=lambda seconds: None)
        return sorted(ids)

    def standing() -> dict[str, float | None]:
        return {item.trace_id: item.score for item in source.standing.values() if item.key == "no_error"}

    assert [f"t{number}" for number in range(8)] == await night()
    assert dict.fromkeys((f"t{number}" for number in range(8)), 1.0) == standing()
    assert [] == store.clusters.list("desk")
    store.feedback.add([Feedback(trace_id="t0", key="review", source=FeedbackSource.HUMAN, score=1.0, author="ana")])
    arrivals += [late_failure(number) for number in range(4)]
    assert ["t0", "t1", "t2", "t3"] == await night()
    assert {0.0} == {standing()[f"t{number}"] for number in range(4)}
    assert {1.0} == {standing()[f"t{number}"] for number in range(4, 8)}
    assert {"t0", "t1", "t2", "t3"} == {one for cluster in store.clusters.list("desk") for one in cluster.trace_ids}
    assert [1.0] == [item.score for item in store.feedback.for_trace("t0") if item.key == "review"]
    assert [] == await night()


@pytest.mark.parametrize("kind", ["endpoint", "simulated"])
def test_a_trace_that_is_still_growing_is_left_for_later(store: Store, kind: str) -> None:
    """What started a moment ago waits; what ended before does not, although it has only just come in."""
    config = SourceConfig(kind=kind)
    now = utc_now()  # not the module's: minutes may have gone by since then, in which everything has settled
    clock = Clock(now)
    before, just_now = now - dt.timedelta(minutes=5), now - dt.timedelta(seconds=6)
    arrivals = [Arrival(before, "done", "1", before), Arrival(just_now, "going", "2", just_now)]
    pull(store, Annotated(clock, arrivals=arrivals), "desk", config, clock=clock)
    assert ["done"] == pending(store, "desk", [CHECK], utc_now() - config.settle_after)
    later = utc_now() + dt.timedelta(minutes=2)
    assert ["going", "done"] == pending(store, "desk", [CHECK], later - config.settle_after)
    at_once = config.model_copy(update={"settle_s": 0.0})
    assert ["going", "done"] == pending(store, "desk", [CHECK], utc_now() - at_once.settle_after)


def test_a_host_whose_clock_runs_ahead_does_not_hide_its_traces(store: Store) -> None:
    """A trace from next year is worked on once nothing of it has come in for a while."""
    clock = Clock(NOW)
    arrivals = [Arrival(ago(5), "ahead", "1", NOW + dt.timedelta(days=365))]
    pull(store, Annotated(clock, arrivals=arrivals), "desk", CONFIG.source, clock=clock)
    settled = TraceQuery(agent="desk", settled=utc_now() - CONFIG.source.settle_after)
    assert [] == store.traces.ids(settled)
    assert ["ahead"] == store.traces.ids(settled.model_copy(update={"settled": utc_now() + dt.timedelta(minutes=1)}))


def test_files_are_worked_on_at_once() -> None:
    """Nothing more comes of a trace that was read from a file."""
    assert dt.timedelta(0) == SourceConfig(kind="jsonl", path="traces.jsonl").settle_after
    assert dt.timedelta(seconds=60) == SourceConfig(kind="phoenix").settle_after
