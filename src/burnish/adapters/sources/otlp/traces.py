"""Spans to traces: group by trace id and find what identifies the trace."""

from collections.abc import Iterable

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.otlp import names
from burnish.adapters.sources.otlp.body import decode_body
from burnish.adapters.sources.otlp.messages import Known, conversation_input, conversation_output
from burnish.adapters.sources.otlp.raw import Attributes, RawSpan
from burnish.adapters.sources.otlp.spans import map_span, text_of
from burnish.domain.base import Json
from burnish.domain.traces import Span, SpanKind, Trace

__all__ = ["agent_of", "exchange", "spans_from_body", "spans_to_traces"]

_METADATA_PREFIXES = ("ai.telemetry.metadata.", "traceloop.association.properties.")


def spans_to_traces(spans: Iterable[RawSpan], agent: str, source: str, *, agent_by_resource: bool = False) -> Batch:
    """Map spans and group them to traces, in the order in which the traces started.

    `agent` is whose traces these are; with `agent_by_resource` the resource's own name comes first (see `agent_of`).
    A span that comes twice counts once, as it came last. Spans that do not map are problems of the batch.
    """
    grouped: dict[str, dict[str, tuple[RawSpan, Span]]] = {}
    problems: list[Problem] = []
    known: Known = {}
    for raw in spans:
        mapped = map_span(raw, known)
        if isinstance(mapped, Problem):
            problems.append(mapped)
        else:
            grouped.setdefault(raw.trace_id, {})[raw.span_id] = (raw, mapped)
    traces = []
    for members in grouped.values():
        # A parent that starts in the same instant as its child ends later, and comes first.
        ordered = sorted(members.values(), key=lambda pair: (pair[0].start_ns, -pair[0].end_ns))
        traces.append(_trace(ordered, agent, source, agent_by_resource))
    traces.sort(key=lambda trace: trace.started_at)
    return Batch(traces, problems)


def spans_from_body(body: bytes) -> list[Span]:
    """The spans of one request that an agent hands back with its answer: JSON where it starts with `{`, else protobuf.

    In start order; spans that cannot be used are left out. Raises InputError where the whole is no OTLP request.
    """
    kind = "application/json" if body.lstrip()[:1] == b"{" else "application/x-protobuf"
    raws = sorted(decode_body(body, kind, None, max_bytes=len(body)).spans, key=lambda raw: (raw.start_ns, -raw.end_ns))
    known: Known = {}
    mapped = [map_span(raw, known) for raw in raws]
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
    return Trace(
        trace_id=root.trace_id,
        agent=agent_of(resource, agent) if agent_by_resource else agent,
        source=source,
        name=root.name,
        started_at=spans[0].started_at,
        ended_at=max(ends, default=None),
        status=root.status,
        status_message=root.status_message,
        input=asked,
        output=answered,
        session_id=facts.get("session_id"),
        user_id=facts.get("user_id"),
        environment=facts.get("environment"),
        release=facts.get("release"),
        prompt_name=facts.get("prompt_name"),
        prompt_version=facts.get("prompt_version"),
        metadata=_metadata(root.attributes, resource),
        spans=spans,
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


def exchange(root: Span, spans: tuple[Span, ...]) -> tuple[Json, Json]:
    """What the agent was asked and what it answered.

    A model call's `input` is the whole request, so there its messages say it better. A root that records nothing of
    its own stands around model calls: the first one's question and the last one's answer are the agent's.
    """
    asked_messages, answered_messages = root.input_messages, root.output_messages
    asked = None if root.kind is SpanKind.LLM and asked_messages else root.input
    answered = None if root.kind is SpanKind.LLM and answered_messages else root.output
    calls = [span for span in spans if span.kind is SpanKind.LLM]
    if asked is None and not asked_messages:
        asked_messages = next((span.input_messages for span in calls if span.input_messages), ())
    if answered is None and not answered_messages:
        # Only a text is taken on trust: a call of a tool that stands last is a run that broke off, not an answer.
        last = next((span.output_messages for span in reversed(calls) if span.output_messages), ())
        answered_messages = tuple(message for message in last if message.text)
    return (
        conversation_input(asked_messages) if asked is None else asked,
        conversation_output(answered_messages) if answered is None else answered,
    )


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
    tags = attributes.get("tag.tags")
    if tags:
        metadata["tags"] = tags
    service = resource.get("service.name")
    if isinstance(service, str):
        metadata["service.name"] = service
    return metadata
