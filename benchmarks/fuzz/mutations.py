"""Spoils trees of JSON: wrong types, lost and doubled keys, impossible numbers, nesting, text no database takes."""

import json
import marshal
import random
from collections.abc import Callable
from typing import Any

__all__ = ["HOSTILE", "WORDS", "copied", "depth", "mutate", "nest"]

Tree = Any
Place = tuple[Any, Any]

WORDS = (
    *("traceId", "spanId", "parentSpanId", "name", "attributes", "events", "status", "code", "message", "key", "value"),
    *("stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue", "bytesValue", "values"),
    *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.operation.name", "gen_ai.usage.input_tokens"),
    *("gen_ai.tool.definitions", "gen_ai.system_instructions", "openinference.span.kind", "llm.input_messages.0"),
    *("llm.input_messages.0.message.role", "llm.tools.0.tool.json_schema", "input.value", "output.value", "metadata"),
    *("role", "content", "parts", "type", "text", "tool_calls", "function", "arguments", "id", "result", "response"),
    *("inputs", "outputs", "error", "start_time", "end_time", "trace_id", "usage", "model", "tags", "session_id"),
    *("otel.logs.input", "otel.logs.output", "otel.span.absent", "startTimeUnixNano", "endTimeUnixNano", "droppedX"),
)
HOSTILE: tuple[Tree, ...] = (
    *(None, True, False, "", 0, -1, 1.5, 2**31, 2**63, 2**64, -(2**63) - 1, 10**40, float("nan"), float("inf"), 1e308),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": []}}, "NaN", "null", "[]", "{}", "[{]", '{"role": "user"}', "0"),
    *("\x00", "a\x00b", "\ud800", "\udfff tail", "\ufeff", "\u202e", "é" * 300, "x" * 5000, "9" * 5000, "\\u0000"),
    *("-1", "1e999", " 12", "٣", "0x10", "2026-01-01T00:00:00Z", "9999-99-99", "AAAAAAAAAAAAAAAAAAAAAA==", "0" * 32),
    "data:image/png;base64," + "A" * 400,
)


def nest(value: Tree, depth: int, *, in_lists: bool) -> Tree:
    """`value` inside so many lists or objects."""
    for _ in range(depth):
        value = [value] if in_lists else {"a": value}
    return value


def copied(tree: Tree) -> Tree:
    """A copy that shares nothing, also of what is nested deeper than Python recurses; past 2,000 levels None."""
    try:
        return marshal.loads(marshal.dumps(tree))
    except ValueError:
        return None


def depth(tree: Tree) -> int:
    """How many lists and objects stand in each other."""
    levels, level = 0, [tree]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        levels += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return levels


def mutate(tree: Tree, random_: random.Random, times: int) -> Tree:
    """A copy of `tree` with so many of its places spoilt, each in one of a dozen ways."""
    holder = [copied(tree)]
    for _ in range(times):
        places = _places(holder)
        parent, key = random_.choice(places)
        random_.choice(_WAYS)(parent, key, random_, places)
    return holder[0]


def _places(tree: Tree) -> list[Place]:
    """Every node with what holds it, up to a few thousand."""
    found: list[Place] = []
    waiting = [tree]
    while waiting and len(found) < 4000:
        item = waiting.pop()
        pairs = item.items() if isinstance(item, dict) else enumerate(item)
        for key, child in pairs:
            found.append((item, key))
            if isinstance(child, (dict, list)):
                waiting.append(child)
    return found or [([None], 0)]


def _holds(parent: Any, key: Any) -> bool:
    return key in parent if isinstance(parent, dict) else key < len(parent)


def _replace(parent: Any, key: Any, random_: random.Random, _places: list[Place]) -> None:
    if _holds(parent, key):
        parent[key] = copied(random_.choice(HOSTILE))


def _remove(parent: Any, key: Any, _random: random.Random, _places: list[Place]) -> None:
    if isinstance(parent, dict):
        parent.pop(key, None)
    elif len(parent) > 1 and _holds(parent, key):
        del parent[key]


def _double(parent: Any, key: Any, random_: random.Random, _places: list[Place]) -> None:
    if isinstance(parent, list) and _holds(parent, key):
        parent.insert(random_.randrange(len(parent) + 1), copied(parent[key]))


def _rename(parent: Any, key: Any, random_: random.Random, _places: list[Place]) -> None:
    if isinstance(parent, dict) and key in parent:
        parent[random_.choice(WORDS)] = parent.pop(key)


def _wrap(parent: Any, key: Any, random_: random.Random, _places: list[Place]) -> None:
    if _holds(parent, key):
        parent[key] = nest(parent[key], 1, in_lists=random_.random() < 0.5)


def _bury(parent: Any, key: Any, random_: random.Random, _places: list[Place]) -> None:
    if _holds(parent, key):
        parent[key] = nest(parent[key], random_.choice((5, 40, 160, 300)), in_lists=random_.random() < 0.5)


def _swap(parent: Any, key: Any, random_: random.Random, places: list[Place]) -> None:
    other, at = random_.choice(places)
    if _holds(parent, key) and _holds(other, at):
        parent[key] = copied(other[at])


def _as_text(parent: Any, key: Any, _random: random.Random, _places: list[Place]) -> None:
    if _holds(parent, key):
        try:
            parent[key] = json.dumps(parent[key])
        except (RecursionError, ValueError):
            parent[key] = "[" * 3000


def _as_number(parent: Any, key: Any, random_: random.Random, _places: list[Place]) -> None:
    if _holds(parent, key):
        parent[key] = random_.choice((random_.getrandbits(70), -random_.getrandbits(40), random_.random() * 1e300))


def _add(parent: Any, _key: Any, random_: random.Random, _places: list[Place]) -> None:
    value = copied(random_.choice(HOSTILE))
    if isinstance(parent, dict):
        parent[random_.choice(WORDS)] = value
    else:
        parent.append(value)


def _shuffle(parent: Any, _key: Any, random_: random.Random, _places: list[Place]) -> None:
    if isinstance(parent, list):
        random_.shuffle(parent)


def _garble(parent: Any, key: Any, random_: random.Random, _places: list[Place]) -> None:
    if _holds(parent, key) and isinstance(parent[key], str) and parent[key]:
        at = random_.randrange(len(parent[key]))
        parent[key] = parent[key][:at] + random_.choice(("\x00", "{", '"', "\ud83d", "")) + parent[key][at + 1 :]


_WAYS: tuple[Callable[[Any, Any, random.Random, list[Place]], None], ...] = (
    *(_replace, _replace, _remove, _double, _rename, _wrap, _bury, _swap, _as_text, _as_number, _add, _shuffle),
    _garble,
)
