"""Conversations in the forms that instrumentations write them, to messages of the domain."""

import json
import marshal
from collections.abc import Iterable
from typing import Any

from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.otlp.indexed import Entry, entry_value
from burnish.adapters.sources.otlp.parts import PART_TYPES, read_parts, reasoning, text, tool_call, tool_result
from burnish.domain.base import Json, built
from burnish.domain.traces import Message, Part, ToolResultPart

__all__ = ["Known", "message", "read_entries", "read_messages"]

_ROLES = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "developer": "system",
    "function": "tool",
}
_ONLY_TEXT = {str}  # of numbers, 1 and True would be the same key
_ROLE_PATH = ("message", "role")
_MESSAGE_KEYS = frozenset(("role", "parts", "content", "contents", "tool_calls", "message"))
_RESULT_TYPES = frozenset(
    ("tool_call_response", "tool-result", "tool_result", "function_call_output", "custom_tool_call_output")
)
_ASSISTANT_TYPES = frozenset(
    ("tool_call", "tool-call", "tool_use", "function_call", "custom_tool_call", "reasoning", "thinking", "output_text")
)


Known = dict[Any, tuple[Message, ...]]
"""Messages read before. Each call of a run repeats the conversation so far: a batch builds every message once."""


def read_messages(value: Json, role: str = "user", known: Known | None = None) -> tuple[Message, ...]:
    """Messages in `value`: a list of them, one, a request or response that holds some, or any of these as JSON text.

    `role` is given to what names none. Plain text is one message. Nothing is lost: an unknown form becomes a message
    with its JSON as text. `known` remembers across spans.
    """
    if isinstance(value, str):
        value = parse_structure(value)
    if value is None or value == "" or value == [] or value == {}:
        return ()
    if isinstance(value, dict):
        return _from_object(value, role)
    if isinstance(value, list):
        if _is_text_part(value[0]) and all(map(_is_text_part, value)):  # the parts of one message
            return (message(role, read_parts(value)),)
        found: list[Message] = []
        for item in value:
            if not isinstance(item, dict):
                found.extend(read_messages(item, role))
            elif known is None:
                found.extend(_from_object(item, role))
            else:
                # The quickest exact key; version 2 depends on content alone.
                key = ("" if "role" in item else role, marshal.dumps(item, 2))
                messages = known.get(key)
                if messages is None:
                    messages = known[key] = _from_object(item, role)
                found.extend(messages)
        return tuple(found)
    return (message(role, read_parts(value)),)


def _is_text_part(item: Json) -> bool:
    return isinstance(item, dict) and "role" not in item and item.get("type") == "text"


def read_entries(entries: list[Entry] | None, role: str, known: Known) -> tuple[Message, ...]:
    """Messages of a list that was flattened into numbered attributes."""
    found: list[Message] = []
    for entry in entries or ():
        given = "" if entry[0][0] == _ROLE_PATH else role
        key = (given, *entry) if {type(value) for _, value in entry} == _ONLY_TEXT else None
        messages = known.get(key) if key is not None else None
        if messages is None:
            messages = read_messages(entry_value(entry), role)
            if key is not None:
                known[key] = messages
        found.extend(messages)
    return tuple(found)


def _from_object(item: dict[str, Json], role: str) -> tuple[Message, ...]:
    inner = item.get("message")
    if isinstance(inner, (dict, str)) and "role" not in item:  # an OpenAI choice, an event, an OpenInference wrapper
        return read_messages(inner, role)
    if "role" in item or "parts" in item:
        return _message(item, role)
    kind = item.get("type")
    if isinstance(kind, str) and kind in PART_TYPES:
        return _wrapped(item, kind, role)
    nested = item.get("messages", item.get("choices", item.get("output")))
    if isinstance(nested, list):
        return (*_system(item), *read_messages(nested, role))
    if "prompt" in item:  # Vercel's outer span: {"system": …, "prompt": …}
        return (*_system(item), *read_messages(item["prompt"], role))
    if not _MESSAGE_KEYS.isdisjoint(item):
        return _message(item, role)
    said = item.get("text")
    return (message(role, [text(said if isinstance(said, str) else json.dumps(item, ensure_ascii=False))]),)


def _system(item: dict[str, Json]) -> tuple[Message, ...]:
    parts = read_parts(item.get("system"))
    return (message("system", parts),) if parts else ()


def _wrapped(item: dict[str, Json], kind: str, role: str) -> tuple[Message, ...]:
    """A part that stands where a message should, as OpenAI's Responses API has it."""
    if kind in _RESULT_TYPES:
        role = "tool"
    elif kind in _ASSISTANT_TYPES:
        role = "assistant"
    parts = read_parts(item)
    return (message(role, parts),) if parts else ()


def _message(item: dict[str, Json], role: str) -> tuple[Message, ...]:
    given = item.get("role", role)
    said = given.lower() if isinstance(given, str) and given else role
    said = _ROLES.get(said, said)
    content = item.get("parts")
    if content is None:
        content = item.get("content", item.get("contents"))
    if said == "tool" and not _holds_results(content):
        call_id = item.get("tool_call_id", item.get("id"))
        return (message(said, [tool_result({"content": content}, call_id, item.get("name"))]),)
    parts: list[Part] = []
    thought = item.get("reasoning_content", item.get("reasoning"))
    if isinstance(thought, str) and thought:
        parts.append(reasoning(thought))
    parts.extend(read_parts(content))
    calls = item.get("tool_calls")
    if isinstance(calls, str):
        calls = parse_structure(calls)
    for call in calls if isinstance(calls, list) else [item.get("function_call")]:
        if isinstance(call, dict):
            inner = call.get("tool_call")
            read = tool_call(inner if isinstance(inner, dict) else call)
            if read is not None:
                parts.append(read)
    if said == "user" and parts and all(isinstance(part, ToolResultPart) for part in parts):
        said = "tool"  # Anthropic sends results of tools as the user
    name = item.get("name")
    return (message(said, parts, name if isinstance(name, str) else None),)


def message(role: str, parts: Iterable[Part], name: str | None = None) -> Message:
    """One message of the domain."""
    return built(Message, {"role": role, "parts": tuple(parts), "name": name})


def _holds_results(content: Json) -> bool:
    items = content if isinstance(content, list) else [content]
    return any(isinstance(item, dict) and item.get("type") in _RESULT_TYPES for item in items)
