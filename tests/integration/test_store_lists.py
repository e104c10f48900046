from datetime import timedelta

import pytest
import sqlalchemy as sa
from support.store_samples import START, judged, span, trace

from burnish.adapters.store import Store
from burnish.adapters.store.tables import traces as traces_table
from burnish.adapters.store.trace_lists import _page
from burnish.domain.datasets import Example, Split
from burnish.domain.feedback import FeedbackSource
from burnish.domain.listing import TraceQuery, TraceSummary
from burnish.domain.traces import SpanStatus


def ids(store: Store, **query: object) -> list[str]:
    found = store.traces.ids(TraceQuery(**query))  # type: ignore[arg-type]
    assert found == [row.trace_id for row in store.traces.list(TraceQuery(**query))]  # type: ignore[arg-type]
    return found


def test_a_summary_tells_what_lists_show(store: Store) -> None:
    """Counts, times, previews of 200 characters on one line, and the newest score of each key."""
    store.traces.add(
        [trace("t1", input="x\n" * 300, output={"a": 1}, session_id="s", user_id="u", environment="prod", status="ok")]
    )
    store.feedback.add(
        [judged("t1", 0.1, after=1), judged("t1", 0.9, after=2, version="v2"), judged("t1", None, "label", value="x")]
    )
    assert [
        TraceSummary(
            trace_id="t1",
            agent="support",
            source="otlp",
            name="chat",
            started_at=START,
            latency_s=2.0,
            status=SpanStatus.OK,
            status_message=None,
            session_id="s",
            user_id="u",
            environment="prod",
            prompt_version=None,
            spans=2,
            tokens=10,
            cost_usd=0.25,
            input_preview=("x " * 100),
            output_preview='{"a": 1}',
            scores={"helpful": 0.9},
        )
    ] == store.traces.list(TraceQuery())


def test_lists_are_filtered_by_release_and_main_model(store: Store) -> None:
    """Both are of the whole trace, also where its last span comes later; neither is searched for row by row."""
    first = trace("t2", span("t2", "root"), span("t2", "one", "root", model="small"), release="1.2")
    store.traces.add([trace("t0"), trace("t1", span("t1", "root", model="small"), release="1.1", after=1), first])
    assert ["t1", "t2"] == sorted(ids(store, model="small"))
    for number in range(2):
        store.traces.add([trace("t2", span("t2", f"more {number}", "root", after=1 + number, model="large"))])
    assert ([["t1"], ["t2"], ["t2"]]) == [ids(store, **asked) for asked in (
        {"model": "small"}, {"model": "large", "release": "1.2", "agent": "support"}, {"release": "1.2"},
    )]  # fmt: skip
    assert [("1.1", "small")] == [(one.release, one.model) for one in store.traces.list(TraceQuery(model="small"))]
    page = store.traces.page(TraceQuery(model="large", limit=5), 1)
    assert (["t2"], False) == ([one.trace_id for one in page.traces], page.searched)


def test_newest_first_with_pages(store: Store) -> None:
    """Pages follow each other without gaps, also where times are equal."""
    store.traces.add([trace("a", after=1), trace("b", after=2), trace("c", after=2), trace("d", after=3)])
    assert ids(store) == ["d", "c", "b", "a"]
    assert ids(store, limit=2) == ["d", "c"]
    assert ids(store, limit=2, offset=2) == ["b", "a"]
    assert ids(store, offset=3) == ["a"]
    assert store.traces.count(TraceQuery(limit=1)) == 4


def test_conditions_add_up(store: Store) -> None:
    """Each field of the query narrows the list."""
    store.traces.add(
        [
            trace("a", after=0, session_id="s1", status="error", input="Where is my PARCEL?"),
            trace("b", after=10, output="100% sure"),
            trace("c", after=20, agent="other"),
            trace("d", after=30, source="experiment"),
        ]
    )
    assert ids(store) == ["c", "b", "a"]
    assert ids(store, agent="support") == ["b", "a"]
    assert ids(store, origin="experiment") == ["d"]
    assert ids(store, origin="any") == ["d", "c", "b", "a"]
    assert ids(store, since=START + timedelta(seconds=10)) == ["c", "b"]
    assert ids(store, until=START + timedelta(seconds=10)) == ["a"]
    assert ids(store, status="error") == ["a"]
    assert ids(store, session_id="s1") == ["a"]
    assert ids(store, text="my parcel") == ["a"]
    assert ids(store, text="0% S") == ["b"]
    assert ids(store, text="_% sure") == []
    assert ids(store, agent="other", status="error") == []


def test_another_stores_evaluator_does_not_pass_for_ours(store: Store) -> None:
    """A score pulled later under our metric's name makes no trace fail or pass that ours has judged."""
    store.traces.add([trace("good"), trace("bad"), trace("unjudged")])
    store.feedback.add([judged("good", 0.9), judged("bad", 0.1)])
    theirs = {"source": FeedbackSource.EXTERNAL, "author": "phoenix/llm", "after": 10}
    store.feedback.add([judged("good", 0.0, **theirs), judged("bad", 1.0, **theirs), judged("unjudged", 0.0, **theirs)])
    assert {"bad", "unjudged"} == set(ids(store, below=("helpful", 0.5)))
    assert {"good": 0.9, "bad": 0.1, "unjudged": 0.0} == {
        row.trace_id: row.scores["helpful"] for row in store.traces.list(TraceQuery())
    }


def test_below_looks_at_the_newest_score_of_the_trace(store: Store) -> None:
    """A later, better score takes a trace off the list of failures, and a span's score is not the trace's."""
    store.traces.add([trace(name) for name in ("low", "mended", "worse", "fine", "none", "spanwise")])
    store.feedback.add(
        [
            judged("low", 0.2),
            judged("low", 0.9, "other"),
            judged("mended", 0.2, after=1),
            judged("mended", 0.8, after=2, source=FeedbackSource.HUMAN, author="ann"),
            judged("worse", 0.8, after=1),
            judged("worse", 0.4, after=2, version="v2"),
            judged("fine", 0.5),
            judged("none", None, value="bad"),
            judged("spanwise", 0.1, span_id="call"),
        ]
    )
    assert {"low", "worse"} == set(ids(store, below=("helpful", 0.5)))
    assert store.traces.count(TraceQuery(below=("helpful", 0.5))) == 2
    assert {"low", "mended", "worse", "fine", "none", "spanwise"} == set(ids(store, has_feedback="helpful"))
    assert ids(store, has_feedback="other") == ["low"]


def test_visible_leaves_out_what_is_sealed(store: Store) -> None:
    """Traces behind held-out examples are hidden, and so is a second trace that asks exactly the same."""
    store.traces.add(
        [
            trace("sealed", input="secret"),
            trace("same-question", input="secret"),
            trace("train", input="open"),
            trace("free"),
            trace("other-agent", input="secret", agent="other"),
        ]
    )
    held = Example(id=Example.id_for("support", "secret"), input="secret", trace_id="sealed")
    seen = Example(id=Example.id_for("support", "open"), input="open", trace_id="train")
    store.datasets.add("support", "failures", [(held, Split.HELD_OUT), (seen, Split.TRAIN)])
    assert {"train", "free", "other-agent"} == set(ids(store, visible=True))
    assert store.traces.count(TraceQuery(visible=True)) == 3
    assert store.traces.count(TraceQuery()) == 5


def test_lists_read_no_payloads(store: Store) -> None:
    """Listing a page takes two statements, and none names a payload table."""
    store.traces.add([trace(f"t{number}", after=number) for number in range(20)])
    statements: list[str] = []

    def remember(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    engine = store.traces._database.engine
    sa.event.listen(engine, "before_cursor_execute", remember)
    query = TraceQuery(agent="support", below=("helpful", 1.0), has_feedback="helpful", visible=True, text="q", limit=5)
    store.traces.list(query)
    selects = [one for one in statements if one.startswith("SELECT")]
    store.traces.ids(query)
    store.traces.count(query)
    assert len(selects) == 1  # an empty page asks for no scores
    store.traces.list(TraceQuery(limit=5))
    sa.event.remove(engine, "before_cursor_execute", remember)
    assert len([one for one in statements if one.startswith("SELECT")]) == 5
    assert [one for one in statements if "payload" in one] == []


QUERIES = {
    "agent": TraceQuery(agent="support", limit=50),
    "any agent": TraceQuery(limit=50),
    "any origin": TraceQuery(agent="support", origin="any", limit=50),
    "since": TraceQuery(agent="support", since=START, limit=50),
    "session": TraceQuery(session_id="s1", limit=50),
    "visible": TraceQuery(agent="support", visible=True, limit=50),
    "release": TraceQuery(release="1.2", limit=50),
    "model": TraceQuery(agent="support", model="m", limit=50),
}


@pytest.mark.parametrize("name", QUERIES)
def test_lists_walk_an_index(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """SQLite answers a page from an index in order: no scan of the traces, no sorting."""
    folder = tmp_path_factory.mktemp("plan")
    with Store.open(f"sqlite:///{folder}/store.sqlite3") as store:
        store.traces.add([trace(f"t{number}", after=number) for number in range(50)])
        statement = _page(sa.select(traces_table), QUERIES[name])
        with store.traces._database.read() as connection:
            text = statement.compile(connection.engine, compile_kwargs={"literal_binds": True})
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert any("USING INDEX ix_traces" in step or "USING COVERING INDEX ix_traces" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step or step == "SCAN traces" for step in plan), plan
    assert not any(step.startswith("SCAN examples") for step in plan), plan
