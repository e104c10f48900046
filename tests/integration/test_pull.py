"""Pulling from a store of traces: everything once, whatever the clocks, the pages and the crashes do."""

import datetime as dt
import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.simulated_source import EPOCH, Arrival, Clock, KilledError, SimulatedSource, arrival

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.loop.pull import position_key, pull
from burnish.loop.pull_report import PullProgress, PullReport
from burnish.loop.rehearsal import Rehearsal
from burnish.loop.screen import Screens
from burnish.project import AgentConfig, SourceConfig

HOUR, DAY = 3600.0, 86_400.0
CONFIG = SourceConfig(kind="simulated", overlap_s=HOUR, since_days=7)
_numbers = itertools.count(1)


def stored(store: Store, agent: str = "desk") -> Counter[tuple[str, str]]:
    ids = store.traces.ids(TraceQuery(agent=agent))
    return Counter((trace.trace_id, span.span_id) for trace in store.traces.load(ids) for span in trace.spans)


def sent(arrivals: Sequence[Arrival]) -> Counter[tuple[str, str]]:
    return Counter({(one.trace_id, one.span_id) for one in arrivals})


def one_pull(store: Store, clock: Clock, arrivals: Sequence[Arrival], **knobs: object) -> PullReport:
    return pull(store, SimulatedSource(clock, arrivals, **knobs), "desk", CONFIG, clock=clock)


def steady(hours: int, per_hour: int = 4, lag_s: float = 30.0) -> list[Arrival]:
    return [
        arrival(f"t{hour}-{number}", f"s{hour}-{number}", hour * HOUR + number * HOUR / per_hour, lag_s)
        for hour in range(hours)
        for number in range(per_hour)
    ]


TROUBLE = st.sampled_from(["none", "none", "fail", "die"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Arrival], list[tuple[float, str, int]], float, dict[str, object]]:
    """Spans over two days with lags up to the overlap, a schedule of pulls with their troubles, a skew, and pages."""
    skew = draw(st.sampled_from([0.0, 0.0, -3 * HOUR, 5 * HOUR, 90.0]))
    count = draw(st.integers(1, 40))
    spans = []
    for number in range(count):
        start = draw(st.integers(0, int(2 * DAY)))
        lag = draw(st.sampled_from([0, 1, 60, 1800, int(HOUR)]) | st.integers(0, int(HOUR)))
        trace = f"t{draw(st.integers(0, count // 3))}"
        parent = draw(st.sampled_from([None, "root"]))
        spans.append(arrival(trace, f"s{number}", start, lag, skew, parent_id=parent))
    if draw(st.booleans()):  # a host whose clock is a year ahead
        spans.append(arrival("future", "s-future", draw(st.integers(0, int(2 * DAY))), 0, 365 * DAY))
    pulls = [
        (float(at), draw(TROUBLE), draw(st.integers(1, 4)))
        for at in sorted(draw(st.lists(st.integers(0, int(2 * DAY)), max_size=6)))
    ]
    pages = {
        "page": draw(st.sampled_from([1, 3, 50])),
        "shrinking": draw(st.booleans()),
        "repeats": draw(st.sampled_from([0, 0, 2])),
        "overlapping": draw(st.sampled_from([0, 2])),
        "page_s": draw(st.sampled_from([0.0, 40.0])),
    }
    return spans, pulls, skew, pages


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_whatever_happens_every_span_is_stored_once(
    store: Store, world: tuple[list[Arrival], list[tuple[float, str, int]], float, dict[str, object]]
) -> None:
    """Any schedule of pulls, kills, failures, lags up to the overlap, skewed clocks and odd pages ends with exactly the
    source's spans."""
    spans, pulls, _, pages = world
    agent = f"desk{next(_numbers)}"
    spans = [Arrival(one.at, f"{agent}-{one.trace_id}", one.span_id, one.started, one.parent_id) for one in spans]
    clock = Clock()
    for at, trouble, after in pulls:
        clock.now = max(clock.now, EPOCH + dt.timedelta(seconds=at))
        knobs = {"fail_after": after} if trouble == "fail" else {"die_after": after} if trouble == "die" else {}
        source = SimulatedSource(clock, spans, agent=agent, **pages, **knobs)
        try:
            report = pull(store, source, agent, CONFIG, clock=clock)
        except KilledError:
            continue
        assert bool(report.stopped) is (trouble == "fail" and source.pages >= after)
    clock.now = max(clock.now, EPOCH + dt.timedelta(days=2, hours=1, seconds=1))
    last = pull(store, SimulatedSource(clock, spans, agent=agent, **pages), agent, CONFIG, clock=clock)
    assert "" == last.stopped
    assert sent(spans) == stored(store, agent)
    again = pull(store, SimulatedSource(clock, spans, agent=agent, **pages), agent, CONFIG, clock=clock)
    assert (0, 0, 0) == (again.summary.new_spans, again.summary.new_traces, again.summary.grown_traces)


def test_ten_days_of_outage_leave_no_gap(store: Store) -> None:
    """A store that is away for ten days, longer than the first pull looks back, is caught up hour for hour."""
    arrivals = steady(13 * 24)
    clock = Clock(EPOCH + dt.timedelta(hours=12))
    one_pull(store, clock, arrivals)
    for day in range(1, 11):
        clock.now = EPOCH + dt.timedelta(days=day, hours=12)
        assert "gone" in one_pull(store, clock, arrivals, page=1, fail_after=1).stopped
    clock.now = EPOCH + dt.timedelta(days=13, seconds=1)
    report = one_pull(store, clock, arrivals)
    assert report.read_to == clock.now
    by_hour = Counter(
        (trace.started_at - EPOCH) // dt.timedelta(hours=1)
        for trace in store.traces.load(store.traces.ids(TraceQuery(agent="desk")))
    )
    assert dict.fromkeys(range(13 * 24), 4) == by_hour


def test_an_outage_that_begins_with_the_first_pull_costs_nothing(store: Store) -> None:
    """What the first pull would have read stays wanted, however long the source is away."""
    arrivals = steady(20 * 24, per_hour=1)
    clock = Clock(EPOCH + dt.timedelta(days=5))
    one_pull(store, clock, arrivals, page=1, fail_after=1)
    clock.now = EPOCH + dt.timedelta(days=20)
    one_pull(store, clock, arrivals)
    assert sent(arrivals) == stored(store)


def test_what_was_read_before_a_failure_is_kept_and_the_rest_is_named(store: Store) -> None:
    """The report says why it stopped and up to when everything is stored; the next pull goes on there."""
    arrivals = steady(48)
    clock = Clock(EPOCH + dt.timedelta(hours=48))
    report = one_pull(store, clock, arrivals, page=10, fail_after=6)
    assert "gone" in report.stopped
    assert report.spans == len(stored(store))
    assert report.read_to is not None
    assert EPOCH < report.read_to < clock.now
    source = SimulatedSource(clock, arrivals)
    pull(store, source, "desk", CONFIG, clock=clock)
    assert source.windows[0].start > EPOCH + dt.timedelta(hours=1)
    assert sent(arrivals) == stored(store)


def test_an_empty_stretch_moves_the_position_no_further_than_the_newest_span(store: Store) -> None:
    """A store that lost its writer for a day and then gets what was held back is read as if it had not."""
    early = [arrival("a", "1", 0.0), arrival("b", "2", 10.0)]
    clock = Clock(EPOCH + dt.timedelta(days=2))
    one_pull(store, clock, early)
    held_back = [*early, arrival("c", "3", HOUR / 2, lag_s=3 * DAY)]
    clock.now = EPOCH + dt.timedelta(days=4)
    one_pull(store, clock, held_back)
    assert sent(held_back) == stored(store)


def test_slices_grow_over_quiet_days_and_shrink_in_busy_hours(store: Store) -> None:
    """Few requests where there is little to get, and no slice so large that a crash costs hours."""
    clock = Clock(EPOCH + dt.timedelta(days=7))
    source = SimulatedSource(clock, [arrival("a", "1", 6.9 * DAY)])
    pull(store, source, "desk", CONFIG, clock=clock)
    assert len(source.windows) < 40
    assert source.windows[-1].end is None
    busy = [arrival(f"t{n // 500}", f"s{n}", 9 * DAY + n * 0.5) for n in range(45_000)]
    clock.now = EPOCH + dt.timedelta(days=9, hours=7)
    source = SimulatedSource(clock, busy, page=5000)
    pull(Rehearsal(None), source, "desk", CONFIG, since=EPOCH + dt.timedelta(days=9), clock=clock)
    lengths = [one.end - one.start for one in source.windows if one.end is not None]
    assert max(lengths[:6]) == dt.timedelta(hours=1)


def test_pages_that_never_end_end_the_pull(store: Store) -> None:
    """A source that gives the same page for ever is given up with a sentence that says so."""
    clock = Clock(EPOCH + dt.timedelta(hours=2))
    report = one_pull(store, clock, [arrival("a", "1", 0.0)], repeats=1000)
    assert "same page" in report.stopped
    assert 1 == sum(stored(store).values())


def test_a_trace_of_another_agent_is_left_alone_and_told(store: Store) -> None:
    """Two agents that read the same project do not rewrite each other's traces, under whose rules they are stored."""
    clock, arrivals = Clock(), steady(2)
    clock.now = EPOCH + dt.timedelta(hours=3)
    one_pull(store, clock, arrivals)
    source = SimulatedSource(clock, arrivals, agent="twin")
    for book in (Rehearsal(store), store):
        report = pull(book, source, "twin", CONFIG, clock=clock)
        assert (report.summary.new_traces, report.summary.grown_traces, report.problem_count) == (0, 0, 8)
        assert "is one of agent 'desk' already: let 'twin' read a project of its own" in str(report.problems[0])
    assert stored(store) == sent(arrivals)
    assert [] == store.traces.ids(TraceQuery(agent="twin"))


def test_two_pulls_at_once_store_everything_once(store: Store) -> None:
    """Concurrent pulls of one source cost time and nothing else; what is new is counted by one of them."""
    arrivals = steady(200)
    reports: list[PullReport] = []

    def run() -> None:
        reports.append(one_pull(store, Clock(EPOCH + dt.timedelta(hours=200)), arrivals, page=20))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 3 == len(reports)
    there = stored(store)
    assert {key for key in sent(arrivals) if int(key[0][1:].split("-")[0]) >= 200 - 7 * 24} <= set(there)
    assert sum(there.values()) == sum(report.summary.new_spans for report in reports)


def test_a_later_start_asked_for_leaves_no_gap_behind(store: Store) -> None:
    """`--since` an hour ago reads that hour; the position stays, so that the next pull reads what was skipped."""
    arrivals = steady(72)
    clock = Clock(EPOCH + dt.timedelta(hours=24))
    one_pull(store, clock, arrivals)
    clock.now = EPOCH + dt.timedelta(hours=72)
    since = clock.now - dt.timedelta(hours=1)
    pull(store, SimulatedSource(clock, arrivals), "desk", CONFIG, since=since, clock=clock)
    assert len(stored(store)) < len(arrivals)
    one_pull(store, clock, arrivals)
    assert sent(arrivals) == stored(store)


def test_another_project_is_read_from_its_own_beginning(store: Store) -> None:
    """A position belongs to a server and a project: naming another one in the file does not skip its traces."""
    one = CONFIG.model_copy(update={"url": "https://a", "project": "x"})
    other = one.model_copy(update={"project": "y"})
    assert position_key("phoenix", one) != position_key("phoenix", other)
    slower = one.model_copy(update={"timeout_s": 5.0, "overlap_s": 7.0})
    assert position_key("phoenix", one) == position_key("phoenix", slower)


def test_a_dry_run_counts_and_changes_nothing(store: Store) -> None:
    """New, grown and known as the pull will find them; no span, no feedback and no position is written."""
    arrivals = [
        arrival("a", "a1", 0.0), arrival("b", "b1", 10.0), arrival("b", "b2", 20.0, parent_id="b1"),
        arrival("a", "a2", 2 * HOUR, parent_id="a1"), arrival("c", "c1", 2 * HOUR),
    ]  # fmt: skip
    clock = Clock(EPOCH + dt.timedelta(hours=1))
    one_pull(store, clock, arrivals)
    clock.now = EPOCH + dt.timedelta(hours=3)
    key = position_key("simulated", CONFIG)
    position, before = store.positions.get("desk", key), stored(store)
    said = [Feedback(trace_id="a", key="thumb", source=FeedbackSource.USER, score=1.0, created_at=clock.now)]
    dry = pull(Rehearsal(store), SimulatedSource(clock, arrivals, page=1, said=said), "desk", CONFIG, clock=clock)
    assert (position, before) == (store.positions.get("desk", key), stored(store))
    assert {} == {one: items for one, items in store.feedback.for_traces(["a"]).items() if items}
    wet = pull(store, SimulatedSource(clock, arrivals, said=said), "desk", CONFIG, clock=clock)
    assert wet.summary == dry.summary
    assert (1, 1, 2) == (dry.summary.new_traces, dry.summary.grown_traces, dry.summary.new_spans)
    assert 1 == dry.new_feedback == wet.new_feedback


def test_a_dry_run_stops_at_its_limit_and_says_so(store: Store) -> None:
    """Of a large store a part is looked at."""
    clock = Clock(EPOCH + dt.timedelta(hours=48))
    source = SimulatedSource(clock, steady(48), page=10)
    report = pull(Rehearsal(store), source, "desk", CONFIG, limit=30, clock=clock)
    assert 30 <= report.spans < 40
    assert "limit of 30" in report.stopped


def test_new_feedback_on_old_traces_is_pulled_once(store: Store) -> None:
    """What people say days later comes in; pulled again it is not rewritten, edited it is."""
    arrivals = [arrival("a", "a1", 0.0), arrival("b", "b1", DAY)]
    clock = Clock(EPOCH + dt.timedelta(days=2))
    one_pull(store, clock, arrivals)
    clock.now = EPOCH + dt.timedelta(days=6)
    thumb = Feedback(
        trace_id="a", key="thumb", source=FeedbackSource.USER, score=0.0, author="ana",
        created_at=EPOCH + dt.timedelta(days=5),
    )  # fmt: skip
    source = SimulatedSource(clock, arrivals, said=[thumb])
    assert 1 == pull(store, source, "desk", CONFIG, clock=clock).new_feedback
    assert [("b", ["b1"]), ("a", ["a1"])] == [(one.trace_id, list(one.span_ids)) for one in source.known]
    (kept,) = store.feedback.for_trace("a")
    assert "simulated/ana" == kept.author
    clock.now = EPOCH + dt.timedelta(days=7)
    later = thumb.model_copy(update={"created_at": clock.now})  # a store that knows no time of saying
    assert 0 == pull(store, SimulatedSource(clock, arrivals, said=[later]), "desk", CONFIG, clock=clock).new_feedback
    assert [kept] == store.feedback.for_trace("a")
    edited = later.model_copy(update={"score": 1.0})
    assert 1 == pull(store, SimulatedSource(clock, arrivals, said=[edited]), "desk", CONFIG, clock=clock).new_feedback
    assert [1.0] == [item.score for item in store.feedback.for_trace("a")]


def test_what_another_machine_said_never_passes_for_our_own(store: Store) -> None:
    """A source's evaluator is an external one, whatever the source calls it."""
    clock = Clock(EPOCH + dt.timedelta(hours=1))
    judge = Feedback(
        trace_id="a", key="helpful", source=FeedbackSource.JUDGE, score=1.0, author="helpful", version="v1"
    )
    source = SimulatedSource(clock, [arrival("a", "a1", 0.0)], said=[judge.model_copy(update={"created_at": EPOCH})])
    pull(store, source, "desk", CONFIG, clock=clock)
    (kept,) = store.feedback.for_trace("a")
    assert (FeedbackSource.EXTERNAL, "simulated/helpful") == (kept.source, kept.author)
    assert set() == store.feedback.done("helpful", "v1", ["a"])


def test_feedback_is_asked_for_from_the_newest_that_is_known(store: Store) -> None:
    """The first time the last `feedback_days`, then from the newest heard less the overlap; not at all with 0 days."""
    clock = Clock(EPOCH + dt.timedelta(days=40))
    said = [
        Feedback(
            trace_id="a", key="k", source=FeedbackSource.HUMAN, score=1.0, created_at=EPOCH + dt.timedelta(days=39)
        )
    ]
    source = SimulatedSource(clock, [], said=said)
    for _ in range(2):
        pull(store, source, "desk", CONFIG, clock=clock)
    overlap = dt.timedelta(hours=1)
    assert [EPOCH + dt.timedelta(days=10) - overlap, said[0].created_at - overlap] == source.asked_since
    silent = SimulatedSource(clock, [], said=said)
    pull(store, silent, "desk", CONFIG.model_copy(update={"feedback_days": 0}), clock=clock)
    assert [] == silent.asked_since


def test_an_older_start_brings_the_labels_of_then_too(store: Store) -> None:
    """`--since` further back than `feedback_days`: what people said of those traces comes, however long ago."""
    clock = Clock(EPOCH + dt.timedelta(days=60))
    said = [Feedback(trace_id="a", key="k", source=FeedbackSource.HUMAN, score=1.0, created_at=EPOCH)]
    arrivals = [arrival("a", "a1", 0.0)]
    assert 0 == pull(store, SimulatedSource(clock, arrivals, said=said), "desk", CONFIG, clock=clock).new_feedback
    source = SimulatedSource(clock, arrivals, said=said)
    assert 1 == pull(store, source, "desk", CONFIG, since=EPOCH, clock=clock).new_feedback
    assert ["a"] == [one.trace_id for one in source.known]


def test_labels_on_traces_that_were_let_go_stay_out(store: Store) -> None:
    """Where traces are deleted after a while, a store that still tells their labels does not bring those back."""
    clock = Clock(utc_now())
    old, new = (clock.now - EPOCH).total_seconds() - 30 * DAY, (clock.now - EPOCH).total_seconds() - HOUR
    arrivals = [arrival("gone", "g1", old), arrival("here", "h1", new)]
    said = [
        Feedback(trace_id=trace_id, key="k", source=FeedbackSource.HUMAN, comment="fine", created_at=clock.now)
        for trace_id in ("gone", "here")
    ]
    told: dict[str, Any] = {"name": "desk", "repository": {"url": "."}, "target": {"kind": "prompt", "prompt": "p.md"}}
    agent = AgentConfig.model_validate(told | {"improve": {"metric": "correct"}, "retention": {"days": 14}})
    for into in (Rehearsal(store), store):
        source = SimulatedSource(clock, arrivals, said=said)
        found = pull(into, source, "desk", CONFIG, screens=Screens([agent]), clock=clock)
        assert (2, 1) == (found.feedback_read, found.new_feedback)
    assert {"gone": 0, "here": 1} == {
        one: len(items) for one, items in store.feedback.for_traces(["gone", "here"]).items()
    }


def test_labels_on_another_agents_trace_are_left_to_that_agent(store: Store) -> None:
    """Two agents read one project: the rules of the one whose trace it is hold for what was said of it."""
    clock = Clock(EPOCH + dt.timedelta(hours=2))
    arrivals = [arrival("a", "a1", 0.0)]
    said = [Feedback(trace_id="a", key="k", source=FeedbackSource.HUMAN, score=0.0, created_at=EPOCH)]
    pull(store, SimulatedSource(clock, arrivals), "desk", CONFIG, clock=clock)
    pull(store, SimulatedSource(clock, [], said=said), "other", CONFIG, clock=clock)
    assert [] == store.feedback.for_trace("a")
    pull(store, SimulatedSource(clock, arrivals, said=said), "desk", CONFIG, clock=clock)
    assert [0.0] == [one.score for one in store.feedback.for_trace("a")]


def test_progress_tells_counts_and_the_moment_that_is_reached(store: Store) -> None:
    """Spans, new ones, and how much of the window is read; at the end all of it."""
    told: list[PullProgress] = []
    clock = Clock(EPOCH + dt.timedelta(hours=48))
    source = SimulatedSource(clock, steady(48), page=20)
    pull(store, source, "desk", CONFIG, progress=told.append, clock=clock)
    assert sorted(one.spans for one in told) == [one.spans for one in told]
    assert 192 == told[-1].spans == told[-1].new_spans
    done, whole = told[-1].minutes
    assert 7 * 24 * 60 == done == whole
    assert "192 spans, 192 new" in str(told[-1])


@pytest.mark.parametrize("config", [CONFIG, CONFIG.model_copy(update={"overlap_s": 0.0})])
def test_a_future_span_is_stored_and_skips_nothing(store: Store, config: SourceConfig) -> None:
    """One host a year ahead: its span is stored, and the position stays where the others are."""
    arrivals = [arrival("a", "1", 0.0), arrival("x", "2", 5.0, skew_s=365 * DAY)]
    clock = Clock(EPOCH + dt.timedelta(hours=1))
    pull(store, SimulatedSource(clock, arrivals), "desk", config, clock=clock)
    position = store.positions.get("desk", position_key("simulated", config))
    assert EPOCH == position.high
    assert sent(arrivals) == stored(store)
