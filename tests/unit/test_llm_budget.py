"""The budget of a night, held under concurrency."""

import asyncio

import pytest
from support.chats import ask

from burnish.adapters.llm.budget import Budget, BudgetedModel
from burnish.adapters.llm.cached import CachedModel
from burnish.adapters.llm.pricing import PaidModelError
from burnish.domain.chat import Allowance, ChatReply, ChatRequest
from burnish.errors import BudgetExceededError, ConfigError, TransientModelError
from burnish.testing import MemoryCache, ScriptedModel


class Patient(ScriptedModel):
    """A scripted model that lets others run before it answers."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        await asyncio.sleep(0.001)
        return await super().complete(request)


def priced(usd: float) -> ScriptedModel:
    return ScriptedModel(lambda _: ChatReply(text="x", model="m", cost_usd=usd))


async def test_exactly_as_many_calls_as_allowed() -> None:
    """Fifty concurrent calls of two models against a budget of seven: seven are made, the others say why not."""
    budget = Budget(Allowance(calls=7))
    inner = [Patient(lambda _: "x") for _ in range(2)]
    models = [BudgetedModel(model, budget, priced=False) for model in inner]
    found = await asyncio.gather(*(models[i % 2].complete(ask(str(i))) for i in range(50)), return_exceptions=True)
    assert 7 == sum(len(model.requests) for model in inner) == sum(isinstance(reply, ChatReply) for reply in found)
    errors = {str(error) for error in found if isinstance(error, BudgetExceededError)}
    assert {
        "7 of 7 model calls of this night are spent; raise [budget] in the agent's file, or go on tomorrow"
    } == errors
    assert budget.exhausted


async def test_dollars_end_the_night() -> None:
    """Once the limit is reached no further call is made; the error says how much of what is spent."""
    budget = Budget(Allowance(usd=0.05))
    inner = priced(0.02)
    model = BudgetedModel(inner, budget, priced=True)
    for i in range(3):
        await model.complete(ask(str(i)))
    with pytest.raises(BudgetExceededError, match=r"0\.0600 of 0\.0500 USD of this night are spent"):
        await model.complete(ask("4"))
    assert 3 == len(inner.requests)


async def test_a_night_goes_on_with_what_it_has_spent() -> None:
    """What was spent before a restart and by the agent itself counts."""
    budget = Budget(Allowance(calls=10), spent_calls=6)
    budget.charge(3, 0.5)
    model = BudgetedModel(ScriptedModel(["x"]), budget, priced=True)
    await model.complete(ask("1"))
    with pytest.raises(BudgetExceededError, match="10 of 10"):
        await model.complete(ask("2"))
    assert 0.5 == budget.usd


def test_asking_counts_nothing() -> None:
    """For agents that call a model by themselves the budget can be asked before, and is charged afterwards."""
    budget = Budget(Allowance(calls=2))
    budget.check()
    budget.charge(2, None)
    with pytest.raises(BudgetExceededError, match="2 of 2"):
        budget.check()
    assert (2, True) == (budget.calls, budget.exhausted)


async def test_dollars_need_prices() -> None:
    """A limit in dollars over a model without prices is refused at once with what to set; a limit of calls is not."""
    with pytest.raises(ConfigError, match="set input_price and output_price"):
        BudgetedModel(ScriptedModel([]), Budget(Allowance(usd=1.0)), priced=False)
    BudgetedModel(ScriptedModel([]), Budget(Allowance(calls=1)), priced=False)


async def test_a_call_that_never_came_through_is_given_back() -> None:
    """An endpoint that answered nothing took neither a call nor money."""
    budget = Budget(Allowance(calls=1))
    model = BudgetedModel(ScriptedModel([TransientModelError("busy"), "x"]), budget, priced=True)
    with pytest.raises(TransientModelError):
        await model.complete(ask())
    assert "x" == (await model.complete(ask())).text


async def test_an_unusable_answer_is_paid_all_the_same() -> None:
    """A reply that does not fit its schema costs what it costs."""
    budget = Budget(Allowance(calls=2, usd=1.0))
    model = BudgetedModel(ScriptedModel([PaidModelError("no JSON", 0.25)]), budget, priced=True)
    with pytest.raises(PaidModelError):
        await model.complete(ask())
    assert (1, 0.25) == (budget.calls, budget.usd)


async def test_a_cancelled_call_counts() -> None:
    """It may have been paid, so it is not given back."""
    budget = Budget(Allowance(calls=1))
    call = asyncio.create_task(BudgetedModel(Patient(["x"]), budget, priced=True).complete(ask()))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert 1 == budget.calls


async def test_the_cache_costs_nothing() -> None:
    """Hits outside the budget leave it alone."""
    budget = Budget(Allowance(calls=1))
    inner = BudgetedModel(priced(0.1), budget, priced=True)
    model = CachedModel(inner, MemoryCache(), identity="here", night=None)
    for _ in range(3):
        await model.complete(ask())
    await model.aclose()
    assert (1, 0.1) == (budget.calls, budget.usd)
