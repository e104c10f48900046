"""Where a payload holds messages: a list of them, one, or a request or response that has them under some key."""

from burnish.adapters.sources.fields import Item
from burnish.adapters.sources.langchain import LANGCHAIN_ROLES, plain_langchain
from burnish.domain.base import Json

__all__ = ["messages_held"]

_SAYS = ("content", "parts", "text", "tool_calls", "function_call", "reasoning", "reasoning_content")
_ITEM_TYPES = frozenset(
    ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning", "message")
)


def messages_held(content: Json) -> list[Json] | None:
    """The messages that a payload holds, before they are read; None where it holds none."""
    if isinstance(content, list):
        if content and all(isinstance(item, list) for item in content):  # LangChain logs one list a prompt of a batch
            return (
                [one for item in content if isinstance(item, list) for one in item]
                if messages_held(content[0])
                else None
            )
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
    items = messages_held(content["messages"])
    return None if items is None else _instructed(content.get("system", content.get("instructions")), items)


def _from_choices(content: Item) -> list[Json] | None:
    choices = content["choices"]
    inner = [item.get("message") for item in choices if isinstance(item, dict)] if isinstance(choices, list) else []
    said: list[Json] = [item for item in inner if isinstance(item, dict)]
    return said or None


def _from_message(content: Item) -> list[Json] | None:
    return messages_held(content["message"])


def _from_new_message(content: Item) -> list[Json] | None:
    return messages_held(content["new_message"])


def _from_output(content: Item) -> list[Json] | None:
    return messages_held(content["output"])


def _from_input(content: Item) -> list[Json] | None:
    asked = content["input"]
    items = messages_held(asked)
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
