"""A night's model from end to end: loopback endpoint, budget, cache and accounts in the store."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.chats import ask
from support.databases import sqlite_url
from support.model_server import Answer, ModelServer, completion

from burnish.adapters.llm.budget import Budget
from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.registry import NightModel, open_model
from burnish.adapters.store import Store
from burnish.domain.chat import Allowance
from burnish.errors import ConfigError, ModelError
from burnish.project import ModelConfig

PRICES = ModelConfig(input_price=100.0, output_price=200.0)
PRICE = (12 * 100.0 + 3 * 200.0) / 1e6  # of one answer of the loopback server


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


@pytest.fixture
def books(url: str) -> Iterator[Store]:
    with Store.open(url) as store:
        yield store


@asynccontextmanager
async def night_model(
    store: Store,
    base_url: str | None,
    *,
    night: str = "n1",
    budget: Budget | None = None,
    config: ModelConfig = PRICES,
    places: int = 8,
    local: bool = False,
) -> AsyncIterator[NightModel]:
    model = open_model(
        "fake-model", config, base_url=base_url, api_key="sk-0123456789", local=local, timeout_s=5.0, night=night,
        lanes=Lanes(places), budget=budget or Budget(Allowance()), cache=store.calls,
    )  # fmt: skip
    try:
        yield model
    finally:
        await model.aclose()


async def test_a_call_is_booked_with_its_price(books: Store) -> None:
    """A call costs what the prices say: in the reply, in the budget and in the night's accounts."""
    budget = Budget(Allowance(calls=10, usd=1.0))
    async with ModelServer() as server, night_model(books, server.base_url, budget=budget) as model:
        reply = await model.complete(ask(purpose="judge"))
    assert pytest.approx(PRICE) == reply.cost_usd
    assert (1, pytest.approx(PRICE)) == (budget.calls, budget.usd)
    assert (1, pytest.approx(PRICE)) == books.calls.spent("n1")
    assert [("judge", 1, 12, 3)] == [
        (row["purpose"], row["calls"], row["input_tokens"], row["output_tokens"]) for row in books.calls.totals("n1")
    ]


async def test_an_answer_survives_a_restart_and_is_free_then(url: str) -> None:
    """A new process finds the answer in the store; the next night, its budget and its accounts pay nothing."""
    async with ModelServer() as server:
        with Store.open(url) as store:
            async with night_model(store, server.base_url) as model:
                first = await model.complete(ask())
        with Store.open(url) as store:
            budget = Budget(Allowance(calls=0))
            async with night_model(store, server.base_url, night="n2", budget=budget) as model:
                second = await model.complete(ask())
            assert (1, pytest.approx(PRICE)) == store.calls.spent("n1")
            assert (0, 0.0) == store.calls.spent("n2")
    assert first.model_copy(update={"cached": True}) == second
    assert (1, 0, False) == (len(server.requests), budget.calls, budget.exhausted)


async def test_another_endpoint_answers_for_itself(books: Store) -> None:
    """The same model name at another address is another model, as is another salt."""
    async with ModelServer() as here, ModelServer() as there:
        for server, salt in ((here, ""), (there, ""), (here, "2"), (here, "")):
            async with night_model(books, server.base_url) as model:
                await model.complete(ask(salt=salt))
    assert (2, 1) == (len(here.requests), len(there.requests))


async def test_the_embedded_model_is_the_same_on_every_port_and_free(books: Store) -> None:
    """Its server takes another port every time; its answers are found again and cost nothing even beside prices."""
    budget = Budget(Allowance(usd=0.01))
    async with ModelServer() as first, ModelServer() as second:
        for server in (first, second):
            async with night_model(books, server.base_url, local=True, budget=budget) as model:
                reply = await model.complete(ask())
    assert (1, 0) == (len(first.requests), len(second.requests))
    assert (0.0, (1, 0.0)) == (reply.cost_usd, books.calls.spent("n1"))


async def test_equal_questions_of_a_crowd_are_paid_once(books: Store) -> None:
    """Forty callers with ten questions make ten calls, and never more at once than there are places."""
    async with ModelServer(latency=0.02) as server, night_model(books, server.base_url, places=3) as model:
        await asyncio.gather(*(model.complete(ask(str(number % 10))) for number in range(40)))
    assert (10, 3) == (len(server.requests), server.peak)
    assert 10 == books.calls.spent("n1")[0]


async def test_dollars_without_prices_are_refused(books: Store) -> None:
    """A limit in dollars needs both prices; one is not enough."""
    with pytest.raises(ConfigError, match="the price of fake-model is not known"):
        async with night_model(
            books, "http://127.0.0.1:9/v1", config=ModelConfig(input_price=1.0), budget=Budget(Allowance(usd=1.0))
        ):
            pass


async def test_a_refused_call_costs_nothing(books: Store) -> None:
    """A 400 is told at once, takes nothing from the budget and nothing into the cache."""
    budget = Budget(Allowance(calls=1))
    script = [Answer({"error": {"message": "too long"}}, status=400), Answer(completion("fine"))]
    async with ModelServer(script) as server, night_model(books, server.base_url, budget=budget) as model:
        with pytest.raises(ModelError, match="HTTP 400: too long"):
            await model.complete(ask())
        assert (0, False) == (budget.calls, budget.exhausted)
        assert "fine" == (await model.complete(ask())).text
