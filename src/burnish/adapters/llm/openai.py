"""Any OpenAI-compatible endpoint as a `ChatModel`: OpenAI, a gateway, Ollama, the embedded server.

Retries, time-outs and the concurrency limit are ours, so that they are the same for every endpoint.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.messages import Completion, error_of, request_body, to_completion
from burnish.adapters.llm.pricing import PaidModelError, PaidTransientError, Prices
from burnish.adapters.llm.structured import MismatchError, parse
from burnish.adapters.llm.wire import ConnectionFailed, Endpoint, Exchange, Wire, encoded
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.retrying import Backoff, Retold, retry_after, worth_retrying
from burnish.domain.traces import Message, TextPart, Usage
from burnish.errors import ModelError, TransientModelError

__all__ = ["OpenAIModel"]

_REFUSALS = ("unsupported", "not support", "unrecognized", "not permitted")
_TUNABLE = ("max_tokens", "max_completion_tokens", "temperature", "seed")


class OpenAIModel:
    """One model at one endpoint.

    `input_price` and `output_price` are US dollars a million tokens; without both the cost of a reply is unknown.
    `lanes` are shared by all models of one endpoint. Parameters that the endpoint names as unsupported (`max_tokens`,
    `temperature`, `seed`) are left out from then on. Latencies are those of the answers alone, without waiting for a
    place or between tries. The key appears in no message. Close it in the event loop that made the calls.

    Raises ConfigError for a base URL that is none. The first one in a process imports the SDK, which takes seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None,
        api_key: str,
        lanes: Lanes,
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
        self._endpoint = Endpoint.of(base_url, api_key)
        self._wire = Wire(self._endpoint, timeout_s)
        self._lanes = lanes
        self._attempts = attempts
        self._backoff = Backoff()
        self._prices = Prices(input=input_price, output=output_price)
        self._retold = Retold()
        self._sleep = sleep
        self._refused: set[str] = set()  # parameters the endpoint does not take
        self._turn = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        await self._wire.aclose()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request; a reply that misses the schema is asked for once more with the error told.

        Raises TransientModelError once the tries are used up, ModelError for a refusal, an empty answer, JSON that
        does not fit twice and any other error of the endpoint, InputError for a schema that is none.
        """
        first = await self._answer(request)
        schema = request.response_schema
        if schema is None or (first.tool_calls and not first.text):
            return first
        try:
            return first.model_copy(update={"parsed": parse(first.text, schema)})
        except MismatchError as mismatch:
            self._give_up_if_cut(request, first)
            told = f"That does not fit: {mismatch}. Answer again, with JSON that fits the schema only."
        said = (
            Message(role="assistant", parts=(TextPart(text=first.text),)),
            Message(role="user", parts=(TextPart(text=told),)),
        )
        again = request.model_copy(update={"messages": (*request.messages, *said)})
        try:
            second = await self._answer(again)
        except PaidModelError as error:
            paid = _total(first.cost_usd, error.cost_usd)
            raise PaidModelError(str(error), paid, _both(first.usage, error.usage)) from error
        except TransientModelError as error:  # the first answer was paid all the same
            raise PaidTransientError(str(error), first.cost_usd, error.retry_after, first.usage) from error
        except ModelError as error:
            raise PaidModelError(str(error), first.cost_usd, first.usage) from error
        both = _paid_together(first, second)
        try:
            return both.model_copy(update={"parsed": parse(both.text, schema)})
        except MismatchError as mismatch:
            self._give_up_if_cut(request, both)
            raise PaidModelError(
                f"{self.name} answered twice with JSON that does not fit its schema: {mismatch}; use a simpler schema, "
                "a stronger model, or an endpoint that constrains its output",
                both.cost_usd,
                both.usage,
            ) from mismatch

    def _give_up_if_cut(self, request: ChatRequest, reply: ChatReply) -> None:
        if reply.finish_reason == "length":
            raise PaidModelError(
                f"{self.name}: the JSON was cut at max_tokens = {request.max_tokens}; raise max_tokens",
                reply.cost_usd,
                reply.usage,
            )

    async def _answer(self, request: ChatRequest) -> ChatReply:
        exchange, seconds = await self._exchange(request)
        async with self._turn:
            # One answer at a time goes on to be read, traced and scored: where many came at once, the questions that
            # got their places are sent first.
            await self._lanes.quiet()
        try:
            return self._reply(to_completion(exchange.json()), seconds)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            start = self._endpoint.redact(exchange.body[:200].decode("utf-8", "replace"))
            raise ModelError(
                f"{self._where} sent something that is no chat completion: {start!r}; is the base URL that of an "
                "OpenAI-compatible API (most end in /v1)?"
            ) from error

    def _reply(self, completion: Completion, seconds: float) -> ChatReply:
        usage = completion.usage
        cost = self._prices.cost(usage)
        if completion.refusal:
            raise PaidModelError(f"{self.name} refused to answer: {completion.refusal[:200]}", cost, usage)
        if not completion.text and not completion.tool_calls:
            advice = "; max_tokens was used up (thinking counts): raise it" if completion.reason == "length" else ""
            said = f"{self.name} gave an empty answer (finish_reason: {completion.reason}){advice}"
            raise PaidModelError(said, cost, usage)
        return ChatReply(
            text=completion.text,
            model=completion.model or self.name,
            tool_calls=completion.tool_calls,
            usage=usage,
            cost_usd=cost,
            latency_s=seconds,
            finish_reason=completion.reason,
        )

    async def _exchange(self, request: ChatRequest) -> tuple[Exchange, float]:
        """A good answer and its seconds, after as many tries as it takes."""
        failures = 0
        while True:
            body = request_body(request, self.name, frozenset(self._refused))
            data = encoded(body)  # before there is a place, so that nothing but sending is left once there is one
            asked: float | None = None
            try:
                exchange, seconds = await self._lanes.run(partial(self._timed, data))
            except ConnectionFailed as failure:
                problem = str(failure)
            else:
                if exchange.status < 300:
                    return exchange, seconds
                code, said = error_of(exchange.json(), exchange.body)
                if self._learn(exchange.status, said, body):
                    continue
                problem = f"HTTP {exchange.status}: {self._endpoint.redact(said)}"
                if not worth_retrying(exchange.status, code):
                    raise ModelError(f"{self._where} refused the call: {problem}{_advice(exchange.status)}")
                asked = retry_after(exchange.headers)
            failures += 1
            if failures >= self._attempts:
                raise TransientModelError(f"{self._where} gave no answer in {failures} tries: {problem}", asked)
            wait = self._backoff.wait(failures, asked)
            rest = self._backoff.longest(self._attempts - 1) - self._backoff.longest(failures)
            self._retold.tell(self._where, problem, self._attempts - failures, wait + rest)
            await self._sleep(wait)

    async def _timed(self, data: bytes) -> tuple[Exchange, float]:
        started = time.perf_counter()
        return await self._wire.post(data), time.perf_counter() - started

    def _learn(self, status: int, said: str, body: dict[str, Any]) -> bool:
        """Remember a parameter that the endpoint names as unsupported; whether the call may succeed without it."""
        text = said.lower()
        if status not in (400, 422) or not any(words in text for words in _REFUSALS):
            return False
        # The first one named: "'max_tokens' is not supported … Use 'max_completion_tokens' instead".
        places = {name: text.find(name) for name in _TUNABLE if name in body and name in text}
        if not places:
            return False
        self._refused.add(min(places, key=places.__getitem__))
        return True

    @property
    def _where(self) -> str:
        return f"{self.name} at {self._endpoint.address}"


def _paid_together(first: ChatReply, second: ChatReply) -> ChatReply:
    """The second reply with the tokens, dollars and seconds of both."""
    return second.model_copy(
        update={
            "usage": _both(first.usage, second.usage),
            "cost_usd": _total(first.cost_usd, second.cost_usd),
            "latency_s": first.latency_s + second.latency_s,
        }
    )


def _both(first: Usage, second: Usage) -> Usage:
    return Usage(**{name: _sum(getattr(first, name), getattr(second, name)) for name in Usage.model_fields})


def _total(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)


def _advice(status: int) -> str:
    known = {
        401: "; check the API key",
        403: "; check the API key and what it may use",
        404: "; check the model's name and the base URL",
        413: "; the messages are too long for it",
    }
    return known.get(status, "")
