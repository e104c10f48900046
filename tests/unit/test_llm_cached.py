"""Answers by content: paid once, shared in flight, written behind and never twice."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from support.chats import ask

from burnish.adapters.llm.cached import CachedModel
from burnish.domain.chat import ChatReply, ChatRequest, PaidReply
from burnish.errors import ModelError, StoreError
from burnish.testing import MemoryCache, ScriptedModel


class Slow(ScriptedModel):
    """A scripted model that answers when `go` is set."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(answers)
        self.go = asyncio.Event()

    async def complete(self, request: ChatRequest) -> ChatReply:
        reply = await super().complete(request)
        await self.go.wait()
        return reply


class Books(MemoryCache):
    """A cache that keeps every entry it was given, like accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.booked: list[tuple[str, str, str | None]] = []
        self.failures = 0
        self.hold: threading.Event | None = None

    def put_many(self, answers: Sequence[PaidReply]) -> None:
        if self.hold is not None:
            self.hold.wait(5)
        if self.failures:
            self.failures -= 1
            raise StoreError("locked")
        super().put_many(answers)
        self.booked += [(one.reply.text, one.model, one.night) for one in answers]


def cached(inner: ScriptedModel, cache: MemoryCache, identity: str = "here") -> CachedModel:
    return CachedModel(inner, cache, identity=identity, night="n1")


async def test_an_answer_is_paid_once() -> None:
    """The second time an answer comes from the cache and says so; a restart finds it too."""
    cache = Books()
    inner = ScriptedModel(["one"])
    model = cached(inner, cache)
    first, second = await model.complete(ask()), await model.complete(ask())
    await model.aclose()
    third = await cached(ScriptedModel([]), cache).complete(ask())
    assert [("one", False), ("one", True), ("one", True)] == [(r.text, r.cached) for r in (first, second, third)]
    assert [("one", "scripted", "n1")] == cache.booked


async def test_naming_the_model_that_answers_is_no_other_question() -> None:
    """Judges are bound to their model's name; answers paid for before they were are found."""
    cache = MemoryCache()
    model = cached(ScriptedModel(["one", "two"]), cache)
    asked = [ask(), ask().model_copy(update={"model": model.name}), ask().model_copy(update={"model": "other"})]
    assert ["one", "one", "two"] == [(await model.complete(request)).text for request in asked]


async def test_what_differs_is_asked_for() -> None:
    """Another salt, endpoint or model name is another question; another purpose is not."""
    cache = MemoryCache()
    for identity, name, request in (
        ("here", "m", ask()),
        ("here", "m", ask(salt="2")),
        ("there", "m", ask()),
        ("here", "n", ask()),
    ):
        model = cached(ScriptedModel(["new"], name=name), cache, identity)
        assert not (await model.complete(request)).cached
        await model.aclose()
    assert (await cached(ScriptedModel([], name="m"), cache).complete(ask(purpose="judge"))).cached


async def test_equal_questions_in_flight_are_asked_once() -> None:
    """Of five equal questions at once one is paid, and only that one is not marked as cached."""
    inner = Slow("one")
    model = cached(inner, MemoryCache())
    asked = [asyncio.create_task(model.complete(ask())) for _ in range(5)]
    await asyncio.sleep(0)
    inner.go.set()
    replies = await asyncio.gather(*asked)
    await model.aclose()
    assert 1 == len(inner.requests)
    assert [False, True, True, True, True] == [reply.cached for reply in replies]


async def test_an_error_is_shared_but_not_kept() -> None:
    """Those who waited get the same error; the next question is asked anew."""
    inner = Slow(ModelError("down"), "up")
    inner.go.set()
    model = cached(inner, MemoryCache())
    found = await asyncio.gather(*(model.complete(ask()) for _ in range(3)), return_exceptions=True)
    assert ["down"] * 3 == [str(error) for error in found]
    assert "up" == (await model.complete(ask())).text
    await model.aclose()


async def test_one_who_leaves_does_not_take_the_answer_with_him() -> None:
    """When the first of two is cancelled, the second still gets the answer."""
    inner = Slow("one")
    model = cached(inner, MemoryCache())
    first, second = (asyncio.create_task(model.complete(ask())) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0)
    inner.go.set()
    assert "one" == (await second).text
    assert first.cancelled()
    await model.aclose()


async def test_a_call_nobody_waits_for_is_given_up() -> None:
    """When all who wait are cancelled, so is the call, and the question can be asked again."""
    inner = Slow("one", "two")
    model = cached(inner, MemoryCache())
    only = asyncio.create_task(model.complete(ask()))
    await asyncio.sleep(0.01)
    only.cancel()
    await asyncio.sleep(0.01)
    inner.go.set()
    assert "two" == (await model.complete(ask())).text
    await model.aclose()


async def test_a_call_that_is_ending_takes_nobody_with_it() -> None:
    """Who asks while a given-up call is still ending gets a call of his own, not its cancellation."""
    ended = asyncio.Event()

    class Lingering(Slow):
        async def complete(self, request: ChatRequest) -> ChatReply:
            try:
                return await super().complete(request)
            except asyncio.CancelledError:
                await ended.wait()  # as a connection that takes its time to close
                raise

    inner = Lingering("one", "two", "three")
    model = cached(inner, MemoryCache())
    only = asyncio.create_task(model.complete(ask()))
    await asyncio.sleep(0.01)
    only.cancel()
    await asyncio.wait([only])
    late = asyncio.create_task(model.complete(ask()))
    await asyncio.sleep(0.01)
    ended.set()  # the first call ends only now, and must not take the second one's place away
    await asyncio.sleep(0.01)
    later = asyncio.create_task(model.complete(ask()))
    await asyncio.sleep(0.01)
    inner.go.set()
    assert ["two", "two"] == [reply.text for reply in await asyncio.gather(late, later)]
    assert 2 == len(inner.requests)
    await model.aclose()


async def test_closing_during_a_write_books_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write under way when the model is closed is waited for, not repeated: accounts add up what they get."""
    monkeypatch.setattr("burnish.adapters.llm.cached.FLUSH_EVERY_S", 0.01)
    cache = Books()
    cache.hold = threading.Event()
    model = cached(ScriptedModel(["one"]), cache)
    await model.complete(ask())
    await asyncio.sleep(0.1)  # the writer is inside put_many now
    closing = asyncio.create_task(model.aclose())
    await asyncio.sleep(0.05)
    cache.hold.set()
    await closing
    await asyncio.sleep(0.05)
    assert ["one"] == [text for text, _, _ in cache.booked]


async def test_a_store_that_refuses_once_gets_the_answer_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed write loses nothing: the answers are written with the next one."""
    monkeypatch.setattr("burnish.adapters.llm.cached.FLUSH_EVERY_S", 0.01)
    cache = Books()
    cache.failures = 1
    model = cached(ScriptedModel(["one"]), cache)
    await model.complete(ask())
    await asyncio.sleep(0.1)
    assert ["one"] == [text for text, _, _ in cache.booked]
    await model.aclose()


async def test_a_store_that_keeps_refusing_is_an_error_at_the_end() -> None:
    """Answers that could not be written do not vanish silently."""
    cache = Books()
    cache.failures = 99
    model = cached(ScriptedModel(["one"]), cache)
    await model.complete(ask())
    with pytest.raises(StoreError, match="locked"):
        await model.aclose()


class Shelf(MemoryCache):
    """A cache that remembers how often it was looked through, and may be broken."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__()
        self.looks: list[int] = []
        self.broken = broken

    def get_many(self, keys: Sequence[str]) -> dict[str, ChatReply]:
        self.looks.append(len(keys))
        if self.broken:
            raise StoreError("locked")
        return super().get_many(keys)


async def test_questions_of_the_same_moment_are_looked_up_together() -> None:
    """Twenty questions at once are one look into the cache, and each gets its own answer."""
    shelf = Shelf()
    model = cached(ScriptedModel(lambda request: request.messages[-1].text), shelf)
    replies = await asyncio.gather(*(model.complete(ask(str(i))) for i in range(20)))
    await model.aclose()
    assert [str(i) for i in range(20)] == [reply.text for reply in replies]
    assert [20] == shelf.looks


async def test_questions_soon_after_one_another_share_a_look() -> None:
    """The first question is looked up at once; those of the next moments wait for each other."""
    shelf = Shelf()
    model = cached(ScriptedModel(lambda request: request.messages[-1].text), shelf)
    await model.complete(ask("first"))

    async def after(rounds: int) -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)
        await model.complete(ask(str(rounds)))

    await asyncio.gather(*(after(rounds) for rounds in (0, 5, 10)))
    await model.aclose()
    assert [1, 3] == shelf.looks


async def test_a_cache_that_cannot_be_read_fails_every_question_and_pays_none() -> None:
    """Without knowing what is paid for already, nothing is paid."""
    inner = ScriptedModel([])
    model = cached(inner, Shelf(broken=True))
    answers = await asyncio.gather(*(model.complete(ask(str(i))) for i in range(3)), return_exceptions=True)
    assert [StoreError] * 3 == [type(answer) for answer in answers]
    assert [] == inner.requests
