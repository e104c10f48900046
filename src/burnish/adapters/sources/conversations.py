"""Conversations as frameworks log them whole (LangChain, Gemini, OpenAI's two APIs), told from other payloads.

LangSmith and Langfuse keep what a step was given and gave back as the framework had it. A list of messages, a request
or a response is read as messages; anything else is no conversation and stays the step's input or output.
"""

from burnish.adapters.sources.fields import Item, text_in
from burnish.adapters.sources.holders import messages_held
from burnish.adapters.sources.langchain import plain_langchain
from burnish.adapters.sources.otlp.messages import read_messages
from burnish.domain.base import Json
from burnish.domain.traces import Message, Part, SpanKind, TextPart, ToolCallPart, ToolResultPart

__all__ = ["read_call", "read_conversation", "read_step", "tool_definitions"]


def read_step(kind: SpanKind, asked: Json, answered: Json) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The messages in what a step was given and in what it gave back. A tool's are its arguments and its result."""
    if kind is SpanKind.TOOL:
        return (), ()
    read = read_call if kind is SpanKind.LLM else read_conversation
    return read(asked, "user"), read(answered, "assistant")


def read_conversation(value: Json, role: str) -> tuple[Message, ...]:
    """The messages in a parsed payload, none where it is no conversation. `role` is given to what names none."""
    items = messages_held(value)
    return () if items is None else _read(items, role)


def read_call(value: Json, role: str) -> tuple[Message, ...]:
    """The messages in what a model call was given or gave back, where every payload is a conversation: plain text is
    one message, and an unknown form its JSON as text."""
    if isinstance(value, str):
        return (Message(role=role, parts=(TextPart(text=value),)),) if value else ()
    items = messages_held(value)
    if items is not None:
        return _read(items, role)
    if isinstance(value, dict):
        texts = next((value[key] for key in ("prompts", "args") if isinstance(value.get(key), list)), None)
        if isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts):
            return tuple(Message(role=role, parts=(TextPart(text=text),)) for text in texts if isinstance(text, str))
        for key in ("input", "prompt", "text", "output", "completion", "content"):
            text = value.get(key)
            if isinstance(text, str) and text and "role" not in value and "system" not in value:
                return (Message(role=role, parts=(TextPart(text=text),)),)
    return read_messages(value, role)


def tool_definitions(request: Json) -> Json:
    """The tools that a request to a model offers, as it has them; None where it names none."""
    if isinstance(request, dict):
        config = request.get("config")
        tools = request.get("tools") or (config.get("tools") if isinstance(config, dict) else None)
        return tools if isinstance(tools, list) and tools else None
    if isinstance(request, list):  # LangChain's handler of Langfuse appends them to the messages
        found = [item["content"] for item in request if isinstance(item, dict) and _plain(item) is None]
        return found or None
    return None


def _read(items: list[Json], role: str) -> tuple[Message, ...]:
    found: list[Message] = []
    called: set[str] = set()
    for item in items:
        plain = _plain(item) if isinstance(item, dict) else item
        if plain is None:
            continue
        if isinstance(plain, dict) and text_in(plain, "role") in called:  # LangChain.js names the tool there
            plain = {**plain, "role": "tool", "name": plain["role"]}
        for message in read_messages(plain, role):
            if message.role == "assistant":
                for part in message.parts:
                    if isinstance(part, ToolCallPart):
                        called.add(part.name)
            found.append(message)
    return tuple(_named(found) if called else found)


def _named(messages: list[Message]) -> list[Message]:
    """Results under the name and id of the call they answer, where only one of the two was said."""
    names: dict[str | None, str] = {
        call.id: call.name for message in messages for call in message.tool_calls if call.id
    }
    if not names:
        return messages
    return [
        message.model_copy(update={"parts": tuple(_answering(part, names) for part in message.parts)})
        if message.role == "tool"
        else message
        for message in messages
    ]


def _answering(part: Part, names: dict[str | None, str]) -> Part:
    if isinstance(part, ToolResultPart):
        if part.name is None and part.id in names:
            return part.model_copy(update={"name": names[part.id]})
        if part.id is None and part.name is not None:
            ids = [call_id for call_id, name in names.items() if name == part.name]
            if len(ids) == 1:
                return part.model_copy(update={"id": ids[0]})
    return part


def _plain(item: Item) -> Item | None:
    """One message in the form that `read_messages` takes; None for a definition of a tool in a message's clothes."""
    known = plain_langchain(item)
    if known is not None:
        return known
    content = item.get("content")
    if item.get("role") == "tool" and isinstance(content, dict) and content.get("type") == "function":
        function = content.get("function")
        if isinstance(function, dict) and "parameters" in function:
            return None
    parts = item.get("parts")
    if isinstance(parts, list):
        return {**item, "parts": [_gemini_part(part) for part in parts]}
    if "content" not in item and isinstance(item.get("text"), str):
        item = {**item, "content": item["text"]}
    extra = item.get("additional_kwargs")
    if isinstance(extra, dict) and not item.get("tool_calls") and extra.get("tool_calls"):
        item = {**item, "tool_calls": extra["tool_calls"]}
    return item


def _gemini_part(part: Json) -> Json:
    if not isinstance(part, dict) or "type" in part:
        return part
    for name in ("function_call", "functionCall"):
        call = part.get(name)
        if isinstance(call, dict):
            return {"type": "tool_call", "name": call.get("name"), "arguments": call.get("args"), "id": call.get("id")}
    for name in ("function_response", "functionResponse"):
        answer = part.get(name)
        if isinstance(answer, dict):
            return {"type": "tool_call_response", **answer}
    for name in ("inline_data", "inlineData", "file_data", "fileData"):
        file = part.get(name)
        if isinstance(file, dict):
            return {"type": "file", "uri": file.get("file_uri", file.get("fileUri", file.get("data"))), **file}
    if part.get("thought") is True:
        return {"type": "reasoning", "content": part.get("text")}
    return part
