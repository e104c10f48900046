"""The fakes that burnish ships."""

import pytest
from support.chats import LABEL, ask

from burnish.domain.chat import ChatModel, ChatReply, PaidReply, ReplyCache
from burnish.errors import ModelError, TransientModelError
from burnish.testing import MemoryCache, ScriptedModel


async def test_answers_come_in_order() -> None:
    """Text, data, whole replies and errors come one after the other, and the requests are kept."""
    reply = ChatReply(text="whole", model="other")
    model: ChatModel = ScriptedModel(
        ["text", {"label": "a"}, reply, TransientModelError("busy")], name="m", strong=True
    )
    assert ("m", True) == (model.name, model.strong)
    assert "text" == (await model.complete(ask("1"))).text
    parsed = await model.complete(ask("2", response_schema=LABEL))
    assert ({"label": "a"}, '{"label": "a"}') == (parsed.parsed, parsed.text)
    assert reply == await model.complete(ask("3"))
    with pytest.raises(TransientModelError, match="busy"):
        await model.complete(ask("4"))
    with pytest.raises(ModelError, match="the script has no answer 5"):
        await model.complete(ask("5"))
    assert isinstance(model, ScriptedModel)
    assert ["1", "2", "3", "4", "5"] == [request.messages[0].text for request in model.requests]


async def test_answers_by_a_function() -> None:
    """A function of the request answers as often as it is asked."""
    model = ScriptedModel(lambda request: request.messages[0].text.upper())
    assert ["A", "B"] == [(await model.complete(ask(text))).text for text in "ab"]


async def test_what_is_no_json_is_a_model_error() -> None:
    """Where a schema was asked for, text that is no JSON fails as it would with a real model."""
    model = ScriptedModel(['{"label": "b"}', "no idea"])
    assert {"label": "b"} == (await model.complete(ask(response_schema=LABEL))).parsed
    with pytest.raises(ModelError, match="answered with text that is no JSON: 'no idea'"):
        await model.complete(ask(response_schema=LABEL))


def test_the_memory_cache_gives_back_what_it_got() -> None:
    """An answer comes back by its request's key, marked as cached."""
    cache: ReplyCache = MemoryCache()
    one, two = ask("1").key, ask("2").key
    cache.put_many([PaidReply(one, ChatReply(text="one", model="m"), "m", "other")])
    assert {one: ChatReply(text="one", model="m", cached=True)} == cache.get_many([one, two])
