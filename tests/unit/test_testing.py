"""The fakes that burnish ships behave like what they stand for."""

import pytest
from support.chats import LABEL, ask

from burnish.domain.chat import ChatReply
from burnish.errors import ModelError, TransientModelError
from burnish.testing import MemoryCache, ScriptedModel


async def test_a_script_is_read_in_order() -> None:
    """Text, JSON data, whole replies and errors come as listed; a script that runs out says so."""
    reply = ChatReply(text="whole", model="other", cost_usd=0.5)
    model = ScriptedModel(["text", {"a": 1}, reply, TransientModelError("busy")], name="s", strong=True)
    assert ("text", "s") == ((first := await model.complete(ask("1"))).text, first.model)
    assert ('{"a": 1}', None) == ((second := await model.complete(ask("2"))).text, second.parsed)
    assert reply == await model.complete(ask("3"))
    with pytest.raises(TransientModelError, match="busy"):
        await model.complete(ask("4"))
    with pytest.raises(ModelError, match="the script has no answer 5"):
        await model.complete(ask("5"))
    assert ["1", "2", "3", "4", "5"] == [request.messages[0].text for request in model.requests]
    assert model.strong


async def test_a_function_answers_by_the_request() -> None:
    """A script may be a function of what was asked."""
    model = ScriptedModel(lambda request: request.messages[0].text.upper())
    assert "HELLO" == (await model.complete(ask("hello"))).text


async def test_a_schema_makes_the_answer_data() -> None:
    """With a schema the text is parsed, and text that is no JSON is a model's error, not the test's."""
    model = ScriptedModel([{"label": "a"}, '{"label": "b"}', "no idea"])
    assert {"label": "a"} == (await model.complete(ask(response_schema=LABEL))).parsed
    assert {"label": "b"} == (await model.complete(ask(response_schema=LABEL))).parsed
    with pytest.raises(ModelError, match="answered with text that is no JSON: 'no idea'"):
        await model.complete(ask(response_schema=LABEL))


def test_the_cache_gives_back_what_it_was_given() -> None:
    """A stored answer comes back marked as cached; an unknown key gives None."""
    cache = MemoryCache()
    reply = ChatReply(text="x", model="m")
    cache.put_many([(ask(), "m", reply, {})])
    assert reply.model_copy(update={"cached": True}) == cache.get(ask().key)
    assert cache.get(ask("other").key) is None
