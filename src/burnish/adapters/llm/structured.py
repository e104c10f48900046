"""Replies that must be JSON of a given schema."""

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from burnish.domain.base import Json
from burnish.errors import InputError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["MismatchError", "parse", "response_format"]

_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)


class MismatchError(Exception):
    """A reply is no JSON or does not fit its schema; the text says where, fit to be told to the model."""


def response_format(schema: dict[str, Json]) -> dict[str, Any]:
    """What asks an endpoint to hold its reply to `schema`.

    `strict` is set where the schema meets what strict endpoints ask for, as they refuse others: every object closed,
    every property required.
    """
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": _is_strict(schema)}}


def parse(text: str, schema: dict[str, Json]) -> Json:
    """The reply's JSON value.

    Raises MismatchError for a reply that does not fit and InputError for a schema that is none or is not whole.
    """
    from referencing.exceptions import Unresolvable

    fenced = _FENCED.match(text)  # endpoints without constrained output like to wrap it
    try:
        value: Json = json.loads(fenced[1] if fenced else text)
    except ValueError as error:
        raise MismatchError(f"not JSON: {error}") from error
    validator = _validator(json.dumps(schema, sort_keys=True))
    try:
        found = next(iter(sorted(validator.iter_errors(value), key=lambda error: error.json_path)), None)
    except Unresolvable as error:
        raise InputError(f"the response schema refers to {error.ref}, which it does not hold: write it in") from error
    if found is not None:
        message = found.message if len(found.message) <= 300 else found.message[:300] + "…"
        raise MismatchError(f"{found.json_path}: {message}")
    return value


@lru_cache(maxsize=256)
def _validator(schema_text: str) -> "Validator":
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry

    schema = json.loads(schema_text)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InputError(f"the response schema is no valid JSON schema: {error.json_path}: {error.message}") from error
    return Draft202012Validator(schema, registry=Registry())  # an empty registry: a $ref is never fetched


def _is_strict(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(_is_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
    return all(_is_strict(value) for value in schema.values())
