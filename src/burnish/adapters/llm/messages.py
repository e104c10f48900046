"""Between our requests and replies and the JSON of chat completions."""

import json
from typing import Any

from burnish.domain.base import Json
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.traces import ImagePart, Message, TextPart, ToolCallPart, ToolResultPart, Usage
from burnish.errors import ModelError

__all__ = ["request_body", "to_reply"]


def request_body(request: ChatRequest, model: str, tokens_field: str = "max_tokens") -> dict[str, Any]:
    """The body of POST /chat/completions."""
    body: dict[str, Any] = {
        "model": request.model or model,
        "messages": [item for message in request.messages for item in _messages(message)],
        "temperature": request.temperature,
        tokens_field: request.max_tokens,
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": t.parameters},
            }
            for t in request.tools
        ]
    if request.response_schema is not None:
        schema = {"name": "reply", "strict": True, "schema": request.response_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _messages(message: Message) -> list[dict[str, Any]]:
    results = [part for part in message.parts if isinstance(part, ToolResultPart)]
    found: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": part.id or "", "content": _text(part.result)} for part in results
    ]
    rest = [part for part in message.parts if not isinstance(part, ToolResultPart)]
    if not rest and results:
        return found
    item: dict[str, Any] = {"role": message.role, "content": _content(message)}
    calls = message.tool_calls
    if calls:
        item["tool_calls"] = [
            {
                "id": call.id or "",
                "type": "function",
                "function": {"name": call.name, "arguments": _text(call.arguments)},
            }
            for call in calls
        ]
    return [item, *found]


def _content(message: Message) -> Any:
    images = [part for part in message.parts if isinstance(part, ImagePart)]
    if not images:
        return message.text
    texts = [{"type": "text", "text": part.text} for part in message.parts if isinstance(part, TextPart)]
    return [*texts, *({"type": "image_url", "image_url": {"url": image.uri}} for image in images)]


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def to_reply(data: dict[str, Any], request: ChatRequest, model: str, seconds: float) -> ChatReply:
    """A chat completion as our reply.

    Raises ModelError for a refusal or an empty answer, KeyError and the like for what is no completion.
    """
    choice = data["choices"][0]
    message = choice["message"]
    if message.get("refusal"):
        raise ModelError(f"{model} refused to answer: {str(message['refusal'])[:200]}")
    text = message.get("content") or ""
    calls = tuple(
        ToolCallPart(name=c["function"]["name"], arguments=_parsed(c["function"].get("arguments")), id=c.get("id"))
        for c in message.get("tool_calls") or ()
    )
    if not text and not calls:
        raise ModelError(f"{model} gave an empty answer (finish_reason: {choice.get('finish_reason')})")
    parsed = None
    if request.response_schema is not None:
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
    return ChatReply(
        text=text,
        model=data.get("model") or model,
        parsed=parsed,
        tool_calls=calls,
        usage=_usage(data.get("usage") or {}),
        latency_s=seconds,
        finish_reason=choice.get("finish_reason"),
    )


def _parsed(arguments: Any) -> Json:
    if not isinstance(arguments, str):
        return arguments  # type: ignore[no-any-return]
    try:
        return json.loads(arguments)  # type: ignore[no-any-return]
    except ValueError:
        return arguments


def _usage(usage: dict[str, Any]) -> Usage:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    return Usage(
        input_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
        cache_read_tokens=prompt.get("cached_tokens"),
        reasoning_tokens=completion.get("reasoning_tokens"),
    )
