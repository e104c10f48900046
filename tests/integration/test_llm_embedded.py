"""The embedded server with a real model, where its weights are here."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chats import LABEL, ask

from burnish.adapters.llm import weights
from burnish.adapters.llm.embedded import EmbeddedServer
from burnish.adapters.llm.lanes import Lanes
from burnish.adapters.llm.openai import OpenAIModel
from burnish.errors import ModelError, TransientModelError
from burnish.settings import Settings

NAME = "smollm2-135m"
# Servers here have one thread: two wait for each other by spinning, beside another load some 40 times as long.


@pytest.fixture(scope="module")
def gguf() -> Path:
    pytest.importorskip("xllamacpp", reason="needs xllamacpp: pip install 'burnish[local]'")
    folder = Settings().models_dir.expanduser()
    path = weights.find(NAME, folder)
    if path is None:
        pytest.skip(f"needs the weights of {NAME} in {folder}: burnish model fetch {NAME}")
    return path


@pytest.fixture(scope="module")
def server(gguf: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(gguf, alias=NAME, n_ctx=512, slots=2, threads=1) as running:
        yield running


def model_at(base_url: str, attempts: int = 6) -> OpenAIModel:
    return OpenAIModel(
        NAME,
        base_url=base_url,
        api_key="none",
        lanes=Lanes(2),
        attempts=attempts,
        input_price=0.0,
        output_price=0.0,
    )


async def test_a_real_model_answers_in_the_form_asked_for(server: EmbeddedServer) -> None:
    """Four questions at once are answered with a label of the schema, with tokens counted, at no cost."""
    model = model_at(server.base_url)
    requests = [
        ask(f"Which label fits {word}?", response_schema=LABEL, max_tokens=40) for word in ("cat", "dog", "owl", "ant")
    ]
    replies = await asyncio.gather(*(model.complete(request) for request in requests))
    await model.aclose()
    assert all(reply.parsed in ({"label": "a"}, {"label": "b"}) for reply in replies)
    assert {0.0} == {reply.cost_usd for reply in replies}
    assert all((reply.usage.input_tokens or 0) > 5 and (reply.usage.output_tokens or 0) > 3 for reply in replies)


async def test_the_same_question_gets_the_same_answer(server: EmbeddedServer) -> None:
    """At temperature 0 a real model repeats itself, which is what the cache counts on."""
    model = model_at(server.base_url)
    texts = [(await model.complete(ask("Name a colour.", max_tokens=12))).text for _ in range(2)]
    await model.aclose()
    assert texts[0] == texts[1] != ""


async def test_a_prompt_that_is_too_long_is_said(server: EmbeddedServer) -> None:
    """A prompt beyond the context is refused at once with the endpoint's reason, not tried again and again."""
    model = model_at(server.base_url)
    with pytest.raises(ModelError, match="context") as caught:
        await model.complete(ask("word " * 3000))
    await model.aclose()
    assert not isinstance(caught.value, TransientModelError)


async def test_a_closed_server_is_gone(gguf: Path) -> None:
    """After `close` nothing listens, and the server can be started again."""
    server = EmbeddedServer(gguf, alias=NAME, n_ctx=256, slots=1, threads=1)
    server.start()
    base_url = server.base_url
    server.close()
    model = model_at(base_url, attempts=1)
    with pytest.raises(TransientModelError):
        await model.complete(ask(max_tokens=4))
    await model.aclose()
    with server:
        model = model_at(server.base_url)
        assert (await model.complete(ask(max_tokens=4))).text
        await model.aclose()


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    """A file that is no GGUF is an error that names it."""
    pytest.importorskip("xllamacpp", reason="needs xllamacpp: pip install 'burnish[local]'")
    (tmp_path / "x.gguf").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"does not start from .*x\.gguf"):
        EmbeddedServer(tmp_path / "x.gguf", alias="x").start()
