"""Lists that older conventions flatten into numbered attribute names: `llm.input_messages.0.message.role`."""

from collections.abc import Iterable
from typing import Any

from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.otlp.parts import PART_TYPES
from burnish.adapters.sources.otlp.raw import Attributes
from burnish.domain.base import Json

__all__ = ["Entry", "Place", "entry_value", "place_of", "take_lists"]

_LISTS = (
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.prompts.",
    "llm.choices.",
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "retrieval.documents.",
    "reranker.input_documents.",
    "reranker.output_documents.",
    "embedding.embeddings.",
    "llm.tools.",
    "llm.request.functions.",
)
_VECTOR = ("vector",)
_DEEPEST = 16  # deeper names are no convention's and stay attributes

Path = tuple[str | int, ...]
Place = tuple[tuple[str, int], Path]
Entry = list[tuple[Path, Json]]
"""One item of a list, flat: the paths below its number, and their values."""


class _Tree(dict[str | int, Any]):
    """A branch that is being put together, told from an attribute's value that is a dict."""


def take_lists(attributes: Attributes, listed: Iterable[tuple[str, Place]]) -> dict[str, list[Entry]]:
    """Take the numbered attributes out of `attributes` and give them back as lists, by the name before the number.

    `listed` are their names with their places, as `shapes` has them. Vectors are left out.
    """
    entries: dict[tuple[str, int], Entry] = {}
    for name, (where, path) in listed:
        value = attributes.pop(name)
        if path[-1:] != _VECTOR:
            entry = entries.get(where)
            if entry is None:
                entries[where] = [(path, value)]
            else:
                entry.append((path, value))
    lists: dict[str, list[Entry]] = {}
    for where in sorted(entries):
        lists.setdefault(where[0], []).append(entries[where])
    return lists


def place_of(name: str) -> Place | None:
    """The list that an attribute belongs to with the number in it, and the path below; None where it is of no list."""
    if not name.startswith(_LISTS):
        return None
    start = next(known for known in _LISTS if name.startswith(known))
    steps = name[len(start) :].split(".")
    if len(steps) > _DEEPEST or not _is_number(steps[0]):
        return None
    return (start[:-1], int(steps[0])), tuple(int(step) if _is_number(step) else step for step in steps[1:])


def _is_number(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) < 9


def entry_value(entry: Entry) -> Json:
    """The nested value of a flat entry; where two names contradict each other the first counts."""
    if all(len(path) == 2 and path[0] == "message" and type(path[1]) is str for path, _ in entry):
        return {str(path[1]): _content(value) if path[1] == "content" else value for path, value in reversed(entry)}
    tree = _Tree()
    for path, value in entry:
        if not path:
            return value
        branch = tree
        for step in path[:-1]:
            below = branch.setdefault(step, _Tree())
            if not isinstance(below, _Tree):
                break
            branch = below
        else:
            branch.setdefault(path[-1], _content(value) if path[-1] == "content" else value)
    return _nested(tree)


def _nested(tree: _Tree) -> Json:
    for key, value in tree.items():
        if isinstance(value, _Tree):
            tree[key] = _nested(value)
    if all(type(key) is str for key in tree):
        wrapped = tree.get("contents")
        if isinstance(wrapped, list):  # OpenInference wraps each part in an object of one key
            tree["contents"] = [
                part.get("message_content", part) if isinstance(part, dict) else part for part in wrapped
            ]
        return {**tree}  # type: ignore[dict-item]
    if all(type(key) is int for key in tree):
        return [tree[key] for key in sorted(tree)]
    return {str(key): value for key, value in tree.items()}


def _content(value: Json) -> Json:
    """Content that OpenLLMetry wrote as JSON text of parts, told from a text that merely looks like JSON."""
    if isinstance(value, str) and value.startswith("["):
        parts = parse_structure(value)
        if isinstance(parts, list) and all(isinstance(part, dict) and _is_part(part) for part in parts):
            return parts
    return value


def _is_part(item: dict[str, Json]) -> bool:
    kind = item.get("type")
    return isinstance(kind, str) and kind in PART_TYPES
