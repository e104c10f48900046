"""The model of a night: endpoint, budget, cache and store together."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.chats import LABEL, ask
from support.model_server import Answer, ModelServer, completion

from burnish.adapters.llm.budget import Budget
from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.registry import NightModel, open_model
from burnish.domain.chat import Allowance
from burnish.errors import BudgetExceededError, ModelError
from burnish.project import ModelConfig

if TYPE_CHECKING:
    from burnish.adapters.store import Store

NIGHT = "agent/2026-03-01"


def opened(store: "Store", base_url: str, allowance: Allowance) -> NightModel:
    calls, dollars = store.calls.spent(NIGHT)
    return open_model(
        "m1",
        ModelConfig(input_price=1.0, output_price=2.0),
        base_url=base_url,
        api_key="none",
        local=False,
        lanes=Lanes(4),
        timeout_s=10.0,
        budget=Budget(allowance, spent_calls=calls, spent_usd=dollars),
        cache=store.calls,
        night=NIGHT,
        accounts=store.calls,
    )


async def test_a_restart_pays_for_nothing_again(store: "Store") -> None:
    """What one process asked, the next finds; each paid call is booked once and the budget goes on from there."""
    async with ModelServer() as server:
        first = opened(store, server.base_url, Allowance(calls=6))
        await asyncio.gather(*(first.complete(ask(str(i % 5), purpose="judge")) for i in range(10)))
        await first.aclose()
        assert (5, pytest.approx(5 * 18e-6)) == store.calls.spent(NIGHT)

        second = opened(store, server.base_url, Allowance(calls=6))
        replies = await asyncio.gather(*(second.complete(ask(str(i))) for i in range(5)))
        assert [True] * 5 == [reply.cached for reply in replies]
        assert not (await second.complete(ask("new"))).cached
        with pytest.raises(BudgetExceededError, match="6 of 6"):
            await second.complete(ask("newer"))
        await second.aclose()
        assert 6 == len(server.requests)
    assert 6 == store.calls.spent(NIGHT)[0]


async def test_the_budget_holds_where_the_server_counts(store: "Store") -> None:
    """Forty different questions at once against a budget of nine: the endpoint sees nine requests."""

    def answer(_: dict[str, Any]) -> Answer:
        return Answer(completion(), latency=0.005)

    async with ModelServer(answer) as server:
        model = opened(store, server.base_url, Allowance(calls=9))
        found = await asyncio.gather(*(model.complete(ask(str(i))) for i in range(40)), return_exceptions=True)
        await model.aclose()
    assert 9 == len(server.requests) == sum(not isinstance(item, BaseException) for item in found)
    assert 4 == server.peak
    assert 9 == store.calls.spent(NIGHT)[0]


async def test_answers_that_could_not_be_used_are_not_forgotten(store: "Store") -> None:
    """A refusal and a misfit asked twice were paid: the accounts and the budget of the next start know of them."""
    misfit = Answer(completion("no label"))
    refusal = Answer(completion(None, refusal="no"))
    async with ModelServer([refusal, misfit, misfit, refusal]) as server:
        first = opened(store, server.base_url, Allowance(calls=3))
        for request in (ask("1", purpose="judge"), ask("2", response_schema=LABEL), ask("1", purpose="judge")):
            with pytest.raises(ModelError):
                await first.complete(request)
        await first.aclose()
        assert (3, pytest.approx(4 * 18e-6)) == store.calls.spent(NIGHT)
        assert {"judge": (2, 24), "other": (1, 24)} == {
            row["purpose"]: (row["calls"], row["input_tokens"]) for row in store.calls.totals(NIGHT)
        }

        second = opened(store, server.base_url, Allowance(calls=3))
        with pytest.raises(BudgetExceededError, match="3 of 3"):
            await second.complete(ask("new"))
        await second.aclose()
        assert 4 == len(server.requests)
