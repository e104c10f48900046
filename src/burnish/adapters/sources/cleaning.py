"""Whole JSON values from strangers, made fit to store; `jsontext` does the same for one text."""

from collections.abc import Callable

from burnish.adapters.sources.jsontext import DEEPEST, clean_number, clean_text
from burnish.domain.base import Json

__all__ = ["clean_json"]

_TOO_DEEP = "[nested too deep]"


def clean_json(value: Json, resolve: Callable[[str], str] = str, depth: int = DEEPEST) -> Json:
    """`value` with every text in it made fit to store, after `resolve` has put what it stands for in its place.

    What is nested more than `depth` levels deep gives way to a note.
    """
    if isinstance(value, str):
        return clean_text(resolve(value))
    if isinstance(value, dict):
        if not depth:
            return _TOO_DEEP
        return {clean_text(key): clean_json(item, resolve, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_json(item, resolve, depth - 1) for item in value] if depth else _TOO_DEEP
    return clean_number(value) if isinstance(value, float) else value
