"""The model that an agent's file and the settings name, with cache and budget in front."""

import uuid
from typing import Protocol

from burnish.adapters.llm.budget import Bookkeeper, Budget, BudgetedModel
from burnish.adapters.llm.cached import CachedModel
from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.openai import OpenAIModel
from burnish.adapters.llm.pricing import PaidModelError
from burnish.domain.chat import ChatReply, ChatRequest, ReplyCache
from burnish.domain.traces import Usage
from burnish.project import ModelConfig

__all__ = ["CallAccounts", "NightModel", "open_model"]


class CallAccounts(Protocol):
    """Where calls are booked that leave no answer behind; the store's."""

    def record(
        self,
        purpose: str,
        model: str,
        usage: Usage,
        cost_usd: float | None,
        latency_s: float,
        night: str | None,
        key: str,
    ) -> None:
        """Account for one call, once a night and key."""
        ...


class NightModel:
    """A model for one night: cached, then budgeted, then the endpoint. Close it in the event loop that used it."""

    def __init__(self, endpoint: OpenAIModel, front: CachedModel) -> None:
        self._endpoint = endpoint
        self._front = front
        self.name = endpoint.name
        self.strong = endpoint.strong

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request."""
        return await self._front.complete(request)

    async def flush(self) -> None:
        """Book the calls made so far and keep their answers."""
        await self._front.flush()

    async def aclose(self) -> None:
        """Write what the cache still holds and close the connections."""
        await self._front.aclose()
        await self._endpoint.aclose()


def open_model(
    name: str,
    config: ModelConfig,
    *,
    base_url: str | None,
    api_key: str,
    local: bool,
    lanes: Lanes,
    timeout_s: float,
    budget: Budget,
    cache: ReplyCache,
    night: str | None,
    accounts: CallAccounts | None = None,
) -> NightModel:
    """Build the model; nothing connects yet. A local model costs nothing.

    `accounts` gets the answers that were paid and cannot be used; those that can go there with `cache`.

    Raises ConfigError where dollars are limited and the model's price is unknown.
    """
    price_in, price_out = (0.0, 0.0) if local else (config.input_price, config.output_price)
    endpoint = OpenAIModel(
        name,
        base_url=base_url,
        api_key=api_key,
        lanes=lanes,
        timeout_s=timeout_s,
        strong=config.strong,
        input_price=price_in,
        output_price=price_out,
    )
    priced = price_in is not None and price_out is not None
    # The embedded server listens on another port every time; its answers are the same.
    identity = "embedded" if local else endpoint.identity
    book = None if accounts is None else _bookkeeper(accounts, name, night)
    budgeted = BudgetedModel(endpoint, budget, priced=priced, book=book)
    return NightModel(endpoint, CachedModel(budgeted, cache, identity=identity, night=night))


def _bookkeeper(accounts: CallAccounts, name: str, night: str | None) -> Bookkeeper:
    def book(request: ChatRequest, error: PaidModelError) -> None:
        # Each time it is asked again it is paid again, so no two share a key.
        key = f"unusable/{uuid.uuid4().hex}"
        accounts.record(request.purpose, request.model or name, error.usage, error.cost_usd, 0.0, night, key)

    return book
