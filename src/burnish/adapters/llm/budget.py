"""One budget of calls and dollars for a whole night, shared by all its models."""

import asyncio
from collections.abc import Callable

from burnish.adapters.llm.pricing import PaidModelError
from burnish.domain.chat import Allowance, ChatModel, ChatReply, ChatRequest
from burnish.errors import BudgetExceededError, ConfigError

__all__ = ["Bookkeeper", "Budget", "BudgetedModel"]

Bookkeeper = Callable[[ChatRequest, PaidModelError], None]


class Budget:
    """What may still be spent. Calls are reserved before they are made, so that parallel ones never overshoot.

    Dollars are known only afterwards: calls in flight when the limit is reached are still paid. A question asked again
    because the first answer missed its schema counts as one call, with the dollars of both.
    """

    def __init__(self, allowance: Allowance, *, spent_calls: int = 0, spent_usd: float = 0.0) -> None:
        self.allowance = allowance
        self.calls = spent_calls
        self.usd = spent_usd
        self.exhausted = False

    def check(self) -> None:
        """Ask whether one more call may be made, without counting it: for agents that call a model by themselves.

        Raises BudgetExceededError where the budget is spent.
        """
        limit = self.allowance
        if limit.calls is not None and self.calls >= limit.calls:
            self._end(f"{self.calls} of {limit.calls} model calls of this night are spent")
        if limit.usd is not None and self.usd >= limit.usd:
            self._end(f"{self.usd:.4f} of {limit.usd:.4f} USD of this night are spent")

    def reserve(self) -> None:
        """Count one call before it is made.

        Raises BudgetExceededError where the budget is spent.
        """
        self.check()
        self.calls += 1

    def give_back(self) -> None:
        """A reserved call failed and was not paid."""
        self.calls -= 1

    def pay(self, usd: float | None) -> None:
        """Add the price of a reserved call."""
        self.usd += usd or 0.0

    def charge(self, calls: int, usd: float | None) -> None:
        """Count calls that the agent made by itself. The next reservation may then find the budget spent."""
        self.calls += calls
        self.usd += usd or 0.0

    def _end(self, what: str) -> None:
        self.exhausted = True
        raise BudgetExceededError(f"{what}; raise [budget] in the agent's file, or go on tomorrow")


class BudgetedModel:
    """A model that asks the budget first.

    `book` keeps the account of an answer that was paid and cannot be used: no cache will ever hold it, and a night
    that is started again must know of it all the same. It is called in a thread.
    """

    def __init__(self, inner: ChatModel, budget: Budget, *, priced: bool, book: Bookkeeper | None = None) -> None:
        if budget.allowance.usd is not None and not priced:
            raise ConfigError(
                f"[budget] limits dollars, but the price of {inner.name} is not known: set input_price and "
                "output_price in [models], or limit calls instead"
            )
        self._inner = inner
        self._budget = budget
        self._book = book
        self.name = inner.name
        self.strong = inner.strong

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer within the budget."""
        self._budget.reserve()
        try:
            reply = await self._inner.complete(request)
        except PaidModelError as error:
            self._budget.pay(error.cost_usd)
            if self._book is not None:
                await asyncio.to_thread(self._book, request, error)
            raise
        except Exception:
            self._budget.give_back()
            raise  # but not a cancelled call: it may have been paid
        self._budget.pay(reply.cost_usd)
        return reply
