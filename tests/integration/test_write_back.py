"""Feedback goes back to where the traces came from: each once, only what was asked for, whatever breaks."""

import datetime as dt
from datetime import date
from typing import Any

import pytest
from support.simulated_source import Annotated, Clock, SimulatedSource, arrival

from burnish.adapters.sources.base import Window
from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.feedback import CRITERION, Feedback, FeedbackSource
from burnish.domain.nights import Night
from burnish.domain.proposals import Cluster
from burnish.loop.pull import pull
from burnish.loop.write_back import CLUSTER, WriteBackReport, write_back
from burnish.project import AgentConfig

NOW = utc_now()
TRACES = ("a", "b", "c")
ALL = Window(start=NOW - dt.timedelta(days=1), end=None)


def config(**rule: Any) -> AgentConfig:
    return AgentConfig.model_validate(
        {
            "name": "desk",
            "repository": {"url": "x"},
            "source": {"kind": "simulated", "write_back": {"enabled": True, **rule}},
            "target": {},
            "improve": {"metric": "helpful"},
        }
    )


def judged(trace_id: str, score: float, key: str = "helpful", version: str = "v1", **more: Any) -> Feedback:
    fields = {"source": FeedbackSource.JUDGE, "author": key, **more}
    return Feedback(trace_id=trace_id, key=key, score=score, version=version, **fields)


@pytest.fixture
def filled(store: Store) -> Store:
    """Three traces from the source, one from elsewhere; a judge's scores on each."""
    clock = Clock(NOW)
    hour_ago = NOW - dt.timedelta(hours=1)
    arrivals = [arrival(one, f"{one}1", 0.0) for one in TRACES]
    arrivals = [type(one)(hour_ago, one.trace_id, one.span_id, hour_ago) for one in arrivals]
    pull(store, SimulatedSource(clock, arrivals), "desk", config().source, clock=clock)
    other = [type(arrivals[0])(hour_ago, "z", "z1", hour_ago)]
    pull(store, SimulatedSource(clock, other, name="other"), "desk", config().source, clock=clock)
    store.feedback.add([judged(one, 0.5) for one in (*TRACES, "z")])
    return store


def back(store: Store, source: SimulatedSource, **rule: Any) -> WriteBackReport:
    return write_back(store, source, config(**rule), sleep=lambda seconds: None)


def test_scores_go_back_once(filled: Store) -> None:
    """Every score of a trace that came from there is written, and the second time none."""
    source = Annotated(Clock(NOW))
    first = back(filled, source)
    assert (3, 0, {"helpful": 3}) == (first.written, first.known, first.keys)
    again = back(filled, source)
    assert (0, 3) == (again.written, again.known)
    assert 3 == source.writes
    assert set(TRACES) == {item.trace_id for item in source.standing.values()}


def test_a_result_that_changed_replaces_itself(filled: Store) -> None:
    """A new score, also of a later version of the evaluator, goes under the id that the first one got."""
    source = Annotated(Clock(NOW))
    back(filled, source)
    filled.feedback.add([judged("a", 1.0, version="v2")])
    assert 1 == back(filled, source).written
    assert 3 == len(source.standing)
    assert [1.0] == [item.score for item in source.standing.values() if item.trace_id == "a"]
    filled.feedback.add([judged("a", 1.0, version="v2", created_at=NOW + dt.timedelta(hours=1))])
    assert 0 == back(filled, source).written  # the same said again is no news


def test_what_came_from_there_does_not_go_back(filled: Store) -> None:
    """People's words entered here go back, those pulled from the source and its own evaluators' do not."""
    here = Feedback(trace_id="a", key="review", source=FeedbackSource.HUMAN, comment="wrong queue", author="ana")
    there = here.model_copy(update={"author": "ben", "trace_id": "b"})
    machine = judged("b", 0.1, key="theirs")
    clock = Clock(NOW)
    source = Annotated(clock, said=[item.model_copy(update={"created_at": NOW}) for item in (there, machine)])
    pull(filled, source, "desk", config().source, clock=clock)
    filled.feedback.add([here])
    assert 2 == sum(item.key in ("review", "theirs") for item in filled.feedback.for_trace("b"))
    back(filled, source)
    assert ["ana"] == [item.author for item in source.standing.values() if item.key == "review"]
    assert not [item for item in source.standing.values() if item.key == "theirs"]


def test_all_that_one_person_said_goes_back(filled: Store) -> None:
    """Criteria are rows of their own, told apart by their version, and so is a decision beside an earlier label."""
    texts = ("names the carrier", "gives a date", "apologises")
    for number, text in enumerate(texts):
        version = str(number or "")
        said = {"key": CRITERION, "source": FeedbackSource.HUMAN, "author": "ana", "version": version}
        filled.feedback.add([Feedback(trace_id="a", comment=text, **said)])
    source = Annotated(Clock(NOW))
    back(filled, source)
    assert sorted(texts) == sorted(item.comment or "" for item in source.standing.values() if item.key == CRITERION)


def test_only_the_named_evaluators_go_back(filled: Store) -> None:
    """`keys` chooses evaluators; what people said goes back beside them."""
    filled.feedback.add([judged(one, 1.0, key="polite") for one in TRACES])
    filled.feedback.add([Feedback(trace_id="a", key="review", source=FeedbackSource.HUMAN, score=1.0, author="ana")])
    assert {"polite": 3, "review": 1} == back(filled, Annotated(Clock(NOW)), keys=("polite",)).keys


def test_members_carry_the_name_of_their_cluster(filled: Store) -> None:
    """The newest night's name as a label, replaced when the cluster is called otherwise; off with clusters = false."""

    def cluster(night: str, name: str) -> Cluster:
        return Cluster(
            id=f"c-{night}",
            agent="desk",
            name=name,
            description="about parcels",
            trace_ids=("a", "z"),
            size=2,
            night=night,
        )

    source = Annotated(Clock(NOW))
    for day, name in ((1, "lost parcels"), (2, "late parcels")):
        night = Night.id_for("desk", date(2026, 1, day))
        filled.clusters.save("desk", night, [cluster(night, name)])
        back(filled, source)
        (label,) = [item for item in source.standing.values() if item.key == CLUSTER]
        assert ("a", name, "about parcels") == (label.trace_id, label.value, label.comment)
    assert CLUSTER not in back(filled, Annotated(Clock(NOW)), clusters=False).keys


def test_a_source_that_breaks_off_is_taken_up_where_it_stopped(filled: Store) -> None:
    """What was written is booked at once; the next time only the rest is written."""
    report = back(filled, Annotated(Clock(NOW), refuse_after=2))
    assert (2, "the simulated store takes no more; try again") == (report.written, report.stopped)
    source = Annotated(Clock(NOW))
    assert (1, 2) == ((again := back(filled, source)).written, again.known)
    assert 1 == source.writes


def test_what_the_source_refuses_is_told_and_tried_again(filled: Store) -> None:
    """One trace that is gone over there costs the others nothing."""
    report = back(filled, Annotated(Clock(NOW), unwanted=["b"]))
    assert (2, 1) == (report.written, report.failed)
    assert ("helpful of trace b: no such trace here",) == report.problems
    assert 1 == back(filled, Annotated(Clock(NOW))).written


def test_nothing_goes_back_unless_it_is_switched_on(filled: Store) -> None:
    """Opt-in; and a source that takes none says so."""
    source = Annotated(Clock(NOW))
    off = back(filled, source, enabled=False)
    assert "not enabled" in off.reason
    assert 0 == source.writes
    assert "takes no feedback" in back(filled, SimulatedSource(Clock(NOW), [])).reason


def test_a_dry_run_counts_and_writes_nothing(filled: Store) -> None:
    """The counts of what the push will write; nothing is booked."""
    source = Annotated(Clock(NOW))
    report = write_back(filled, source, config(), dry=True)
    assert {"helpful": 3} == report.keys
    assert 0 == source.writes
    assert 3 == back(filled, source).written


def test_no_more_than_the_rate_is_written(filled: Store) -> None:
    """Five annotations at two a second take no less than two seconds, in batches of a second's worth."""
    filled.feedback.add([judged(one, 1.0, key="polite") for one in ("a", "b")])
    slept: list[float] = []
    source = Annotated(Clock(NOW))
    time = _Ticks(slept)
    write_back(filled, source, config(per_second=2.0), sleep=slept.append, clock=time)
    assert [2, 2, 1] == source.calls
    assert [1.0, 1.0, 0.5] == slept


class _Ticks:
    """A clock that only sleeping moves."""

    def __init__(self, slept: list[float]) -> None:
        self._slept = slept

    def __call__(self) -> float:
        return sum(self._slept)


def test_a_kill_between_writing_and_booking_leaves_one_annotation(filled: Store) -> None:
    """Written there and not booked here: it is written again, and stands there once."""

    class Dies(Annotated):
        def annotate(self, annotations: Any) -> Any:
            for done in super().annotate(annotations):
                if self.writes == 2:
                    raise KeyboardInterrupt
                yield done

    dying = Dies(Clock(NOW))
    with pytest.raises(KeyboardInterrupt):
        back(filled, dying)
    after = Annotated(Clock(NOW))
    after.standing = dying.standing
    assert 2 == back(filled, after).written
    assert 3 == len(after.standing)


def test_a_trace_that_was_pushed_first_is_the_stores_once_it_is_pulled(filled: Store) -> None:
    """What was judged stays judged, and from then on it goes back; what the store did not give stays here."""
    hour_ago = NOW - dt.timedelta(hours=1)
    arrivals = [type(arrival("p", "p1", 0.0))(hour_ago, one, f"{one}1", hour_ago) for one in ("p", "q")]
    source = Annotated(Clock(NOW))
    traces = [trace for batch in SimulatedSource(Clock(NOW), arrivals).read_window(ALL) for trace in batch.traces]
    filled.traces.add([trace.model_copy(update={"source": "otlp", "agent": "desk"}) for trace in traces])
    filled.feedback.add([judged("p", 0.5), judged("q", 0.5)])
    assert 3 == back(filled, source).written
    pull(filled, SimulatedSource(Clock(NOW), arrivals[:1]), "desk", config().source, clock=Clock(NOW))
    assert ["helpful"] == [item.key for item in filled.feedback.for_trace("p")]
    again = back(filled, source)
    assert (1, 3) == (again.written, again.known)
    assert "p" in {item.trace_id for item in source.standing.values()}
