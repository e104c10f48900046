"""Fields of the JSON that stores answer with, read without trusting their types."""

import json
from datetime import UTC, datetime

from burnish.adapters.sources.jsontext import SHORT, clean_text, parse_structure
from burnish.domain.base import Json

__all__ = [
    "Item",
    "count_in",
    "dollars_in",
    "items_in",
    "moment_in",
    "object_in",
    "payload_in",
    "payload_of",
    "text_in",
]

Item = dict[str, Json]

_DEEPEST = 64


def text_in(item: Item, *names: str) -> str | None:
    """The first of `names` that holds a text or a number, as text."""
    for name in names:
        value = item.get(name)
        if value is None:
            continue
        if isinstance(value, str):
            if value:
                return value
            continue
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    return None


def object_in(item: Item, name: str) -> Item:
    """The object under `name`, also where it is written as text; empty where there is none."""
    value = item.get(name)
    found = parse_structure(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def payload_in(item: Item, name: str) -> Json:
    """What a step was given or gave back, parsed where it is JSON in text, and without the pixels of inlined files.

    What is nested past all reason stays, or becomes, text: later steps walk payloads, and their stack is as deep.
    """
    return payload_of(item.get(name))


def payload_of(value: Json) -> Json:
    """`payload_in` of a value by itself. Raises RecursionError where JSON is nested too deep to be written as text."""
    parsed = parse_structure(value) if isinstance(value, str) else value
    try:
        return _without_files(parsed, _DEEPEST)
    except _TooDeepError:
        return clean_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


class _TooDeepError(Exception):
    """A payload is nested deeper than anything that was meant."""


def _without_files(value: Json, deepest: int) -> Json:
    if isinstance(value, str):
        return clean_text(value) if len(value) >= SHORT else value
    if not isinstance(value, (dict, list)):
        return value
    if not deepest:
        raise _TooDeepError
    if isinstance(value, dict):
        return {key: _without_files(one, deepest - 1) for key, one in value.items()}
    return [_without_files(one, deepest - 1) for one in value]


def items_in(item: Item, name: str) -> list[Item]:
    """The objects of the list under `name`."""
    value = item.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def moment_in(item: Item, *names: str) -> datetime | None:
    """The first of `names` that holds an ISO 8601 time, in UTC, which is what a time without a zone is in."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and value:
            try:
                moment = datetime.fromisoformat(value)
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            except (ValueError, OverflowError):
                continue
    return None


def count_in(item: Item, *names: str) -> int | None:
    """The first of `names` that holds a count of tokens."""
    for name in names:
        value = item.get(name)
        if value is None:
            continue
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**53:
            return int(value)
    return None


def dollars_in(item: Item, *names: str) -> float | None:
    """The first of `names` that holds a price, also as decimal text."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12:
            return float(value)
    return None
