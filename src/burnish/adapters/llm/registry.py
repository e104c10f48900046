"""The model that an agent's file and the settings name, with cache and budget in front."""

import asyncio

from burnish.adapters.llm.budget import Budget, BudgetedModel
from burnish.adapters.llm.cached import CachedModel
from burnish.adapters.llm.openai import OpenAIModel
from burnish.domain.chat import ChatReply, ChatRequest, ReplyCache
from burnish.project import ModelConfig

__all__ = ["NightModel", "open_model"]


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
    limit: asyncio.Semaphore,
    timeout_s: float,
    budget: Budget,
    cache: ReplyCache,
    night: str | None,
) -> NightModel:
    """Build the model; nothing connects yet. A local model costs nothing.

    Raises ConfigError where dollars are limited and the model's price is unknown.
    """
    price_in, price_out = (0.0, 0.0) if local else (config.input_price, config.output_price)
    endpoint = OpenAIModel(
        name,
        base_url=base_url,
        api_key=api_key,
        limit=limit,
        timeout_s=timeout_s,
        strong=config.strong,
        input_price=price_in,
        output_price=price_out,
    )
    priced = price_in is not None and price_out is not None
    # The embedded server listens on another port every time; its answers are the same.
    identity = "embedded" if local else endpoint.identity
    return NightModel(
        endpoint, CachedModel(BudgetedModel(endpoint, budget, priced=priced), cache, identity=identity, night=night)
    )
