"""The endpoint that a base URL and a key make, and what goes over its wire."""

import pytest
from support.chats import LABEL, ask
from support.model_server import Answer, ModelServer, completion

from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.openai import OpenAIModel
from burnish.adapters.llm.wire import Endpoint
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
