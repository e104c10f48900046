"""Langfuse observations to traces: grouped by trace id, with what identifies the trace."""

from collections.abc import Iterable

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.conversations import read_conversation
from burnish.adapters.sources.fields import Item, fit_to_keep, items_in, moment_in, object_in, payload_of, text_in
from burnish.adapters.sources.gathering import gathered, grouped, trace_of
from burnish.adapters.sources.jsontext import parse_json
from burnish.adapters.sources.langfuse.observations import map_observation
from burnish.domain.base import Json
from burnish.domain.exchange import conversation_input, conversation_output
from burnish.domain.traces import Span, Trace

__all__ = ["observations_to_traces", "whole_trace"]

_OTEL = ("attributes", "resourceAttributes", "scope")


def observations_to_traces(items: Iterable[Item], agent: str, source: str) -> Batch:
    """Traces, or parts of them, from observations of the v2 API, where each one carries the facts of its trace."""
    traces, problems = grouped(items, map_observation)
    return Batch([_trace(members, agent, source) for members in traces], problems)


def whole_trace(item: Item, agent: str, source: str) -> tuple[Trace | None, list[Problem]]:
    """A trace of the older API, which holds its observations and says its facts, input and output itself."""
    observations = items_in(item, "observations")
    started = moment_in(item, "timestamp")
    trace_id = text_in(item, "id") or next((text_in(one, "traceId") for one in observations), None)
    traces, problems = grouped(({**one, "traceId": trace_id} for one in observations), map_observation)
    if traces:
        trace = _trace(traces[0], agent, source)
    elif trace_id is not None and started is not None:
        trace = Trace(trace_id=trace_id, agent=agent, source=source, name="trace", started_at=started)
    else:
        return None, [*problems, Problem(where=f"trace {trace_id}", reason="has no id or timestamp")]
    asked, answered = _own(item.get("input"), trace.input, "user"), _own(item.get("output"), trace.output, "assistant")
    update: dict[str, object] = {
        "name": text_in(item, "name") or trace.name,
        "input": asked,
        "output": answered,
        "metadata": _metadata(item, object_in(item, "metadata")) or trace.metadata,
    }
    for field, names in (
        ("session_id", ("sessionId",)),
        ("user_id", ("userId",)),
        ("environment", ("environment",)),
        ("release", ("release", "version")),
    ):
        update[field] = text_in(item, *names) or getattr(trace, field)
    return trace.model_copy(update=update), problems


def _own(given: Json, found: Json, role: str) -> Json:
    """A trace's own input or output, which says more than what was concluded from its observations."""
    value = _decoded(given)
    if value in (None, ""):
        return found
    try:
        said = read_conversation(value, role)
    except RecursionError:
        return value
    if not said:
        return value
    return conversation_input(said) if role == "user" else conversation_output(said)


def _decoded(value: Json) -> Json:
    """JSON that stands in text; a text itself may be written as JSON too, in its quotes."""
    if not isinstance(value, str):
        return payload_of(value)
    if value[:1] == '"' == value[-1:]:
        try:
            value = parse_json(value)
        except ValueError:
            return value
    return payload_of(value)


def _trace(members: list[tuple[Item, Span]], agent: str, source: str) -> Trace:
    found = gathered(members, lambda item: item.get("isRootObservation") is True)
    items = found.items
    facts: dict[str, object] = {
        "session_id": _fact(items, "sessionId"),
        "user_id": _fact(items, "userId"),
        "environment": _fact(items, "environment"),
        "release": _fact(items, "release") or _fact(items, "version"),
        "prompt_name": _fact(items, "promptName"),
        "prompt_version": _fact(items, "promptVersion"),
        "metadata": _metadata(items[0], object_in(items[0], "metadata")) if found.top is not None else {},
    }
    name = _fact(items, "traceName")
    return trace_of(found, agent, source, facts | ({"name": name} if name else {}))


def _fact(items: list[Item], name: str) -> str | None:
    return next((text for item in items if (text := text_in(item, name)) is not None), None)


def _metadata(item: Item, metadata: Item) -> dict[str, Json]:
    kept: dict[str, Json] = {key: value for key, value in metadata.items() if key not in _OTEL and value is not None}
    service = object_in(metadata, "resourceAttributes").get("service.name")
    if isinstance(service, str):
        kept["service.name"] = service
    if item.get("tags"):
        kept["tags"] = item["tags"]
    return fit_to_keep(kept)
