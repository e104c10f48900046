"""LangChain's messages in their three written forms, to the form that OpenAI's chat completions have."""

from burnish.domain.base import Json

__all__ = ["LANGCHAIN_ROLES", "plain_langchain"]

Item = dict[str, Json]

# By the `type` of a dumped message, and by the class of a serialised one.
LANGCHAIN_ROLES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "chat": "",
    "HumanMessage": "user",
    "HumanMessageChunk": "user",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "SystemMessageChunk": "system",
    "ToolMessage": "tool",
    "ToolMessageChunk": "tool",
    "FunctionMessage": "tool",
    "ChatMessage": "",
    "ChatMessageChunk": "",
}
_CALL_TYPES = frozenset(("tool_use", "tool_call", "function_call", "input_json_delta", "tool_call_chunk"))


def plain_langchain(item: Item) -> Item | None:
    """`item` as a message with role, content and tool_calls; None where it is no message of LangChain's.

    The forms: {"lc": 1, "type": "constructor", "id": […, "AIMessage"], "kwargs": {…}} (dumps), {"type": "ai", "data":
    {…}} (messages_to_dict) and {"type": "ai", "content": …} (model_dump).
    """
    kind, fields = _kind_and_fields(item)
    if kind is None or kind not in LANGCHAIN_ROLES:
        return None
    role: Json = LANGCHAIN_ROLES[kind] or fields.get("role", "user")
    found: Item = {"role": role, "content": fields.get("content")}
    for key in ("name", "tool_call_id"):
        if isinstance(fields.get(key), str):
            found[key] = fields[key]
    extra = fields.get("additional_kwargs")
    more = extra if isinstance(extra, dict) else {}
    calls = fields.get("tool_calls") or more.get("tool_calls")
    if isinstance(calls, list) and calls:
        found["tool_calls"] = calls
        found["content"] = _without_calls(found["content"])
    elif isinstance(more.get("function_call"), dict):
        found["function_call"] = more["function_call"]
    thought = more.get("reasoning_content")
    if isinstance(thought, str):
        found["reasoning_content"] = thought
    reasoning = more.get("reasoning")
    if isinstance(reasoning, dict) and isinstance(found["content"], str):
        found["content"] = [{"type": "reasoning", **reasoning}, {"type": "text", "text": found["content"]}]
    return found


def _kind_and_fields(item: Item) -> tuple[str | None, Item]:
    kind = item.get("type")
    if kind == "constructor":
        path, fields = item.get("id"), item.get("kwargs")
        name = path[-1] if isinstance(path, list) and path else None
        return (name, fields) if isinstance(name, str) and isinstance(fields, dict) else (None, {})
    if not isinstance(kind, str) or ("role" in item and kind != "chat"):
        return None, {}
    data = item.get("data")
    if isinstance(data, dict) and "content" in data:
        return kind, data
    return (kind, item) if "content" in item else (None, {})


def _without_calls(content: Json) -> Json:
    """The content without the calls of tools, which stand in `tool_calls` too."""
    if not isinstance(content, list):
        return content
    return [part for part in content if not (isinstance(part, dict) and part.get("type") in _CALL_TYPES)]
