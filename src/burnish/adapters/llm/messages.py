"""Between our requests and replies and the JSON of chat completions."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from burnish.adapters.llm.structured import response_format
from burnish.domain.base import Json
from burnish.domain.chat import ChatRequest, ChatTool
from burnish.domain.traces import ImagePart, Message, TextPart, ToolCallPart, ToolResultPart, Usage

__all__ = ["Completion", "error_of", "request_body", "to_completion"]

_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool"}


class Completion(NamedTuple):
    """What one chat completion says."""

    text: str
    refusal: str | None = None
    tool_calls: tuple[ToolCallPart, ...] = ()
    usage: Usage = Usage()
    model: str | None = None
    reason: str | None = None


def request_body(request: ChatRequest, model: str, refused: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The body of POST /chat/completions, without the parameters the endpoint has `refused`.

    A refused `max_tokens` is sent as `max_completion_tokens`, which newer models want.
    """
    body: dict[str, Any] = {
        "model": request.model or model,
        "messages": list(_Conversation().turns(request.messages)),
        "temperature": request.temperature,
        "max_completion_tokens" if "max_tokens" in refused else "max_tokens": request.max_tokens,
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.response_schema is not None:
        body["response_format"] = response_format(request.response_schema)
    return {name: value for name, value in body.items() if name not in refused}


def _tool(tool: ChatTool) -> dict[str, Any]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


class _Conversation:
    """Messages as an endpoint wants them: every tool call with an id, and a result for each call by that id.

    Traces often keep no ids: a call without one gets one, and a result without one answers the oldest open call of
    its name, else the oldest open call. Reasoning is left out: it is not said again.
    """

    def __init__(self) -> None:
        self._open: list[tuple[str, str]] = []  # (id, name) of calls without a result yet
        self._made = 0

    def turns(self, messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
        for message in messages:
            role = _ROLES.get(message.role, message.role)
            results = [part for part in message.parts if isinstance(part, ToolResultPart)]
            for part in results:
                yield self._result(part)
            if role == "tool":
                if not results:  # a result that its source kept as plain text
                    yield self._result(ToolResultPart(result=message.text, name=message.name))
            elif not results or any(isinstance(p, TextPart | ImagePart | ToolCallPart) for p in message.parts):
                yield self._turn(role, message)

    def _turn(self, role: str, message: Message) -> dict[str, Any]:
        turn: dict[str, Any] = {"role": role, "content": _content(message)}
        if message.tool_calls:
            turn["content"] = turn["content"] or None
            turn["tool_calls"] = [self._call(call) for call in message.tool_calls]
        return turn

    def _call(self, call: ToolCallPart) -> dict[str, Any]:
        if call.id is None:
            self._made += 1
        id_ = call.id or f"call_{self._made}"
        self._open.append((id_, call.name))
        arguments = "{}" if call.arguments is None else _text(call.arguments)
        return {"id": id_, "type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _result(self, part: ToolResultPart) -> dict[str, Any]:
        candidates = [id_ for id_, name in self._open if name == part.name] + [id_ for id_, _ in self._open]
        id_ = part.id or next(iter(candidates), "call_unknown")
        self._open = [pair for pair in self._open if pair[0] != id_]
        return {"role": "tool", "tool_call_id": id_, "content": _text(part.result)}


def _content(message: Message) -> Any:
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return message.text
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"type": "text", "text": part.text})
        elif isinstance(part, ImagePart):
            parts.append({"type": "image_url", "image_url": {"url": part.uri}})
    return parts


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def to_completion(data: Any) -> Completion:
    """Read a chat completion. Raises KeyError, TypeError, AttributeError or ValueError for what is none."""
    choice = data["choices"][0]
    message = choice["message"]
    content = message.get("content") or ""
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return Completion(
        text=text,
        refusal=message.get("refusal") or None,
        tool_calls=tuple(
            ToolCallPart(name=c["function"]["name"], arguments=_parsed(c["function"].get("arguments")), id=c.get("id"))
            for c in message.get("tool_calls") or ()
        ),
        usage=_usage(data.get("usage") or {}),
        model=data.get("model") or None,
        reason=choice.get("finish_reason"),
    )


def error_of(data: Any, body: bytes) -> tuple[str | None, str]:
    """The code and the text of an error: OpenAI's form, a plain string, or the start of whatever came."""
    error = data.get("error", data) if isinstance(data, dict) else None
    if isinstance(error, dict):
        code = error.get("code")
        text = error.get("message") or error.get("detail") or error
        return code if isinstance(code, str) else None, str(text)[:500]
    if isinstance(error, str):
        return None, error[:500]
    return None, body[:200].decode("utf-8", "replace") or "no text"


def _parsed(arguments: Any) -> Json:
    if not isinstance(arguments, str):
        return arguments  # type: ignore[no-any-return]
    try:
        return json.loads(arguments or "{}")  # type: ignore[no-any-return]
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
