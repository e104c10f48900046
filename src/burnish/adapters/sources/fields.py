"""Fields of the JSON that stores answer with, read without trusting their types."""

import json
from datetime import datetime

from burnish.adapters.sources.counts import read_amount, read_count
from burnish.adapters.sources.jsontext import clean_json, clean_text, nested_too_deep, parse_structure
from burnish.adapters.sources.times import read_time
from burnish.domain.base import Json

__all__ = [
    "Item",
    "count_in",
    "dollars_in",
    "fit_to_keep",
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
    if nested_too_deep(parsed, _DEEPEST):
        return clean_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return clean_json(parsed)


def fit_to_keep(told: Item) -> Item:
    """What is kept beside payloads (attributes, metadata) with clean texts, and cut where it is nested past reason."""
    return {clean_text(key): clean_json(value, depth=_DEEPEST) for key, value in told.items()}


def items_in(item: Item, name: str) -> list[Item]:
    """The objects of the list under `name`."""
    value = item.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def moment_in(item: Item, *names: str) -> datetime | None:
    """The first of `names` that holds a point in time, in UTC, which is what a time without a zone is in."""
    return next((moment for name in names if (moment := read_time(item.get(name))) is not None), None)


def count_in(item: Item, *names: str) -> int | None:
    """The first of `names` that holds a count of tokens."""
    return next((count for name in names if (count := read_count(item.get(name))) is not None), None)


def dollars_in(item: Item, *names: str) -> float | None:
    """The first of `names` that holds a price, also as decimal text."""
    return next((price for name in names if (price := read_amount(_number(item.get(name)))) is not None), None)


def _number(value: Json) -> Json:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value
