"""Between values and rows: clean JSON text, packed payloads, times as numbers, previews."""

import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from burnish.domain import feedback
from burnish.domain.base import Json

__all__ = [
    "MACHINES",
    "PEOPLE",
    "clean",
    "clean_json",
    "dump",
    "json_bytes",
    "micros",
    "moment",
    "pack",
    "preview",
    "scrub",
    "spoilt",
    "unpack",
]

PREVIEW = 200
# Most payloads are a few KB, where deflating costs more time than the disk it saves.
LARGE = 16_384

# Who speaks, as it stands in rows of feedback.
MACHINES = tuple(source.value for source in feedback.MACHINES)
PEOPLE = tuple(source.value for source in feedback.PEOPLE)

M = TypeVar("M", bound=BaseModel)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def micros(time: datetime) -> int:
    """Microseconds since 1970, exactly: the same on both databases, sorts as a number, needs no time zone."""
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(number: int) -> datetime:
    """The aware time of `micros`."""
    return _EPOCH + timedelta(microseconds=number)


def json_bytes(item: BaseModel, exclude: set[str] | None = None) -> bytes:
    """The item as JSON. Raises PydanticSerializationError where it holds a lone surrogate."""
    return item.__pydantic_serializer__.to_json(item, exclude=exclude)


def spoilt(body: bytes) -> bool:
    """Whether JSON may hold a NUL; a false alarm (an escaped backslash before `u0000`) only costs time."""
    return b"\\u0000" in body


def scrub(value: Any) -> Any:
    """The same nested value with U+FFFD for every character that PostgreSQL cannot hold."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value) if type(value) is str else value
    if isinstance(value, dict):
        return {scrub(key): scrub(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(scrub(item) for item in value)
    return value


def clean(item: M) -> M:
    """The item itself, or where it holds unstorable characters the same with U+FFFD for each."""
    return clean_json(item)[0]


def clean_json(item: M) -> tuple[M, bytes]:
    """`clean` with the JSON of its answer, which had to be made anyway."""
    try:
        body = json_bytes(item)
        if not spoilt(body):
            return item, body
    except PydanticSerializationError:
        pass
    cleaned = type(item).model_validate(scrub(item.model_dump()))
    return cleaned, json_bytes(cleaned)


def dump(value: Any) -> str:
    """Compact JSON text of plain data."""
    return json.dumps(scrub(value), ensure_ascii=False, separators=(",", ":"), default=str)


def pack(body: bytes) -> bytes:
    """A JSON object, deflated when large. JSON starts with `{` and deflated bytes never do, so no flag is kept."""
    return zlib.compress(body, 1) if len(body) > LARGE else body


def unpack(body: bytes) -> bytes:
    """The JSON that `pack` took."""
    return body if body.startswith(b"{") else zlib.decompress(body)


def preview(value: Json) -> str:
    """The first 200 characters on one line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text[: 4 * PREVIEW].split())[:PREVIEW]
