"""The client of OpenAI-compatible endpoints, against a scripted server on loopback."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.chats import LABEL, ask
from support.model_server import Answer, ModelServer, Script, completion

from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.openai import OpenAIModel
from burnish.adapters.llm.pricing import PaidModelError, PaidTransientError
from burnish.domain.chat import ChatTool
from burnish.domain.traces import ToolCallPart, Usage
from burnish.errors import ConfigError, ModelError, TransientModelError

KEY = "sk-secret-0123456789"


class Clock:
    """A sleep that only remembers how long it was asked for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@asynccontextmanager
async def serving(script: Script, **settings: Any) -> AsyncIterator[tuple[ModelServer, OpenAIModel]]:
    async with ModelServer(script) as server:
        lanes = settings.pop("lanes", None) or Lanes(8)
        model = OpenAIModel("m1", base_url=server.base_url, api_key=KEY, lanes=lanes, **settings)
        try:
            yield server, model
        finally:
            await model.aclose()


async def said(call: Callable[[], Awaitable[object]]) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await call()
    return caught.value


async def test_a_plain_answer() -> None:
    """An answer carries its text, model, tokens, price and finish reason; the request what was asked for."""
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 800},
        "completion_tokens_details": {"reasoning_tokens": 300},
    }
    body = completion("fine", usage=usage, model="m1-2026")
    async with serving([Answer(body)], input_price=2.0, output_price=8.0) as (server, model):
        reply = await model.complete(ask("how?", temperature=0.5, max_tokens=77, seed=3))
    assert ("fine", "m1-2026", "stop") == (reply.text, reply.model, reply.finish_reason)
    expected = Usage(input_tokens=1000, output_tokens=500, cache_read_tokens=800, reasoning_tokens=300)
    assert expected == reply.usage
    assert pytest.approx(0.006) == reply.cost_usd
    assert 0 < reply.latency_s < 5
    expected_body = {
        "model": "m1",
        "messages": [{"role": "user", "content": "how?"}],
        "temperature": 0.5,
        "max_tokens": 77,
        "seed": 3,
    }
    assert [expected_body] == server.requests
    assert f"Bearer {KEY}" == server.headers[0]["authorization"]


@pytest.mark.parametrize(("prices", "expected"), [((None, None), None), ((1.0, None), None), ((0.0, 0.0), 0.0)])
async def test_no_price_is_made_up(prices: tuple[float | None, float | None], expected: float | None) -> None:
    """Without both prices the cost is unknown; a free model costs 0 even where no tokens are counted."""
    async with serving([Answer(completion(usage=None))], input_price=prices[0], output_price=prices[1]) as (_, model):
        assert expected == (await model.complete(ask())).cost_usd


async def test_tools_are_offered_and_called() -> None:
    """Tools go out as functions, and calls come back with parsed arguments, or raw ones where they do not parse."""
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}},
        {"id": "c2", "type": "function", "function": {"name": "find", "arguments": "{broken"}},
    ]
    tool = ChatTool(name="find", description="finds", parameters={"type": "object", "properties": {}})
    async with serving([Answer(completion(None, tool_calls=calls, finish_reason="tool_calls"))]) as (server, model):
        reply = await model.complete(ask(tools=(tool,)))
    expected = (
        ToolCallPart(name="find", arguments={"q": 1}, id="c1"),
        ToolCallPart(name="find", arguments="{broken", id="c2"),
    )
    assert expected == reply.tool_calls
    function = {"name": "find", "description": "finds", "parameters": {"type": "object", "properties": {}}}
    assert [{"type": "function", "function": function}] == server.requests[0]["tools"]


async def test_transient_failures_are_tried_again_later_and_later() -> None:
    """503, 429 and a lost connection are waited out, each time longer, and the answer comes after all."""
    clock = Clock()
    script = [Answer({}, status=503), Answer({}, status=429), Answer(drop=True), Answer(completion("at last"))]
    async with serving(script, sleep=clock.sleep) as (server, model):
        assert "at last" == (await model.complete(ask())).text
    assert 4 == len(server.requests)
    assert [True, True, True] == [
        low <= wait <= high for wait, (low, high) in zip(clock.waits, [(0.5, 1), (1, 2), (2, 4)], strict=True)
    ]


async def test_retry_after_is_heeded() -> None:
    """The wait is what the endpoint asks for, but never longer than two minutes."""
    clock = Clock()
    script = [Answer({}, status=429, headers={"Retry-After": text}) for text in ("17", "86400")]
    async with serving(script, sleep=clock.sleep) as (_, model):
        await model.complete(ask())
    assert [17.0, 120.0] == clock.waits


async def test_tries_end() -> None:
    """After the last try the error is a transient one that says how often, what and where, and when to come back."""
    clock = Clock()
    body = {"error": {"message": "overloaded"}}
    async with serving(
        lambda _: Answer(body, status=529, headers={"Retry-After": "9"}), attempts=3, sleep=clock.sleep
    ) as (
        server,
        model,
    ):
        error = await said(lambda: model.complete(ask()))
    assert isinstance(error, TransientModelError)
    assert 9.0 == error.retry_after
    assert f"m1 at {server.base_url}/chat/completions gave no answer in 3 tries: HTTP 529: overloaded" == str(error)
    assert (3, 2) == (len(server.requests), len(clock.waits))


async def test_a_call_has_a_time_limit() -> None:
    """An endpoint that never answers is given up after the time-out, each time."""
    async with serving(lambda _: Answer(hang=True), timeout_s=0.05, attempts=2, sleep=Clock().sleep) as (server, model):
        error = await said(lambda: model.complete(ask()))
    assert isinstance(error, TransientModelError)
    assert "no answer within 0.05 s" in str(error)
    assert 2 == len(server.requests)


async def test_nobody_listens() -> None:
    """A refused connection is transient and its error names the address."""
    async with serving([]) as (server, model):
        await server.stop()
        model._attempts = 1
        error = await said(lambda: model.complete(ask()))
    assert isinstance(error, TransientModelError)
    assert server.base_url in str(error)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer({"error": {"message": "no such model"}}, status=404),
            "HTTP 404: no such model; check the model's name",
        ),
        (Answer({"error": {"message": "pay first", "code": "insufficient_quota"}}, status=429), "HTTP 429: pay first"),
        (Answer({"error": "bad thing"}, status=400), "HTTP 400: bad thing"),
        (Answer(b"<html>gone</html>", status=410), "HTTP 410: <html>gone</html>"),
        (Answer(b"<html>hi</html>"), "no chat completion: '<html>hi</html>'"),
        (Answer({"choices": []}), "no chat completion"),
        (Answer([1]), "no chat completion"),
        (Answer(completion(None, refusal="I will not")), "m1 refused to answer: I will not"),
        (Answer(completion("", finish_reason="length")), "max_tokens was used up"),
        (Answer(completion(None)), "m1 gave an empty answer (finish_reason: stop)"),
    ],
)
async def test_final_failures_are_not_tried_again(answer: Answer, words: str) -> None:
    """What cannot pass by itself fails at once with what the endpoint said."""
    clock = Clock()
    async with serving(lambda _: answer, sleep=clock.sleep) as (server, model):
        error = await said(lambda: model.complete(ask()))
    assert not isinstance(error, TransientModelError)
    assert words in str(error)
    assert (1, []) == (len(server.requests), clock.waits)


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_the_key_stays_secret(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that repeats the key gets it into no error and no log."""
    caplog.set_level(logging.DEBUG)
    body = f"Incorrect API key provided: {KEY}".encode()
    async with serving(lambda _: Answer(body, status=status), attempts=1) as (_, model):
        error = await said(lambda: model.complete(ask()))
    assert "Incorrect API key provided: [key]" in str(error)
    assert KEY not in repr(error) + str(error) + caplog.text + repr(model._endpoint)


def test_a_base_url_must_be_one() -> None:
    """A base URL without a scheme is refused with an example; a password in one is not shown."""
    with pytest.raises(ConfigError, match=r"write it like https://api\.openai\.com/v1"):
        OpenAIModel("m1", base_url="localhost:8000", api_key="", lanes=Lanes(1))
    with pytest.raises(ConfigError) as caught:
        OpenAIModel("m1", base_url="ftp://me:hidden@host/v1", api_key="", lanes=Lanes(1))
    assert "hidden" not in str(caught.value)


async def test_a_schema_makes_the_reply_json() -> None:
    """With a schema the endpoint is told it, strictly where it can be, and the reply is parsed."""
    async with serving([Answer(completion('{"label": "a"}'))]) as (server, model):
        reply = await model.complete(ask(response_schema=LABEL))
    assert {"label": "a"} == reply.parsed
    expected = {"type": "json_schema", "json_schema": {"name": "reply", "schema": LABEL, "strict": True}}
    assert expected == server.requests[0]["response_format"]


async def test_a_reply_that_misses_the_schema_is_asked_for_again() -> None:
    """The model is told what is wrong once; both answers are paid, so both are counted."""
    script = [Answer(completion('{"label": "z"}')), Answer(completion('{"label": "b"}'))]
    async with serving(script, input_price=1.0, output_price=1.0) as (server, model):
        reply = await model.complete(ask(response_schema=LABEL))
    assert {"label": "b"} == reply.parsed
    assert (24, 6) == (reply.usage.input_tokens, reply.usage.output_tokens)
    assert pytest.approx(30e-6) == reply.cost_usd
    hello, answer, told = server.requests[1]["messages"]
    assert ("hello", '{"label": "z"}') == (hello["content"], answer["content"])
    assert "$.label: 'z' is not one of ['a', 'b']" in told["content"]


async def test_a_reply_that_misses_the_schema_twice_fails() -> None:
    """The error says what does not fit, and knows what both answers cost."""
    async with serving(lambda _: Answer(completion("no idea")), input_price=1.0, output_price=1.0) as (server, model):
        error = await said(lambda: model.complete(ask(response_schema=LABEL)))
    assert isinstance(error, PaidModelError)
    assert "m1 answered twice with JSON that does not fit its schema: not JSON" in str(error)
    assert pytest.approx(30e-6) == error.cost_usd
    assert 2 == len(server.requests)


@pytest.mark.parametrize(
    ("second", "words", "transient"),
    [
        (Answer({"error": {"message": "no credit", "code": "insufficient_quota"}}, status=429), "no credit", False),
        (Answer({"error": "busy"}, status=503, headers={"Retry-After": "7"}), "HTTP 503: busy", True),
        (Answer(completion(None, refusal="I will not")), "refused to answer", False),
    ],
)
async def test_a_first_answer_is_paid_even_if_asking_again_fails(second: Answer, words: str, transient: bool) -> None:
    """What was paid is told with the failure, and a failure that may pass stays one."""

    def answer(body: dict[str, Any]) -> Answer:
        return second if len(body["messages"]) > 1 else Answer(completion("no idea"))

    prices = {"input_price": 1.0, "output_price": 1.0}
    async with serving(answer, attempts=2, sleep=Clock().sleep, **prices) as (_, model):
        error = await said(lambda: model.complete(ask(response_schema=LABEL)))
    assert isinstance(error, PaidModelError)
    assert words in str(error)
    answers = 2 if second.status == 200 else 1
    assert pytest.approx(answers * 15e-6) == error.cost_usd
    assert transient == isinstance(error, TransientModelError)
    assert (7.0 if transient else None) == getattr(error, "retry_after", None)


async def test_json_that_was_cut_is_not_asked_for_again() -> None:
    """The same limit would cut it again: the error says to raise max_tokens."""
    async with serving(lambda _: Answer(completion('{"lab', finish_reason="length"))) as (server, model):
        error = await said(lambda: model.complete(ask(response_schema=LABEL, max_tokens=5)))
    assert "cut at max_tokens = 5; raise max_tokens" in str(error)
    assert 1 == len(server.requests)


async def test_refused_parameters_are_left_out_from_then_on() -> None:
    """max_tokens becomes max_completion_tokens and temperature goes where the endpoint says so; it is asked once."""

    def answer(body: dict[str, Any]) -> Answer:
        if "max_tokens" in body:
            text = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
        elif "temperature" in body:
            text = "Unsupported value: 'temperature' does not support 0 with this model."
        else:
            return Answer(completion())
        return Answer({"error": {"message": text, "code": "unsupported"}}, status=400)

    async with serving(answer) as (server, model):
        await model.complete(ask("one"))
        await model.complete(ask("two"))
    assert 4 == len(server.requests)
    assert {"model", "messages", "max_completion_tokens", "seed"} == set(server.requests[-1])


async def test_the_limit_holds_over_models() -> None:
    """Two models that share a limit of 3 never have more than 3 requests at the endpoint."""
    lanes = Lanes(3)
    async with serving(lambda _: Answer(completion(), latency=0.01), lanes=lanes) as (server, first):
        second = OpenAIModel("m2", base_url=server.base_url, api_key=KEY, lanes=lanes)
        await asyncio.gather(*(model.complete(ask(str(i))) for i in range(12) for model in (first, second)))
        await second.aclose()
    assert (24, 3) == (len(server.requests), server.peak)


async def test_waiting_to_try_again_takes_no_place() -> None:
    """While one call waits out a 429, others use the place it had."""
    released = asyncio.Event()
    order: list[str] = []

    def answer(body: dict[str, Any]) -> Answer:
        text = body["messages"][0]["content"]
        order.append(text)
        return Answer({}, status=429) if order == ["slow"] else Answer(completion())

    async def sleep(_: float) -> None:
        await released.wait()

    async with serving(answer, lanes=Lanes(1), sleep=sleep) as (_, model):
        slow = asyncio.create_task(model.complete(ask("slow")))
        await asyncio.sleep(0.05)
        await model.complete(ask("quick"))
        released.set()
        await slow
    assert ["slow", "quick", "slow"] == order


async def test_text_of_any_kind_is_sent() -> None:
    """A lone surrogate out of a broken trace does not stop the call."""
    async with serving([]) as (server, model):
        await model.complete(ask("caf\u00e9 \ud800 \N{SNOWMAN}"))
    assert "caf\u00e9 ? \N{SNOWMAN}" == server.requests[0]["messages"][0]["content"]


def test_one_model_serves_several_event_loops() -> None:
    """A model used and closed in one loop works in the next: connections belong to a loop, the model does not."""

    async def once() -> str:
        async with ModelServer() as server:
            model._wire.endpoint = type(model._endpoint).of(server.base_url, KEY)
            try:
                return (await model.complete(ask())).text
            finally:
                await model.aclose()

    model = OpenAIModel("m1", base_url="http://127.0.0.1:9/v1", api_key=KEY, lanes=Lanes(1))
    assert ["ok", "ok"] == [asyncio.run(once()), asyncio.run(once())]


def test_errors_survive_pickling() -> None:
    """Errors that were paid for keep their facts between processes."""
    import pickle

    error = pickle.loads(pickle.dumps(PaidModelError("no use", 0.5)))
    assert ("no use", 0.5) == (str(error), error.cost_usd)
    error = pickle.loads(pickle.dumps(PaidTransientError("busy", 0.5, 7.0)))
    assert ("busy", 0.5, 7.0) == (str(error), error.cost_usd, error.retry_after)
