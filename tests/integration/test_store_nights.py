import sqlite3
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from burnish.adapters.store import Store
from burnish.domain.chat import ChatReply, ChatRequest, PaidReply
from burnish.domain.nights import NightState
from burnish.domain.traces import Message, TextPart, ToolCallPart, Usage
from burnish.errors import LeaseHeldError, NotFoundError, StoreError

DAY = date(2026, 1, 31)


def question(text: str, purpose: str = "judge") -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", parts=(TextPart(text=text),)),), purpose=purpose)


def reply(text: str = "yes", cost: float | None = 0.5) -> ChatReply:
    return ChatReply(
        text=text,
        model="m",
        parsed={"score": 1},
        tool_calls=(ToolCallPart(name="f", arguments={"a": 1}),),
        usage=Usage(input_tokens=10, output_tokens=2),
        cost_usd=cost,
        latency_s=0.25,
    )


def pay(store: Store, request: ChatRequest, answer: ChatReply, night: str | None = "n1") -> None:
    store.calls.put_many([PaidReply(request.key, answer, "m", request.purpose, night)])


def test_a_night_is_begun_once(store: Store) -> None:
    """A second start of the same night goes on where the first broke off."""
    night = store.nights.begin("a", DAY)
    store.nights.save_stage(night.id, "ingest", {"new": 3})
    store.nights.save_stage(night.id, "enrich", {"text": "a\x00b", "nested": {"x": [1.5, None]}})
    store.nights.save_stage(night.id, "ingest", {"new": 4})
    again = store.nights.begin("a", DAY)
    assert ("a/2026-01-31", NightState.RUNNING, night.started_at) == (again.id, again.state, again.started_at)
    assert list(again.stages.items()) == [
        ("ingest", {"new": 4}),
        ("enrich", {"text": "a\ufffdb", "nested": {"x": [1.5, None]}}),
    ]
    assert again == store.nights.unfinished("a") == store.nights.get(night.id)
    store.nights.finish(night.id, NightState.PARTIAL)
    ended = store.nights.begin("a", DAY)
    assert NightState.PARTIAL is ended.state
    assert ended.finished_at is not None
    assert None is store.nights.unfinished("a")


def test_nights_are_listed_newest_first(store: Store) -> None:
    """The newest unfinished night is the one to go on with."""
    for agent, day in (("a", 1), ("a", 3), ("b", 2)):
        store.nights.begin(agent, date(2026, 1, day))
    assert [night.id for night in store.nights.list()] == ["a/2026-01-03", "b/2026-01-02", "a/2026-01-01"]
    assert [night.id for night in store.nights.list("a", limit=1)] == ["a/2026-01-03"]
    assert ({"a", "b"}, {"a"}) == (store.nights.agents(2), store.nights.agents(1))
    unfinished = store.nights.unfinished("a")
    assert unfinished is not None
    assert unfinished.id == "a/2026-01-03"


def test_an_unknown_night_is_answered_with_a_known_one(store: Store) -> None:
    """Every call on a night that is not there says which one is."""
    store.nights.begin("a", DAY)
    for call in (
        lambda: store.nights.get("a/2026-01-30"),
        lambda: store.nights.save_stage("a/2026-01-30", "ingest", {}),
        lambda: store.nights.finish("a/2026-01-30", NightState.FINISHED),
        lambda: store.nights.lease("a/2026-01-30", "me", 1),
    ):
        with pytest.raises(NotFoundError, match="no night 'a/2026-01-30'; the newest of 'a' is a/2026-01-31"):
            call()


def test_a_second_holder_waits_for_the_lease(store: Store) -> None:
    """While one process works on a night another is refused; the first may renew and give back."""
    night = store.nights.begin("a", DAY)
    store.nights.lease(night.id, "first", 60)
    store.nights.lease(night.id, "first", 60)
    with pytest.raises(LeaseHeldError, match=r"a/2026-01-31 is being worked on by first; .* (59|60) s until"):
        store.nights.lease(night.id, "second", 60)
    store.nights.release(night.id, "second")
    with pytest.raises(LeaseHeldError):
        store.nights.lease(night.id, "second", 60)
    store.nights.release(night.id, "first")
    store.nights.lease(night.id, "second", 60)


def test_an_expired_lease_is_taken_over(store: Store) -> None:
    """A process that died holds nothing up for longer than its lease."""
    night = store.nights.begin("a", DAY)
    store.nights.lease(night.id, "dead", 0.05)
    time.sleep(0.06)
    store.nights.lease(night.id, "second", 60)
    with pytest.raises(LeaseHeldError, match="by second"):
        store.nights.lease(night.id, "dead", 60)


def test_an_answer_is_kept_and_marked_as_cached(store: Store) -> None:
    """The same question is answered from the store, whole, whatever its purpose."""
    asked = question("why?")
    assert {} == store.calls.get_many([asked.key])
    pay(store, asked, reply("nul \x00"))
    again, other = question("why?", "propose").key, question("why not?").key
    kept = reply("nul \ufffd").model_copy(update={"cached": True})
    assert {asked.key: kept} == store.calls.get_many([again, other])


def test_answers_that_cannot_be_looked_up_are_an_error_of_the_store(tmp_path: Path) -> None:
    """What the driver says of a broken database comes as an error that names it, as everywhere else."""
    url = f"sqlite:///{tmp_path / 'broken.sqlite3'}"
    with Store.open(url) as store:
        with closing(sqlite3.connect(tmp_path / "broken.sqlite3")) as other:
            other.execute("DROP TABLE model_replies")
        with pytest.raises(StoreError, match=r"broken\.sqlite3 refused: no such table"):
            store.calls.get_many(["key"])


def test_a_night_knows_what_it_spent(store: Store) -> None:
    """Paid calls add up by night and purpose; cached ones cost nothing and unpriced ones count as calls."""
    pay(store, question("a"), reply())
    pay(store, question("b", "propose"), reply(cost=None))
    pay(store, question("c"), reply().model_copy(update={"cached": True}))
    pay(store, question("d"), reply(), "n2")
    pay(store, question("e"), reply(), None)
    assert [store.calls.spent(night) for night in ("n1", "n2", "n3")] == [(2, 0.5), (1, 0.5), (0, 0.0)]
    zero = {"input_tokens": 10, "output_tokens": 2, "seconds": 0.25}
    assert [
        {"purpose": "judge", "calls": 1, "cost_usd": 0.5, **zero},
        {"purpose": "propose", "calls": 1, "cost_usd": 0.0, **zero},
    ] == store.calls.totals("n1")
    assert [row["calls"] for row in store.calls.totals()] == [3, 1]


def test_asking_again_costs_again(store: Store) -> None:
    """Two processes that ask the same question at once both pay for it."""
    for _ in range(2):
        pay(store, question("a"), reply())
    assert store.calls.spent("n1") == (2, 1.0)


def test_an_agents_own_call_is_counted_once(store: Store) -> None:
    """Recording the same call again, after a restart, changes nothing."""
    for _ in range(2):
        store.calls.record("target", "m", Usage(input_tokens=5), 0.25, 1.0, "n1", "run/1")
    store.calls.record("target", "m", Usage(), None, 1.0, None, "run/1")
    assert store.calls.spent("n1") == (1, 0.25)
    assert store.calls.totals() == [
        {"purpose": "target", "calls": 2, "input_tokens": 5, "output_tokens": 0, "cost_usd": 0.25, "seconds": 2.0}
    ]
