"""Text and JSON from strangers, made fit to store: no NUL, no lone surrogates, no NaN, no inlined pixels.

PostgreSQL refuses NUL and NaN, UTF-8 refuses lone surrogates; one such character must not cost a whole span.
"""

import gc
import json
import math
import re
from collections.abc import Callable
from typing import Any

import orjson

from burnish.domain.base import Json

__all__ = [
    "DEEPEST",
    "SHORT",
    "clean_json",
    "clean_number",
    "clean_text",
    "nested_too_deep",
    "parse_json",
    "parse_structure",
]

_SUSPECT_ESCAPE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,[A-Za-z0-9+/=_\\-]{256,}")
SHORT = 256  # a text shorter than this holds no inlined file
_LARGE = 65_536
_TOO_DEEP = "[nested too deep]"
DEEPEST = 150  # what reads the store back gives up at 200 levels, of which a span's own take ten


def clean_number(value: float) -> Json:
    """`value`, or its name where JSON has no such number (NaN, Infinity)."""
    return value if math.isfinite(value) else str(value)


def clean_text(text: str) -> str:
    """`text` as it can be stored: unstorable characters become U+FFFD, inlined base64 files a note of their size."""
    if len(text) >= SHORT and ";base64," in text:
        text = _DATA_URI.sub(lambda match: f"data:{match[1]};base64,[{len(match[0])} characters left out]", text)
    return text if text.isascii() and "\x00" not in text else _storable(text)


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)


def clean_json(value: Json, text: Callable[[str], str] = clean_text, depth: float = DEEPEST) -> Json:
    """`value` with every text in it as `text` makes it; what is nested deeper than `depth` gives way to a note."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        if not depth:
            return _TOO_DEEP
        return {clean_text(key): clean_json(item, text, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_json(item, text, depth - 1) for item in value] if depth else _TOO_DEEP
    return clean_number(value) if isinstance(value, float) else value


def parse_json(text: str) -> Json:
    """Parse JSON as exporters write it: NaN becomes its name, control characters in strings are let pass.

    An integer beyond 64 bits becomes a float, as in JavaScript. Raises ValueError where it is not JSON, RecursionError
    where it is nested past Python's limit.
    """
    try:
        value: Json = _loads(text)
    except orjson.JSONDecodeError:  # the strict parser is several times as fast, the other takes what is not quite JSON
        value = _DECODER.decode(text)
    return clean_json(value, _storable, math.inf) if "\\u" in text and _SUSPECT_ESCAPE.search(text) else value


def _loads(text: str) -> Any:
    """Parse strictly, a large text without the garbage collector: it would go through the growing tree, in which there
    can be no circles, again and again, and take three quarters of the time."""
    if len(text) < _LARGE or not gc.isenabled():
        return orjson.loads(text)
    gc.disable()  # orjson lets no other thread run meanwhile
    try:
        return orjson.loads(text)
    finally:
        gc.enable()


def parse_structure(text: str) -> Json:
    """The object or array that `text` holds as JSON, else `text` itself; a bare number stays the text it was.

    So does what is nested deeper than the store takes.
    """
    if text[:1] in ("{", "[") or text[:8].lstrip()[:1] in ("{", "["):
        try:
            value = parse_json(text)
        except (ValueError, RecursionError):
            return text
        deep = text.count("[") + text.count("{") > DEEPEST and nested_too_deep(value)
        return text if deep else value
    return text


def nested_too_deep(value: Json, deepest: int = DEEPEST) -> bool:
    """Whether lists and objects stand in each other more than `deepest` levels deep."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(deepest):
        if not level:
            return False
        below: list[Any] = []
        for item in level:
            inner = item.values() if isinstance(item, dict) else item
            below.extend([child for child in inner if type(child) is dict or type(child) is list])
        level = below
    return bool(level)


def _finite_float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else text


_DECODER = json.JSONDecoder(parse_constant=str, parse_float=_finite_float, strict=False)
