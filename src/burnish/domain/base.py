"""What every value in the domain shares: frozen models, content hashes and aware UTC times."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue

__all__ = ["Json", "UtcDatetime", "Value", "content_hash", "utc_now"]

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
