import pytest
from support.store_samples import START, judged, span, trace

from burnish.adapters.store import Store
from burnish.domain.feedback import EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.listing import IngestSummary, TraceQuery
from burnish.domain.traces import Message, ReasoningPart, SpanStatus, TextPart, ToolCallPart, ToolResultPart, ToolUse
from burnish.errors import NotFoundError


def test_a_trace_comes_back_as_it_went_in(store: Store) -> None:
    """Nothing of a trace is lost or changed on the way through the database."""
    messages = (
        Message(role="user", parts=(TextPart(text='naïve "quotes" \\ 🙂\n'),), name="ann"),
        Message(role="assistant", parts=(ReasoningPart(text="hm"), ToolCallPart(name="f", arguments={"a": [1, None]}))),
        Message(role="tool", parts=(ToolResultPart(result=2.5, id="1"),)),
    )
    inner = span("t1", "call", "root", 0.5, input_messages=messages, attributes={"x.y": {"z": None}, "big": 2**70})
    tool = span("t1", "tool", "root", 0.7, ended_at=None, tool=ToolUse(name="f", arguments="raw", result=[True]))
    root = span("t1", "root", status=SpanStatus.ERROR, status_message="boom")
    given = trace("t1", root, inner, tool, ended_at=None, metadata={"k": [1]}, release="r", prompt_name="p", input=[1])
    store.traces.add([given])
    assert given == store.traces.get("t1")


def test_large_payloads_come_back_whole(store: Store) -> None:
    """A payload that is deflated on disk is the same when read."""
    given = trace("big", span("big", "root", input="é" * 100_000), input={"text": "x" * 50_000})
    store.traces.add([given])
    assert given == store.traces.get("big")


def test_adding_again_changes_nothing(store: Store) -> None:
    """A second pull of the same traces is counted as known and keeps the judges' work."""
    given = [trace("t1"), trace("t2")]
    assert IngestSummary(new_traces=2, new_spans=4) == store.traces.add(given)
    store.feedback.add([judged("t1", 0.5)])
    before = store.traces.list(TraceQuery())
    assert IngestSummary(known_spans=4) == store.traces.add(given)
    assert before == store.traces.list(TraceQuery())
    assert [judged("t1", 0.5)] == store.feedback.for_trace("t1")


def test_late_spans_open_the_judging_again(store: Store) -> None:
    """A trace that grew is not what was judged: machines judge it again, people's words stay."""
    human = judged("t1", 1.0, source=FeedbackSource.HUMAN, author="ann")
    store.traces.add([trace("t1"), trace("t2")])
    store.feedback.add([judged("t1", 0.5), judged("t2", 0.5), human])
    store.feedback.add_failures([EvaluatorFailure(trace_id="t1", evaluator="e", version="1", error="E", message="m")])
    late = span("t1", "late", "root", 1.5, usage=None, kind="tool")
    assert IngestSummary(grown_traces=1, new_spans=1) == store.traces.add([trace("t1", late, input=None)])
    assert {"t1": [human], "t2": [judged("t2", 0.5)]} == store.feedback.for_traces(["t1", "t2"])
    assert store.feedback.failures(["t1"]) == {"t1": []}
    grown = store.traces.get("t1")
    assert (grown.input, [one.span_id for one in grown.spans]) == ("question of t1", ["root", "call", "late"])
    assert store.traces.list(TraceQuery(text="of t1"))[0].spans == 3


def test_a_new_version_of_a_span_replaces_the_old(store: Store) -> None:
    """A span sent again with other content is known, but its trace is judged again."""
    store.traces.add([trace("t1")])
    store.feedback.add([judged("t1", 0.5)])
    given = store.traces.get("t1")
    changed = given.spans[1].model_copy(update={"name": "renamed", "cost_usd": 1.5})
    result = store.traces.add([given.model_copy(update={"spans": (given.spans[0], changed)})])
    assert IngestSummary(grown_traces=1, known_spans=2) == result
    assert changed == store.traces.get("t1").spans[1]
    assert store.traces.list(TraceQuery())[0].cost_usd == 1.5
    assert store.feedback.for_trace("t1") == []


def test_children_before_their_root(store: Store) -> None:
    """Batches arrive in any order; the finished trace is the same."""
    root, child = span("t1", "root"), span("t1", "child", "root", 1)
    store.traces.add([trace("t1", child, name="child", input="inner", output=None)])
    store.traces.add([trace("t1", root, input="question", output="answer")])
    got = store.traces.get("t1")
    assert ("chat", "question", "answer", (root, child)) == (got.name, got.input, got.output, got.spans)
    assert IngestSummary(known_spans=1) == store.traces.add(
        [trace("t1", child, name="child", input="inner", output=None)]
    )


def test_a_trace_in_two_parts_of_one_batch(store: Store) -> None:
    """One call may hold a trace several times; its parts join as if they had come one by one."""
    root, child = span("t1", "root"), span("t1", "child", "root", 1)
    parts = [trace("t1", child, name="child"), trace("t1", root), trace("t1", child, name="child")]
    assert IngestSummary(new_traces=1, new_spans=2, known_spans=1) == store.traces.add(parts)
    assert (root, child) == store.traces.get("t1").spans


def test_a_broken_off_ingest_is_made_good_by_running_it_again(store: Store) -> None:
    """A source that dies half-way leaves whole batches; the second run adds the rest and repeats nothing."""
    given = [trace(f"t{number:05d}", after=number) for number in range(1500)]

    def dying() -> object:
        yield from given[:1200]
        raise ConnectionError("the source went away")

    with pytest.raises(ConnectionError):
        store.traces.add(dying())  # type: ignore[arg-type]
    kept = store.traces.count(TraceQuery())
    assert 0 < kept <= 1200
    assert IngestSummary(new_traces=1500 - kept, new_spans=2 * (1500 - kept), known_spans=2 * kept) == store.traces.add(
        given
    )
    assert store.traces.count(TraceQuery()) == 1500


def test_a_batch_is_written_as_a_whole_or_not_at_all(store: Store) -> None:
    """A failure in the middle of a transaction leaves nothing of it."""
    store.traces.add([trace("kept")])

    def lose_power() -> None:
        with store.traces._database.write("traces") as connection:
            connection.exec_driver_sql("DELETE FROM span_payloads")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        lose_power()
    assert len(store.traces.get("kept").spans) == 2


def test_characters_that_postgresql_cannot_hold(store: Store) -> None:
    """NUL and lone surrogates become U+FFFD everywhere, the same on both databases, and the trace is kept."""
    bad, good = "a\x00b\ud800c", "a\ufffdb\ufffdc"
    root = span("t1", "root", input={bad: [bad]}, attributes={"k": bad}, status_message=bad)
    given = trace("t1", root, input=bad, output={"x": bad}, session_id=bad, name=bad, metadata={bad: bad})
    clean_root = span("t1", "root", input={good: [good]}, attributes={"k": good}, status_message=good)
    expected = trace(
        "t1", clean_root, input=good, output={"x": good}, session_id=good, name=good, metadata={good: good}
    )
    store.traces.add([given])
    assert expected == store.traces.get("t1")
    assert good == store.traces.list(TraceQuery())[0].input_preview
    assert IngestSummary(known_spans=1) == store.traces.add([given])


def test_an_escaped_backslash_before_u0000_is_left_alone(store: Store) -> None:
    """Text that only looks like an escaped NUL is kept as it is."""
    given = trace("t1", input="\\u0000")
    store.traces.add([given])
    assert given == store.traces.get("t1")


def test_load_streams_in_the_order_asked(store: Store) -> None:
    """Unknown ids are skipped, repeated ids repeat, and nothing depends on the batches inside."""
    given = {f"t{number:04d}": trace(f"t{number:04d}", after=number) for number in range(450)}
    store.traces.add(given.values())
    asked = ["nowhere", *sorted(given, reverse=True), "t0001"]
    assert [given[one] for one in asked if one in given] == list(store.traces.load(asked))
    assert list(store.traces.load([])) == []


def test_a_beginning_of_an_id_is_enough(store: Store) -> None:
    """Ids may be cut to six characters where that is unique; the advice says what to do otherwise."""
    store.traces.add([trace("abcdef0123"), trace("abcdef9999"), trace("abcdxx0000"), trace("short")])
    assert store.traces.get("abcdxx").trace_id == "abcdxx0000"
    assert store.traces.get("short").trace_id == "short"
    with pytest.raises(NotFoundError, match=r"more than one trace .*abcdef0123, abcdef9999.*more characters"):
        store.traces.get("abcdef")
    with pytest.raises(NotFoundError, match="at least its first 6 characters"):
        store.traces.get("abcdx")
    with pytest.raises(NotFoundError, match="no trace 'ffffff' in the store"):
        store.traces.get("ffffff")
    with pytest.raises(NotFoundError, match="no trace '%bcdef'"):
        store.traces.get("%bcdef")


def test_spans_with_equal_times_keep_their_order(store: Store) -> None:
    """A source without exact times still reads in the order it wrote."""
    names = ["root", "z", "a", "m"]
    spans = [span("t1", name, None if name == "root" else "root") for name in names]
    store.traces.add([trace("t1", *spans)])
    later = span("t1", "b", "root")
    store.traces.add([trace("t1", later)])
    assert [*names, "b"] == [one.name for one in store.traces.get("t1").spans]


def test_feedback_may_come_before_its_trace(store: Store) -> None:
    """A user's thumb is kept although the trace has not arrived."""
    thumb = Feedback(trace_id="t1", key="thumb", source=FeedbackSource.USER, score=0.0, created_at=START)
    store.feedback.add([thumb])
    store.traces.add([trace("t1")])
    assert store.traces.list(TraceQuery())[0].scores == {"thumb": 0.0}
