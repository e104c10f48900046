"""The embedded model for real, where its smallest weights are here; in a process of its own, as its threads stay."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from burnish.adapters.llm import weights
from burnish.settings import Settings

MODEL = "smollm2-135m"

SCRIPT = """
import asyncio, json, os, sys
from pathlib import Path
from burnish.adapters.llm.embedded import EmbeddedServer
from burnish.adapters.llm.openai import OpenAIModel
from burnish.domain.chat import ChatRequest
from burnish.domain.traces import Message, TextPart

SCHEMA = {
    "type": "object", "properties": {"answer": {"enum": ["yes", "no"]}},
    "required": ["answer"], "additionalProperties": False,
}

async def ask(base_url):
    question = Message(role="user", parts=(TextPart(text="Is the sky blue?"),))
    request = ChatRequest(messages=(question,), response_schema=SCHEMA, max_tokens=30)
    model = OpenAIModel("tiny", base_url=base_url, api_key="none", limit=asyncio.Semaphore(2), timeout_s=100)
    try:
        return await asyncio.gather(model.complete(request), model.complete(request))
    finally:
        await model.aclose()

with EmbeddedServer(Path(sys.argv[1]), alias="tiny", n_ctx=512, slots=2, threads=2) as server:
    replies = asyncio.run(ask(server.base_url))
    found = {"address": server.base_url, "replies": [reply.model_dump(mode="json") for reply in replies]}
print(json.dumps(found | {"after": server.base_url}), flush=True)
"""


def run(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_a_schema_holds_a_real_model() -> None:
    """Even a model that follows no instruction well answers within its schema, counts its tokens and ends cleanly."""
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed: pip install 'burnish[local]'")
    folder = Settings().models_dir.expanduser()
    path = weights.find(MODEL, folder)
    if path is None:
        pytest.skip(f"{MODEL} is not in {folder}: run `burnish model fetch {MODEL}`")
    done = run(SCRIPT, str(path))
    assert 0 == done.returncode, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["address"].startswith("http://127.0.0.1:")
    assert "" == found["after"]
    for reply in found["replies"]:
        assert reply["parsed"]["answer"] in ("yes", "no")
        assert reply["usage"]["input_tokens"] > 0 < reply["usage"]["output_tokens"]
    assert found["replies"][0]["text"] == found["replies"][1]["text"]


def test_a_file_that_is_no_model_is_a_model_error(tmp_path: Path) -> None:
    """Weights that cannot be loaded are told by name, not by a crash."""
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed: pip install 'burnish[local]'")
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"no weights")
    script = (
        "import sys; from pathlib import Path\n"
        "from burnish.adapters.llm.embedded import EmbeddedServer\n"
        "from burnish.errors import ModelError\n"
        "try: EmbeddedServer(Path(sys.argv[1]), alias='x').start()\n"
        "except ModelError as error: print('TOLD', error)\n"
    )
    done = run(script, str(path))
    assert 0 == done.returncode, done.stderr[-2000:]
    assert f"TOLD the embedded model does not start from {path}" in done.stdout
