"""Spans that came back with an answer, through a parser that the composition root hands in."""

from collections.abc import Callable

from burnish.domain.traces import Span
from burnish.errors import InputError

__all__ = ["ParseSpans", "read_spans"]

ParseSpans = Callable[[bytes], list[Span]]
"""OTLP to spans: protobuf, or JSON where the first byte is `{`. Raises InputError."""


def read_spans(payload: bytes | None, parse: ParseSpans | None) -> tuple[list[Span], str | None]:
    """The spans, and a note where they cannot be read: a broken recording does not spoil a run."""
    if payload is None or parse is None:
        return [], None
    try:
        return parse(payload), None
    except InputError as error:
        return [], f"the agent's spans cannot be read: {error}"
