"""Answers from a file: for demonstrations and tests that give the same result everywhere, without a model."""

import json
from pathlib import Path
from typing import Any

from burnish.domain.chat import ChatModel, ChatReply, ChatRequest
from burnish.errors import InputError, ModelError

__all__ = ["RecordedModel", "RecordingModel"]


class RecordedModel:
    """A model that answers what was recorded for the same question, and nothing else.

    The file holds a JSON object a line: `key` (ChatRequest.key) and `reply`; the last line of a key counts.
    Raises InputError for a file that cannot be read as that.
    """

    def __init__(self, path: Path, *, name: str = "recorded", strong: bool = False) -> None:
        self.name = name
        self.strong = strong
        self._path = path
        self._replies = _read(path)

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The recorded answer, as cached: it costs nothing. Raises ModelError where there is none."""
        found = self._replies.get(request.key)
        if found is None:
            raise ModelError(
                f"{self._path} holds no answer to this question ({request.purpose}, key {request.key[:12]}); the "
                "prompt or the model has changed since it was recorded: record it again"
            )
        return found.model_copy(update={"cached": True})


class RecordingModel:
    """Asks `inner` and appends each answer to the file that RecordedModel reads. Errors are not recorded."""

    def __init__(self, inner: ChatModel, path: Path) -> None:
        self.name = inner.name
        self.strong = inner.strong
        self._inner = inner
        self._path = path

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answer one request and record it."""
        reply = await self._inner.complete(request)
        line = {"key": request.key, "purpose": request.purpose, "reply": reply.model_dump(mode="json")}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        return reply


def _read(path: Path) -> dict[str, ChatReply]:
    replies: dict[str, ChatReply] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"recorded answers cannot be read from {path}: {error}") from error
    for number, text in enumerate(lines, start=1):
        try:
            line: Any = json.loads(text) if text.strip() else None
            if line is not None:
                replies[line["key"]] = ChatReply.model_validate(line["reply"])
        except (ValueError, KeyError, TypeError) as error:  # pydantic's ValidationError is a ValueError
            raise InputError(f"{path}:{number} is no recorded answer: {error}") from error
    return replies
