"""Sizes: long texts lose their middle, and say so."""

import re
from typing import Any

from burnish.domain.base import Json
from burnish.domain.traces import Span, Trace

__all__ = ["SHORTEST", "cut", "shorten_head", "shorten_span"]

SHORTEST = 200
_LEFT_OUT = re.compile(r"\[… ([0-9,]{1,15}) characters left out\]")
# Ids tie a trace together. What else is never text (kinds, roles) is shorter than any limit.
_IDS = ("trace_id", "span_id", "parent_id")


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` characters: its beginning and its end around a note of how many are left out.

    The end is often where an error or the answer stands.
    """
    if len(text) <= limit:
        return text
    room = limit - 60
    tail = room // 4
    head = room - tail
    middle = text[head : len(text) - tail]
    earlier = sum(int(number.replace(",", "")) for number in _LEFT_OUT.findall(middle))
    missing = len(_LEFT_OUT.sub("", middle)) + earlier
    return f"{text[:head]}[… {missing:,} characters left out]{text[len(text) - tail :]}"


def cut_values(value: Any, limit: int) -> tuple[Any, int]:
    """Plain nested data with every text cut to `limit`, and how many were."""
    count = 0

    def walk(item: Any) -> Any:
        nonlocal count
        if isinstance(item, str):
            if len(item) <= limit:
                return item
            count += 1
            return cut(item, limit)
        if isinstance(item, dict):
            return {key: walk(inside) for key, inside in item.items()}
        if isinstance(item, (list, tuple)):
            return [walk(inside) for inside in item]
        return item

    return walk(value), count


def shorten_span(span: Span, limit: int) -> tuple[Span, int]:
    """A span with every text cut to `limit`."""
    data, count = cut_values(span.model_dump(exclude=set(_IDS)), limit)
    return (Span.model_validate(data | {name: getattr(span, name) for name in _IDS}), count) if count else (span, 0)


def shorten_head(trace: Trace, limit: int) -> tuple[Trace, int]:
    """A trace's own texts cut to `limit`; its spans are left alone."""
    fields: dict[str, Json] = {"input": trace.input, "output": trace.output, "metadata": trace.metadata}
    fields["status_message"] = trace.status_message
    data, count = cut_values(fields, limit)
    return (trace.model_copy(update=data), count) if count else (trace, 0)
