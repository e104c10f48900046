"""LangSmith's tokens: the run's own counts, else those of the message or the response that it logged."""

from burnish.adapters.sources.fields import Item, count_in, object_in
from burnish.domain.base import Json
from burnish.domain.traces import Usage

__all__ = ["read_usage"]

_DEPTH = 6  # outputs.generations[0][0].message.kwargs.usage_metadata


def read_usage(run: Item) -> Usage | None:
    """The tokens of a run, None where it says none. Counts include the cached and the reasoning tokens."""
    asked, answered = count_in(run, "prompt_tokens"), count_in(run, "completion_tokens")
    asked_details, answered_details = _details(run, "prompt"), _details(run, "completion")
    if not (asked or answered) or not (asked_details or answered_details):
        logged = _logged(run.get("outputs"), _DEPTH)
        if not (asked or answered):
            asked = count_in(logged, "input_tokens", "prompt_tokens")
            answered = count_in(logged, "output_tokens", "completion_tokens")
        asked_details = object_in(logged, "input_token_details") or object_in(logged, "prompt_tokens_details")
        answered_details = object_in(logged, "output_token_details") or object_in(logged, "completion_tokens_details")
    if asked is None and answered is None:
        return None
    return Usage(
        input_tokens=asked,
        output_tokens=answered,
        cache_read_tokens=count_in(asked_details, "cache_read", "cached_tokens"),
        cache_write_tokens=count_in(asked_details, "cache_write", "cache_creation"),
        reasoning_tokens=count_in(answered_details, "reasoning", "reasoning_tokens"),
    )


def _details(run: Item, side: str) -> Item:
    """v2 puts the details below `raw`."""
    details = object_in(run, f"{side}_token_details")
    return object_in(details, "raw") or details


def _logged(payload: Json, depth: int) -> Item:
    """The first `usage_metadata`, `token_usage` or `usage` in a response, its nearest levels first."""
    level: list[Json] = [payload]
    for _ in range(depth):
        below: list[Json] = []
        for value in level:
            if isinstance(value, dict):
                for name in ("usage_metadata", "token_usage", "usage"):
                    found = value.get(name)
                    if isinstance(found, dict) and found:
                        return found
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value[:1])
        level = below
    return {}
