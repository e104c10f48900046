"""What every value in the domain shares: frozen models, content hashes and aware UTC times."""

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue

__all__ = ["Json", "UtcDatetime", "Value", "bare", "built", "content_hash", "utc_now"]

Json = JsonValue


def _as_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-01-31T12:00:00Z")
    # Nearly every moment is UTC already; astimezone would be a quarter of the time it takes to load a trace.
    return moment.replace(tzinfo=UTC) if not moment.utcoffset() else moment.astimezone(UTC)


UtcDatetime = Annotated[datetime, AfterValidator(_as_utc)]


class Value(BaseModel):
    """A frozen model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


V = TypeVar("V", bound=Value)

_put = object.__setattr__  # the way around `frozen`, as pydantic's own model_construct takes it


@cache
def _fields_of(kind: type[Value]) -> set[str]:
    # One set for all: nothing changes it, as the values are frozen and a copy of one copies its set.
    return set(kind.model_fields)


def built(kind: type[V], values: dict[str, Any]) -> V:
    """A value of `kind` made of `values` as they are: where they were checked before, or are our own.

    `values` holds every field, valid and of its final type, and is the new value's from now on. Validation would look
    at every node of every attribute again and take four times as long.
    """
    item = kind.__new__(kind)
    _put(item, "__dict__", values)
    _put(item, "__pydantic_fields_set__", _fields_of(kind))
    _put(item, "__pydantic_extra__", None)
    _put(item, "__pydantic_private__", None)
    return item


def bare(kind: type[Value]) -> dict[str, Any]:
    """Every field of `kind` by name with its default, None where it has none: what `built` is given, to be filled."""
    return {name: None if field.is_required() else field.get_default() for name, field in kind.model_fields.items()}


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


# json.dumps would build an encoder a call, and every stored row is hashed.
_ENCODE = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str).encode


def content_hash(*parts: Any, length: int = 16) -> str:
    """Hash JSON-like parts to a short stable hex id; equal content gives an equal id in every process.

    `length` is the number of hex digits (4 bits each): 16 is safe for millions of items, use 64 where an attacker
    chooses the content.
    """
    return hashlib.sha256(_ENCODE(parts).encode("utf-8", "surrogatepass")).hexdigest()[:length]
