"""The tools that a call was offered, under the names that instrumentations give them."""

from typing import Any

from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.otlp.indexed import Entry, entry_value
from burnish.adapters.sources.otlp.raw import Attributes
from burnish.domain.base import Json, built
from burnish.domain.traces import ToolDefinition

__all__ = ["TOOL_LISTS", "read_tools", "take_tools"]

_NAMES = ("gen_ai.tool.definitions", "ai.prompt.tools", "model_request_parameters")
TOOL_LISTS = ("llm.tools", "llm.request.functions")

Tools = tuple[ToolDefinition, ...]


def take_tools(attributes: Attributes, lists: dict[str, list[Entry]], known: dict[Any, Any]) -> Tools:
    """The tools offered, taken out of `attributes`; the first convention that has any wins.

    What cannot be read stays. `known` is shared by the spans of a batch: every call of a run offers the same tools.
    """
    for name in _NAMES:
        value = attributes.get(name)
        if value is None:
            continue
        key = ("tools", value) if isinstance(value, str) else None
        found: Tools | None = known.get(key) if key is not None else None
        if found is None:
            found = read_tools(value)
            if key is not None:
                known[key] = found
        if found:
            del attributes[name]
            return found
    for name in TOOL_LISTS:
        entries = lists.get(name)
        if entries:
            return read_tools([entry_value(entry) for entry in entries])
    return ()


def read_tools(value: Json) -> Tools:
    """Definitions in a list, in an object that holds one, or in either as JSON text; what names no tool is left out."""
    structured = parse_structure(value) if isinstance(value, str) else value
    if isinstance(structured, dict):
        # Pydantic AI tells the model's own tools from those by which it answers in a structure.
        groups = [structured.get(name) for name in ("function_tools", "output_tools", "tools")]
        structured = [item for group in groups if isinstance(group, list) for item in group]
    if not isinstance(structured, list):
        return ()
    found = (_definition(item) for item in structured)
    return tuple(tool for tool in found if tool is not None)


def _definition(item: Json) -> ToolDefinition | None:
    item = parse_structure(item) if isinstance(item, str) else item
    if not isinstance(item, dict):
        return None
    for wrapper in ("tool", "json_schema", "function"):  # OpenInference's two, OpenAI's one
        inner = item.get(wrapper)
        inner = parse_structure(inner) if isinstance(inner, str) else inner
        if isinstance(inner, dict):
            item = {**item, **inner}
    name, description = item.get("name"), item.get("description")
    if not isinstance(name, str) or not name:
        return None
    schemas = ("parameters", "input_schema", "inputSchema", "parameters_json_schema", "strict_schema")
    schema = next((item[key] for key in schemas if item.get(key) is not None), None)
    return built(
        ToolDefinition,
        {
            "name": name,
            "description": description if isinstance(description, str) and description else None,
            "parameters": parse_structure(schema) if isinstance(schema, str) else schema,
        },
    )
