"""One part of a message, in the forms of OTel GenAI, OpenAI, Anthropic and the Vercel AI SDK."""

import json
from collections.abc import Callable

from burnish.adapters.sources.jsontext import parse_structure
from burnish.domain.base import Json, built
from burnish.domain.traces import ImagePart, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart

__all__ = ["PART_TYPES", "read_parts", "reasoning", "text", "tool_call", "tool_result"]

Item = dict[str, Json]


def read_parts(content: Json) -> list[Part]:
    """Parts of a message's content, which is a text, one part, or a list of parts; empty parts are left out."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text(content)]
    if isinstance(content, list):
        return [part for item in content for part in read_parts(item)]
    if isinstance(content, dict):
        part = _part(content)
        return [] if part is None else [part]
    return [text(json.dumps(content))]


def text(content: str) -> TextPart:
    """A part of plain text."""
    return built(TextPart, {"type": "text", "text": content})


def reasoning(content: str) -> ReasoningPart:
    """A part of thought."""
    return built(ReasoningPart, {"type": "reasoning", "text": content})


def tool_call(item: Item) -> ToolCallPart | None:
    """A call of a tool, also in OpenAI's form with the name below `function`; None where it names no tool."""
    function = item.get("function")
    holder = function if isinstance(function, dict) else item
    name = _first(holder, "name", "toolName", "tool_name")
    if not isinstance(name, str) or not name:
        return None
    arguments = _first(holder, "arguments", "input", "args", "server_tool_call")
    given = {"type": "tool_call", "name": name, "arguments": _structured(arguments), "id": _identifier(item)}
    return built(ToolCallPart, given)


def tool_result(item: Item, default_id: Json = None, name: Json = None) -> ToolResultPart:
    """What a tool gave back, under whichever of its names."""
    result = _first(item, "response", "result", "output", "server_tool_call_response", "content")
    if isinstance(result, dict) and {"type", "value"} <= set(result) <= {"type", "value", "providerOptions"}:
        result = result["value"]  # Vercel wraps it: {"type": "json", "value": …}
    elif _is_only_text(result):
        result = "\n".join(part.text for part in read_parts(result) if isinstance(part, TextPart))
    found = _first(item, "name", "toolName", "tool_name")
    return built(
        ToolResultPart,
        {
            "type": "tool_result",
            "result": _structured(result),
            "id": _identifier(item) or (default_id if isinstance(default_id, str) else None),
            "name": found if isinstance(found, str) else name if isinstance(name, str) else None,
        },
    )


def _part(item: Item) -> Part | None:
    kind = item.get("type", item.get("kind"))
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is not None:
        return reader(item)
    said = _first(item, "text", "content")
    if kind is None and isinstance(said, str):
        return text(said) if said else None
    # What we do not know is shown as it came rather than lost.
    return text(json.dumps(item, ensure_ascii=False)) if item else None


def _text(item: Item) -> Part | None:
    said = _first(item, "content", "text", "refusal")
    if isinstance(said, dict):  # OpenAI's assistants: {"text": {"value": …}}
        said = said.get("value")
    if said is None or said == "":
        return None
    return text(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))


def _reasoning(item: Item) -> Part | None:
    said = _first(item, "content", "text", "thinking", "reasoning", "summary", "data")
    if isinstance(said, list):
        said = "\n".join(part.text for part in read_parts(said) if isinstance(part, TextPart))
    return reasoning(said) if isinstance(said, str) and said else None


def _file(item: Item) -> Part | None:
    media_type = _first(item, "mime_type", "mimeType", "media_type", "mediaType")
    uri = _first(item, "uri", "url", "file_id", "image_url", "image", "file", "source", "data", "content")
    while isinstance(uri, dict):  # {"url": …}, {"image": {"url": …}}, Anthropic's {"type": "base64", "data": …}
        media_type = media_type or _first(uri, "media_type", "mime_type")
        uri = _first(uri, "url", "uri", "image", "file_id", "data")
    kind = media_type if isinstance(media_type, str) else None
    if not isinstance(uri, str) or not uri:
        return ImagePart(uri="data:,[left out]", media_type=kind)
    if ":" not in uri[:32] and len(uri) > 128:
        uri = f"data:{kind or 'application/octet-stream'};base64,[{len(uri)} characters left out]"
    return ImagePart(uri=uri, media_type=kind)


_READERS: dict[str, Callable[[Item], Part | None]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text"), _text),
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking"), _reasoning),
    **dict.fromkeys(("tool_call", "tool-call", "tool_use", "function_call", "function"), tool_call),
    **dict.fromkeys(("server_tool_call", "server_tool_use", "custom_tool_call"), tool_call),
    **dict.fromkeys(("tool_call_response", "tool-result", "tool_result", "function_call_output"), tool_result),
    **dict.fromkeys(("server_tool_call_response", "custom_tool_call_output"), tool_result),
    **dict.fromkeys(("blob", "uri", "file", "image", "image_url", "input_image", "input_file"), _file),
    **dict.fromkeys(("image-url", "binary", "document", "audio", "input_audio", "media"), _file),
}
PART_TYPES = frozenset(_READERS)


def _first(item: Item, *names: str) -> Json:
    for name in names:
        value = item.get(name)
        if value is not None:
            return value
    return None


def _identifier(item: Item) -> str | None:
    value = _first(item, "call_id", "tool_call_id", "toolCallId", "tool_use_id", "id")
    return value if isinstance(value, str) and value else None


def _structured(value: Json) -> Json:
    return parse_structure(value) if isinstance(value, str) else value


def _is_only_text(value: Json) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and item.get("type") in ("text", "output_text") for item in value)
    )
