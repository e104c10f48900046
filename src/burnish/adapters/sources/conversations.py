"""Conversations as frameworks log them whole (LangChain, Gemini, OpenAI's two APIs), told from other payloads.

LangSmith and Langfuse keep what a step was given and gave back as the framework had it. A list of messages, a request
or a response is read as messages; anything else is no conversation and stays the step's input or output.
"""

from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.langchain import LANGCHAIN_ROLES, plain_langchain
from burnish.adapters.sources.otlp.messages import read_messages
from burnish.domain.base import Json
from burnish.domain.traces import Message, Part, TextPart, ToolCallPart, ToolResultPart

__all__ = ["read_call", "read_conversation", "tool_definitions"]

Item = dict[str, Json]

_ROLES = frozenset(("system", "developer", "user", "human", "assistant", "ai", "model", "tool", "function"))
_SAYS = ("content", "parts", "text", "tool_calls", "function_call", "reasoning", "reasoning_content")
_ITEM_TYPES = frozenset(
    ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning", "message")
)


def read_conversation(value: Json, role: str) -> tuple[Message, ...]:
    """The messages in a payload, none where it is no conversation. `role` is given to what names none."""
    items = _items(parse_structure(value) if isinstance(value, str) else value)
    return () if items is None else _read(items, role)


def read_call(value: Json, role: str) -> tuple[Message, ...]:
    """The messages in what a model call was given or gave back, where every payload is a conversation: plain text is
    one message, and an unknown form its JSON as text."""
    content = parse_structure(value) if isinstance(value, str) else value
    items = _items(content)
    if items is not None:
        return _read(items, role)
    if isinstance(content, dict):
        texts = next((content[key] for key in ("prompts", "args") if isinstance(content.get(key), list)), None)
        if isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts):
            return tuple(Message(role=role, parts=(TextPart(text=text),)) for text in texts if isinstance(text, str))
        for key in ("input", "prompt", "text", "output", "completion", "content"):
            text = content.get(key)
            if isinstance(text, str) and text and "role" not in content and "system" not in content:
                return (Message(role=role, parts=(TextPart(text=text),)),)
    return read_messages(content, role)


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
        if (
            isinstance(plain, dict) and plain.get("role") in called
        ):  # LangChain.js names the tool where the role belongs
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


def _items(content: Json) -> list[Json] | None:
    """The messages that a payload holds, before they are read; None where it holds none."""
    if isinstance(content, list):
        if content and all(isinstance(item, list) for item in content):  # LangChain logs one list a prompt of a batch
            return [one for item in content if isinstance(item, list) for one in item] if _items(content[0]) else None
        return content if content and all(_is_message(item) for item in content) else None
    if not isinstance(content, dict):
        return None
    if _is_message(content):
        return [content]
    for name, read in _HOLDERS:
        if name in content:
            items = read(content)
            if items is not None:
                return items
    return None


def _is_message(item: Json) -> bool:
    if not isinstance(item, dict):
        return False
    role, kind = item.get("role"), item.get("type")
    if isinstance(role, str) and any(key in item for key in _SAYS):
        return True
    if isinstance(kind, str) and (kind in LANGCHAIN_ROLES or kind == "constructor"):
        return plain_langchain(item) is not None
    return isinstance(kind, str) and kind in _ITEM_TYPES and "messages" not in item


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


def _instructed(instructions: Json, items: list[Json]) -> list[Json]:
    if isinstance(instructions, dict) and "parts" in instructions:
        return [{**instructions, "role": "system"}, *items]
    return [{"role": "system", "content": instructions}, *items] if instructions else items


def _from_contents(content: Item) -> list[Json] | None:
    """Gemini's request."""
    asked = content["contents"]
    config = content.get("config")
    given = content.get("system_instruction", content.get("systemInstruction"))
    if given is None and isinstance(config, dict):
        given = config.get("system_instruction", config.get("systemInstruction"))
    if isinstance(asked, str):
        return _instructed(given, [{"role": "user", "content": asked}])
    turns: list[Json] = asked if isinstance(asked, list) else [asked]
    said: list[Json] = []
    for turn in turns:
        if isinstance(turn, dict) and "parts" in turn:
            said.append({"role": "user", **turn})
        elif isinstance(turn, str):
            said.append({"role": "user", "content": turn})
        else:
            return None
    return _instructed(given, said)


def _from_candidates(content: Item) -> list[Json] | None:
    """Gemini's response."""
    candidates = content["candidates"]
    inner = (
        [item.get("content") for item in candidates if isinstance(item, dict)] if isinstance(candidates, list) else []
    )
    return [item for item in inner if isinstance(item, dict) and "parts" in item] or None


def _from_content(content: Item) -> list[Json] | None:
    inner = content["content"]
    return [inner] if isinstance(inner, dict) and "parts" in inner else None


def _from_messages(content: Item) -> list[Json] | None:
    items = _items(content["messages"])
    return None if items is None else _instructed(content.get("system", content.get("instructions")), items)


def _from_choices(content: Item) -> list[Json] | None:
    choices = content["choices"]
    inner = [item.get("message") for item in choices if isinstance(item, dict)] if isinstance(choices, list) else []
    said: list[Json] = [item for item in inner if isinstance(item, dict)]
    return said or None


def _from_message(content: Item) -> list[Json] | None:
    return _items(content["message"])


def _from_new_message(content: Item) -> list[Json] | None:
    return _items(content["new_message"])


def _from_output(content: Item) -> list[Json] | None:
    return _items(content["output"])


def _from_input(content: Item) -> list[Json] | None:
    asked = content["input"]
    items = _items(asked)
    if items is None and isinstance(asked, str) and ("model" in content or "instructions" in content):
        items = [{"role": "user", "content": asked}]
    return None if items is None else _instructed(content.get("instructions"), items)


def _from_prompt(content: Item) -> list[Json] | None:
    """The Claude agent SDK's: a prompt beside its system prompt."""
    asked = content["prompt"]
    if not isinstance(asked, str) or not isinstance(content.get("system"), str):
        return None
    return _instructed(content["system"], [{"role": "user", "content": asked}])


def _from_generations(content: Item) -> list[Json] | None:
    """LangChain's result of a model: a list of alternatives for each prompt, of which the first was used."""
    said: list[Json] = []
    rows = content["generations"]
    for row in rows if isinstance(rows, list) else []:
        first = row[0] if isinstance(row, list) and row else row
        if not isinstance(first, dict):
            continue
        message = first.get("message")
        if isinstance(message, dict):
            said.append(message)
        elif isinstance(first.get("text"), str):
            said.append({"role": "assistant", "content": first["text"]})
    return said or None


_HOLDERS = (
    ("contents", _from_contents),
    ("candidates", _from_candidates),
    ("messages", _from_messages),
    ("choices", _from_choices),
    ("generations", _from_generations),
    ("message", _from_message),
    ("new_message", _from_new_message),
    ("output", _from_output),
    ("input", _from_input),
    ("content", _from_content),
    ("prompt", _from_prompt),
)
