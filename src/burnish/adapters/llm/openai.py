"""Any OpenAI-compatible endpoint as a `ChatModel`, through the `openai` package.

Its typed chat API costs about 2 ms of CPU a call; the request goes through the same client's `post` with a plain body
instead, over aiohttp, for about 0.8 ms. Retries, time-outs and the concurrency limit are ours, so that they are the
same for every endpoint.
"""

import asyncio
import email.utils
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from burnish.adapters.llm.messages import request_body, to_reply
from burnish.domain.base import utc_now
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.traces import Message, TextPart
from burnish.errors import ModelError, TransientModelError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["OpenAIModel", "retry_after_seconds"]

_RETRY_STATUSES = {408, 409, 425, 429}
_LONGEST_PAUSE_S = 120.0


class OpenAIModel:
    """One model at one endpoint.

    `input_price` and `output_price` are US dollars a million tokens; without both the cost of a reply is unknown.
    `limit` is shared by all models of one endpoint. Belongs to the event loop that first calls it; close it there.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None,
        api_key: str,
        limit: asyncio.Semaphore,
        timeout_s: float = 120.0,
        attempts: int = 6,
        strong: bool = False,
        input_price: float | None = None,
        output_price: float | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.strong = strong
        self.identity = base_url or "openai"
        self._api_key = api_key
        self._base_url = base_url
        self._limit = limit
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._prices = (input_price, output_price)
        self._sleep = sleep
        self._client: AsyncOpenAI | None = None
        self._tokens_field = "max_tokens"

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; a reply that misses the schema is asked for once more with the error told."""
        reply = await self._answer(request)
        problem = _mismatch(request, reply)
        if problem is None:
            return reply
        again = request.model_copy(
            update={
                "messages": (
                    *request.messages,
                    Message(role="assistant", parts=(TextPart(text=reply.text),)),
                    Message(
                        role="user", parts=(TextPart(text=f"That does not fit: {problem}. Answer again, as JSON."),)
                    ),
                )
            }
        )
        reply = await self._answer(again)
        problem = _mismatch(request, reply)
        if problem is not None:
            raise ModelError(f"{self.name} answered twice with JSON that does not fit its schema: {problem}")
        return reply

    async def _answer(self, request: ChatRequest) -> ChatReply:
        payload, seconds = await self._post(request)
        try:
            data = json.loads(payload)
            reply = to_reply(data, request, self.name, seconds)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ModelError(f"{self.name} sent something that is no chat completion: {payload[:200]!r}") from error
        return reply.model_copy(update={"cost_usd": self._cost(reply)})

    async def _post(self, request: ChatRequest) -> tuple[bytes, float]:
        import openai

        for attempt in range(1, self._attempts + 1):
            body = request_body(request, self.name, self._tokens_field)
            try:
                async with self._limit:
                    started = time.perf_counter()
                    payload = await self._send(body)
                    return payload, time.perf_counter() - started
            except openai.APIStatusError as error:
                text = self._clean(error)
                if self._wants_other_tokens_field(error):
                    continue
                transient = error.status_code in _RETRY_STATUSES or error.status_code >= 500
                if not transient:
                    raise ModelError(f"{self.name} refused the call ({error.status_code}): {text}") from None
                pause = retry_after_seconds(error.response.headers.get("retry-after"))
                failure = TransientModelError(f"{self.name} failed ({error.status_code}): {text}", pause)
            except openai.APITimeoutError:
                failure = TransientModelError(f"{self.name} did not answer within {self._timeout_s:g} s")
            except openai.APIConnectionError as error:
                cause = error.__cause__ or error
                failure = TransientModelError(f"no connection to {self.name}: {type(cause).__name__}: {cause}")
            if attempt == self._attempts:
                raise failure
            await self._sleep(_pause(attempt, failure.retry_after))
        raise ModelError(f"{self.name} takes neither max_tokens nor max_completion_tokens")

    async def _send(self, body: dict[str, Any]) -> bytes:
        client = self._client or self._connect()
        return await client.post("/chat/completions", body=body, cast_to=bytes)

    def _connect(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self._client = AsyncOpenAI(
            api_key=self._api_key or "none",
            base_url=self._base_url,
            timeout=self._timeout_s,
            max_retries=0,
            http_client=DefaultAioHttpClient(timeout=self._timeout_s),
        )
        return self._client

    def _wants_other_tokens_field(self, error: Any) -> bool:
        """Newer models refuse `max_tokens`; what works is remembered."""
        if error.status_code == 400 and self._tokens_field == "max_tokens" and "max_completion_tokens" in str(error):
            self._tokens_field = "max_completion_tokens"
            return True
        return False

    def _clean(self, error: Any) -> str:
        """What the endpoint said, without our key, which some echo."""
        text = str(getattr(error, "message", "") or error)[:500]
        return text.replace(self._api_key, "***") if len(self._api_key) > 6 else text

    def _cost(self, reply: ChatReply) -> float | None:
        price_in, price_out = self._prices
        usage = reply.usage
        if price_in is None or price_out is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        return (usage.input_tokens * price_in + usage.output_tokens * price_out) / 1_000_000


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None where it says nothing usable."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment - utc_now()).total_seconds()) if moment.tzinfo is not None else None


def _pause(attempt: int, asked: float | None) -> float:
    if asked is not None:
        return min(asked, _LONGEST_PAUSE_S)
    # Jitter keeps parallel callers from coming back all at once; it decides nothing else.
    return float(min(2.0 ** (attempt - 1), 30.0) * random.uniform(0.5, 1.0))  # noqa: S311


def _mismatch(request: ChatRequest, reply: ChatReply) -> str | None:
    if request.response_schema is None:
        return None
    import jsonschema

    if reply.parsed is None:
        return "it is no JSON" if reply.finish_reason != "length" else "it was cut at max_tokens"
    errors = jsonschema.Draft202012Validator(request.response_schema).iter_errors(reply.parsed)
    first = next(iter(errors), None)
    return None if first is None else f"{first.json_path}: {first.message}"[:300]
