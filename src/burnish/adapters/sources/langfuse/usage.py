"""Langfuse's usage details to tokens.

Keys are free, by habit `input`, `output`, `total` and others that begin with input, output or cache. By Langfuse's rule
they exclude each other and sum up to the total; integrations break it, which the total shows.
"""

from burnish.adapters.sources.fields import Item, count_in, object_in
from burnish.domain.traces import Usage

__all__ = ["read_usage"]

_CACHE_READ = (
    "cache_read_input_tokens",
    "input_cached_tokens",
    "input_cache_read",
    "input_cached",
    "cache_read",
    "cached_tokens",
)
_CACHE_WRITE = ("cache_creation_input_tokens", "input_cache_creation", "cache_write", "cache_creation")
_REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens", "reasoning")


def read_usage(item: Item) -> Usage | None:
    """The tokens of an observation, None where it says none."""
    details = object_in(item, "usageDetails")
    if not any(count_in(details, key) for key in details):
        details = object_in(item, "usage")  # the API before usage details
    asked = count_in(details, "input", "prompt_tokens", "input_tokens", "promptTokens")
    answered = count_in(details, "output", "completion_tokens", "output_tokens", "completionTokens")
    read, written = count_in(details, *_CACHE_READ), count_in(details, *_CACHE_WRITE)
    thought = count_in(details, *_REASONING)
    if asked is None and answered is None:
        return None
    total = count_in(details, "total", "total_tokens", "totalTokens")
    if total is None or total > (asked or 0) + (answered or 0):
        apart = (read or 0) + (written or 0)
        asked = asked + apart if asked is not None else apart or None
        answered = answered + (thought or 0) if answered is not None else thought
    return Usage(
        input_tokens=asked,
        output_tokens=answered,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought,
    )
