"""Requests for tests of language models."""

from typing import Any

from burnish.domain.chat import ChatRequest
from burnish.domain.traces import Message, TextPart

__all__ = ["LABEL", "ask"]

LABEL: dict[str, Any] = {
    "type": "object",
    "properties": {"label": {"enum": ["a", "b"]}},
    "required": ["label"],
    "additionalProperties": False,
}


def ask(text: str = "hello", **fields: Any) -> ChatRequest:
    """A request of one user message."""
    return ChatRequest(messages=(Message(role="user", parts=(TextPart(text=text),)),), **fields)
