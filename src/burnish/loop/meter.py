"""What each evaluator's model calls are booked under, and its own budget."""

import datetime as dt
from typing import Protocol

from burnish.domain.base import utc_now
from burnish.domain.chat import ChatModel, ChatReply, ChatRequest
from burnish.domain.evaluators.base import Evaluator, EvaluatorBudgetError

__all__ = ["CallBook", "Meter", "purpose_of", "spent_so_far"]


class CallBook(Protocol):
    """What a meter asks of the accounts."""

    def spent_on(
        self, purpose: str, *, night: str | None = None, since: dt.datetime | None = None
    ) -> tuple[int, float]:
        """Calls and US dollars."""
        ...


def purpose_of(evaluator: str) -> str:
    """What an evaluator's calls are booked as."""
    return f"judge/{evaluator}"


def spent_so_far(evaluator: Evaluator, calls: CallBook, night: str | None) -> tuple[int, float]:
    """Calls and US dollars that count against an evaluator's budget: of its night, or of today (UTC)."""
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    if evaluator.budget is not None and evaluator.budget.per == "night" and night is not None:
        return calls.spent_on(purpose_of(evaluator.name), night=night)
    return calls.spent_on(purpose_of(evaluator.name), since=today)


class Meter:
    """A ChatModel for one evaluator: books its calls under its name and ends at its budget.

    A call is counted before it is made, so that many at once do not overdraw; its price is known afterwards, so the
    dollars may be overdrawn by the calls in flight.
    """

    def __init__(self, model: ChatModel, evaluator: Evaluator, calls: CallBook | None, night: str | None) -> None:
        self._model = model
        self._evaluator = evaluator
        self._purpose = purpose_of(evaluator.name)
        self._calls, self._usd = 0, 0.0
        self._unpriced = False
        if evaluator.budget is not None and calls is not None:
            self._calls, self._usd = spent_so_far(evaluator, calls, night)

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def strong(self) -> bool:
        """The model's."""
        return self._model.strong

    @property
    def spent(self) -> str | None:
        """Why nothing more may be asked; None while there is something left."""
        budget = self._evaluator.budget
        if budget is None:
            return None
        left = self._evaluator.asks - 1  # a trace is begun only where all its calls may be made
        if budget.calls is not None and self._calls + left >= budget.calls:
            return f"{self._calls} of {budget.calls} calls a {budget.per} are made"
        if budget.usd is not None and self._usd >= budget.usd:
            return f"${self._usd:.4g} of ${budget.usd:g} a {budget.per} are spent"
        if budget.usd is not None and self._unpriced:
            return f"the price of {self.name} is not known; set input_price and output_price, or limit calls"
        return None

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Ask the model. Raises EvaluatorBudgetError where the evaluator's budget is used up."""
        budget = self._evaluator.budget
        if budget is not None and (
            (budget.calls is not None and self._calls >= budget.calls)
            or (budget.usd is not None and (self._usd >= budget.usd or self._unpriced))
        ):
            raise EvaluatorBudgetError(self.spent or "the evaluator's budget is used up")
        self._calls += 1
        try:
            reply = await self._model.complete(request.model_copy(update={"purpose": self._purpose}))
        except Exception as error:
            self._usd += getattr(error, "cost_usd", None) or 0.0  # an answer that cannot be used is paid all the same
            raise
        if reply.cached:
            self._calls -= 1
        elif reply.cost_usd is None:
            self._unpriced = True
        else:
            self._usd += reply.cost_usd
        return reply
