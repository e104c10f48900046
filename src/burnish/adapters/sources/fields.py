"""Fields of the JSON that stores answer with, read without trusting their types."""

from datetime import UTC, datetime

from burnish.adapters.sources.jsontext import SHORT, clean_text, parse_structure
from burnish.domain.base import Json

__all__ = ["Item", "count_in", "dollars_in", "items_in", "moment_in", "object_in", "payload_in", "text_in"]

Item = dict[str, Json]


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
    """What a step was given or gave back, parsed where it is JSON in text, and without the pixels of inlined files."""
    value = item.get(name)
    return _without_files(parse_structure(value) if isinstance(value, str) else value)


def _without_files(value: Json) -> Json:
    if isinstance(value, str):
        return clean_text(value) if len(value) >= SHORT else value
    if isinstance(value, dict):
        return {key: _without_files(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_files(one) for one in value]
    return value


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
