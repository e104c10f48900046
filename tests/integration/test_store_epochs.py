from datetime import UTC, datetime, timedelta

from support.store_samples import START, judged, trace

from burnish.adapters.store import Store
from burnish.domain.agreement import Rating
from burnish.domain.datasets import Example, Split
from burnish.domain.feedback import ADJUDICATED, EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.domain.traces import Usage


def human(trace_id: str, score: float | None, author: str, key: str = "helpful", version: str = "") -> Feedback:
    return Feedback(trace_id=trace_id, key=key, source=FeedbackSource.HUMAN, score=score, author=author,
                    version=version, created_at=START)  # fmt: skip


def test_scores_are_summed_by_day_and_tenth(store: Store) -> None:
    """A point has count, passes from the threshold up and its histogram; an epoch says when it was given."""
    store.traces.add(trace(f"t{n}", after=n * 3_600) for n in range(4))
    store.feedback.add([judged(f"t{n}", score, after=n) for n, score in enumerate((0.0, 0.35, 0.6, 1.0))])
    (one,) = store.feedback.series("support", pass_at=0.6)
    (point,) = one.points
    assert (4, 2) == (point.count, point.passed)
    assert (1, 0, 0, 1, 0, 0, 1, 0, 0, 1) == point.tenths
    assert timedelta(seconds=3) == one.last_at - one.first_at


def test_failures_are_grouped_by_reason(store: Store) -> None:
    """The same error with the same message is one group with one of its traces, the most frequent first."""
    store.traces.add(trace(f"t{n}") for n in range(4))
    store.feedback.add_failures(
        EvaluatorFailure(trace_id=f"t{n}", evaluator="helpful", version="v1", error="ModelError",
                         message="no JSON" if n else "time-out", created_at=START + timedelta(seconds=n))
        for n in range(4)
    )  # fmt: skip
    first, second = store.feedback.failure_groups("support")
    assert ("no JSON", 3, START + timedelta(seconds=3), "t3") == (
        first.message, first.count, first.newest_at, first.example
    )  # fmt: skip
    assert ("time-out", 1) == (second.message, second.count)
    assert [] == store.feedback.failure_groups("other")


def test_people_stand_beside_every_version_of_a_judge(store: Store) -> None:
    """Whose word counts is what `ratings` says, for each version, with the words in full."""
    store.traces.add(trace(f"t{n}") for n in range(4))
    store.feedback.add([judged(f"t{n}", float(n % 2), version=v) for n in range(4) for v in ("v1", "v2")])
    store.feedback.add(
        [human("t0", 1.0, "ana"), human("t0", 0.0, "ben"), human("t0", 1.0, "eva", version=ADJUDICATED),
         human("t1", 0.0, "ana", "review"), human("t2", None, "ana"), human("t3", 1.0, "ana", "review"),
         human("t3", 0.0, "ben")]
    )  # fmt: skip
    found = store.feedback.beside_people("support", "helpful", ("review",))
    for version in ("v1", "v2"):
        rated = {i: rating for i, item in found.items() if (rating := item.rating(version)) is not None}
        assert store.feedback.ratings("support", "helpful", version, ("review",)) == rated
    assert Rating(0.0, (1.0,)) == found["t0"].rating("v1")
    assert ["eva"] == [one.author for one in found["t0"].people]
    assert {"ana", "ben"} == {one.author for one in found["t0"].blind}
    assert found["t0"].rating("v3") is None


def test_a_page_goes_on_behind_the_last_trace(store: Store) -> None:
    """Pages by cursor hold every trace once, also where many started at the same moment."""
    store.traces.add(trace(f"t{n:02d}", after=n // 4) for n in range(20))
    query, shown = TraceQuery(limit=7), []
    while True:
        page = store.traces.page(query, 100)
        shown += [one.trace_id for one in page.traces]
        if not page.more:
            break
        query = query.model_copy(update={"before": (page.traces[-1].started_at, page.traces[-1].trace_id)})
    assert store.traces.ids(TraceQuery()) == shown


def test_a_search_stops_and_says_where(store: Store) -> None:
    """What no index leads to is looked for among so many traces; going on from there finds the rest."""
    store.traces.add(
        trace(f"t{n:02d}", after=n // 4, environment="rare" if n in (1, 11) else "usual") for n in range(20)
    )
    query = TraceQuery(environment="rare", limit=5)
    first = store.traces.page(query, 12)
    assert (["t11"], True) == ([one.trace_id for one in first.traces], first.searched)
    assert first.reached is not None
    assert "t08" == first.reached[1]
    rest = store.traces.page(query.model_copy(update={"before": first.reached}), 12)
    assert (["t01"], None, False) == ([one.trace_id for one in rest.traces], rest.reached, rest.more)


def test_filters_find_what_they_name(store: Store) -> None:
    """Users, prompt versions, ids, what people said, and scores on either side of a limit."""
    store.traces.add(
        trace(f"t{n}", after=n, user_id=f"u{n % 2}", prompt_version=str(n % 3), name="chat" if n else "Odd_name")
        for n in range(6)
    )
    store.feedback.add([judged(f"t{n}", n / 5) for n in range(6)] + [judged("t5", 0.0, version="v2", after=9)])
    store.feedback.add([human("t2", None, "ana")])

    def ids(**asked: object) -> list[str]:
        return [one.trace_id for one in store.traces.page(TraceQuery.model_validate(asked), 100).traces]

    assert ["t5", "t3", "t1"] == ids(user_id="u1")
    assert ["t4", "t1"] == ids(prompt_version="1")
    assert ["t4", "t0"] == ids(ids=("t0", "t4", "none"))
    assert ["t2"] == ids(heard=True)
    assert ["t5", "t2", "t1", "t0"] == ids(below=("helpful", 0.5))
    assert ["t4", "t3"] == ids(at_least=("helpful", 0.5))
    assert ["t0"] == ids(text="odd_")
    assert ["t3"] == ids(text="t3")
    assert [] == ids(text="%")
    assert ["support"] == store.traces.known_agents()


def test_model_calls_are_summed_by_model(store: Store) -> None:
    """An agent's calls by purpose and model, with when they were booked; another agent's are not among them."""
    for number in range(4):
        store.calls.record("judge/helpful", f"m{number % 2}", Usage(input_tokens=10, output_tokens=1), 0.5, 2.0,
                           "support/2026-03-14", f"k{number}")  # fmt: skip
    store.calls.record("judge/helpful", "m9", Usage(), 1.0, 1.0, "support2/2026-03-14", "k9")
    store.calls.record("target", "m9", Usage(), 1.0, 1.0, "support/2026-03-14", "k8")
    found = store.calls.models("support", "judge/")
    assert [("m0", 2, 20, 1.0, 4.0), ("m1", 2, 20, 1.0, 4.0)] == sorted(
        (one.model, one.calls, one.input_tokens, one.cost_usd, one.seconds) for one in found
    )
    assert all(one.first_at <= one.last_at <= datetime.now(UTC) for one in found)


def test_the_stamp_moves_with_every_write(store: Store) -> None:
    """It stays while nobody writes, and differs after a write of this store or of another one on the same database."""
    stamps = [store.stamp()]
    store.traces.list(TraceQuery())
    assert store.stamp() == stamps[0]
    store.traces.add([trace("t1")])
    stamps.append(store.stamp())
    with Store.open(store.url) as other:
        other.feedback.add([judged("t1", 1.0)])
    stamps.append(store.stamp())
    assert 3 == len(set(stamps))


def test_a_trace_names_its_open_examples_alone(store: Store) -> None:
    """Train and dev examples of a trace are told, held-out ones never."""
    examples = [Example(id=f"e{n}", input=f"q{n}", expected="a", group=f"g{n}", trace_id="t1") for n in range(3)]
    store.datasets.add("support", "main", list(zip(examples, (Split.TRAIN, Split.DEV, Split.HELD_OUT), strict=True)))
    assert [("main", "e0", Split.TRAIN), ("main", "e1", Split.DEV)] == store.datasets.of_trace("support", "t1")
