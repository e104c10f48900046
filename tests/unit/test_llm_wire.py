"""The endpoint that a base URL and a key make, and what goes over its wire."""

import asyncio

import pytest
from support.chats import LABEL, ask
from support.model_server import Answer, ModelServer, completion

from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.openai import OpenAIModel
from burnish.adapters.llm.wire import ConnectionFailed, Endpoint, Wire, encoded
from burnish.errors import ConfigError


async def asked_with(key: str) -> dict[str, str]:
    async with ModelServer() as server:
        model = OpenAIModel("m1", base_url=server.base_url, api_key=key, lanes=Lanes(1))
        await model.complete(ask())
        await model.aclose()
    return server.headers[0]


@pytest.mark.parametrize("key", ["sk-secret-0123", " sk-secret-0123\n"])
async def test_the_key_is_sent(key: str) -> None:
    """The key goes out as a bearer token, without the line break that a key from a file ends in."""
    assert "Bearer sk-secret-0123" == (await asked_with(key))["authorization"]


def test_a_key_that_no_header_can_carry() -> None:
    """A key of two lines is refused before any call, and not shown."""
    with pytest.raises(ConfigError, match="holds a line break") as caught:
        Endpoint.of("http://127.0.0.1:1/v1", "sk-secret\nsk-other")
    assert "sk-" not in str(caught.value)


def test_a_password_does_not_belong_into_the_url() -> None:
    """A user and password in the base URL are refused with what to give instead, and not shown."""
    with pytest.raises(ConfigError, match="give the API key instead") as caught:
        Endpoint.of("https://me:hidden@models.example/v1", "sk-secret-0123")
    assert "hidden" not in str(caught.value)


def test_the_usual_forms_of_a_base_url() -> None:
    """With or without a last slash the same address is asked; none is OpenAI's."""
    urls = [Endpoint.of(url, "k").url for url in ("http://h:1/v1", "http://h:1/v1/", None)]
    assert [*["http://h:1/v1/chat/completions"] * 2, "https://api.openai.com/v1/chat/completions"] == urls


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
        {"error": {"message": "Unrecognized request argument supplied: seed"}},
    ],
)
async def test_other_words_for_an_unknown_parameter(body: dict[str, object]) -> None:
    """Endpoints that say it differently are understood too, and the parameter is not sent again."""
    async with ModelServer(lambda sent: Answer(body, status=422) if "seed" in sent else Answer(completion())) as server:
        model = OpenAIModel("m1", base_url=server.base_url, api_key="", lanes=Lanes(1))
        for text in ("one", "two"):
            await model.complete(ask(text))
        await model.aclose()
    assert [True, False, False] == ["seed" in sent for sent in server.requests]


async def test_a_structured_reply_may_call_a_tool_instead() -> None:
    """An answer that only calls a tool is complete, whatever schema its text would have had."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
    async with ModelServer([Answer(completion(None, tool_calls=[call]))]) as server:
        model = OpenAIModel("m1", base_url=server.base_url, api_key="", lanes=Lanes(1))
        reply = await model.complete(ask(response_schema=LABEL))
        await model.aclose()
    assert ("look", None, 1) == (reply.tool_calls[0].name, reply.parsed, len(server.requests))


async def test_a_long_body_arrives_whole() -> None:
    """One that the connection does not take at once goes on as there is room, and the connection serves the next."""
    long = {"messages": [{"role": "user", "content": "long " * 800_000}]}
    async with ModelServer() as server:
        wire = Wire(Endpoint.of(server.base_url, "k"), 30)
        for body in (long, {"messages": []}, long):
            assert (await wire.post(encoded(body))).status == 200
        await wire.aclose()
    assert [long, {"messages": []}, long] == server.requests


async def test_an_endpoint_that_stops_reading_costs_the_time_out_alone() -> None:
    """In the middle of a body the call is late or is given up; neither leaves anything behind."""
    ended = asyncio.Event()

    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(never_read, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    before = asyncio.all_tasks()
    wire = Wire(Endpoint.of(f"http://127.0.0.1:{port}/v1", "k"), 0.3)
    with pytest.raises(ConnectionFailed, match="no answer within"):
        await wire.post(b"x" * 20_000_000)
    call = asyncio.create_task(wire.post(b"x" * 20_000_000))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await wire.aclose()
    ended.set()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() <= before
