"""Spans to traces: group by trace id and find what identifies the trace."""

from collections.abc import Iterable

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.otlp import names
from burnish.adapters.sources.otlp.body import decode_body
from burnish.adapters.sources.otlp.logs import EVALUATION, evaluation
from burnish.adapters.sources.otlp.messages import Known
from burnish.adapters.sources.otlp.raw import Attributes, RawSpan
from burnish.adapters.sources.otlp.spans import map_span, text_of
from burnish.domain.base import Json, built
from burnish.domain.exchange import exchange
from burnish.domain.feedback import Feedback
from burnish.domain.merging import joined
from burnish.domain.traces import Span, Trace

__all__ = ["agent_of", "spans_from_body", "spans_to_traces"]

_METADATA_PREFIXES = ("ai.telemetry.metadata.", "traceloop.association.properties.")


def spans_to_traces(spans: Iterable[RawSpan], agent: str, source: str, *, agent_by_resource: bool = False) -> Batch:
    """Map spans and group them to traces, in the order in which the traces started.

    `agent` is whose traces these are; with `agent_by_resource` the resource's own name comes first (see `agent_of`).
    A span that comes twice counts once, as it came last. Spans that do not map are problems of the batch.
    """
    feedback: list[Feedback] = []
    grouped: dict[str, dict[str, tuple[RawSpan, Span]]] = {}
    problems: list[Problem] = []
    known: Known = {}
    for raw in spans:
        mapped = map_span(raw, known)
        if isinstance(mapped, Problem):
            problems.append(mapped)
            continue
        if raw.logged and not (mapped.input_messages or mapped.output_messages or mapped.tool_definitions):
            continue  # capture of content is off
        feedback.extend(_evaluations(raw))
        members = grouped.setdefault(raw.trace_id, {})
        before = members.get(raw.span_id)
        if before is None:
            members[raw.span_id] = (raw, mapped)
        else:
            members[raw.span_id] = (before[0] if raw.logged else raw, joined(before[1], mapped))
    traces = []
    for members in grouped.values():
        # A parent that starts in the same instant as its child ends later, and comes first.
        ordered = sorted(members.values(), key=lambda pair: (pair[0].start_ns, -pair[0].end_ns))
        traces.append(_trace(ordered, agent, source, agent_by_resource))
    traces.sort(key=lambda trace: trace.started_at)
    return Batch(traces, problems, feedback)


def _evaluations(raw: RawSpan) -> list[Feedback]:
    found = [
        evaluation(raw.trace_id, raw.span_id, max(raw.start_ns, raw.end_ns), raw.scope, event.attributes)
        for event in raw.events
        if event.name == EVALUATION
    ]
    return [feedback for feedback in found if feedback is not None]


def spans_from_body(body: bytes) -> list[Span]:
    """The spans of one request that an agent hands back with its answer: JSON where it starts with `{`, else protobuf.

    In start order; spans that cannot be used are left out. Raises InputError where the whole is no OTLP request.
    """
    kind = "application/json" if body.lstrip()[:1] == b"{" else "application/x-protobuf"
    raws = sorted(decode_body(body, kind, None, max_bytes=len(body)).spans, key=lambda raw: (raw.start_ns, -raw.end_ns))
    known: Known = {}
    mapped = [map_span(raw, known) for raw in raws if not raw.logged]
    return [span for span in mapped if isinstance(span, Span)]


def agent_of(resource: Attributes, default: str) -> str:
    """The agent's name by its resource: `burnish.agent`, else `service.name`, else `default`.

    Made fit for the name of a configuration file: lower case, with hyphens for what is no letter, digit, dot,
    underscore or hyphen. SDKs without a name report `unknown_service`, which names nobody.
    """
    for key in ("burnish.agent", "service.name"):
        value = resource.get(key)
        if isinstance(value, str) and not value.startswith("unknown_service"):
            name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in value.strip().lower())
            if name.strip("._-"):
                return name.lstrip("._-")[:100]
    return default


def _trace(members: list[tuple[RawSpan, Span]], agent: str, source: str, agent_by_resource: bool) -> Trace:
    raws = [raw for raw, _ in members]
    spans = tuple(span for _, span in members)
    known = {span.span_id for span in spans}
    top = next((i for i, span in enumerate(spans) if span.parent_id is None), None)
    if top is None:
        top = next((i for i, span in enumerate(spans) if span.parent_id not in known), 0)
    root, resource = spans[top], raws[top].resource
    facts = _facts([root.attributes, *(span.attributes for i, span in enumerate(spans) if i != top), resource])
    ends = [span.ended_at for span in spans if span.ended_at is not None]
    asked, answered = exchange(root, spans)
    return built(
        Trace,
        {
            "trace_id": root.trace_id,
            "agent": agent_of(resource, agent) if agent_by_resource else agent,
            "source": source,
            "name": root.name,
            "started_at": spans[0].started_at,
            "ended_at": max(ends, default=None),
            "status": root.status,
            "status_message": root.status_message,
            "input": asked,
            "output": answered,
            "session_id": facts.get("session_id"),
            "user_id": facts.get("user_id"),
            "environment": facts.get("environment"),
            "release": facts.get("release"),
            "prompt_name": facts.get("prompt_name"),
            "prompt_version": facts.get("prompt_version"),
            "metadata": _metadata(root.attributes, resource),
            "spans": spans,
        },
    )


def _facts(places: list[Attributes]) -> dict[str, str]:
    """What identifies the trace, by field: from the first of `places` that says it, under its preferred name there."""
    facts: dict[str, str] = {}
    for attributes in places:
        told = [(*names.FACTS[name], name) for name in attributes if name in names.FACTS]
        for field, _, name in sorted(told):
            if field not in facts and (text := text_of(attributes[name])) is not None:
                facts[field] = text
    return facts


def _metadata(attributes: Attributes, resource: Attributes) -> dict[str, Json]:
    metadata: dict[str, Json] = {}
    given = attributes.get("metadata")
    told = parse_structure(given) if isinstance(given, str) else given
    if isinstance(told, dict):
        metadata.update(told)
    for key, value in attributes.items():
        for prefix in _METADATA_PREFIXES:
            if key.startswith(prefix):
                metadata[key[len(prefix) :]] = value
    named = next((text for name in names.AGENT_NAME if (text := text_of(attributes.get(name))) is not None), None)
    if named is not None:
        metadata["agent.name"] = named
    tags = attributes.get("tag.tags")
    if tags:
        metadata["tags"] = tags
    service = resource.get("service.name")
    if isinstance(service, str):
        metadata["service.name"] = service
    return metadata
