"""One Langfuse observation, of either version of its API, to one Span."""

from pydantic import ValidationError

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.conversations import read_conversation, read_step, tool_definitions
from burnish.adapters.sources.fields import Item, dollars_in, fit_to_keep, moment_in, object_in, payload_in, text_in
from burnish.adapters.sources.langchain import plain_langchain
from burnish.adapters.sources.langfuse.usage import read_usage
from burnish.adapters.sources.otlp import names
from burnish.domain.base import Json
from burnish.domain.traces import Span, SpanKind, SpanStatus, ToolResultPart, ToolUse

__all__ = ["map_observation"]

_KINDS = {
    "GENERATION": SpanKind.LLM,
    "AGENT": SpanKind.AGENT,
    "TOOL": SpanKind.TOOL,
    "CHAIN": SpanKind.CHAIN,
    "RETRIEVER": SpanKind.RETRIEVER,
    "EMBEDDING": SpanKind.EMBEDDING,
    "EVALUATOR": SpanKind.EVALUATOR,
    "GUARDRAIL": SpanKind.GUARDRAIL,
}
# What an OTel attribute repeats of the observation's own input, output and usage.
_REPEATED = ("input.", "output.", "llm.input_messages", "llm.output_messages", "gen_ai.prompt", "gen_ai.completion")
_REPEATED_NAMES = frozenset(
    ("gen_ai.input.messages", "gen_ai.output.messages", "all_messages_events", "pydantic_ai.all_messages", "events")
)


def map_observation(item: Item) -> Span | Problem:
    """Map an observation; a Problem where it has no id or time, or its content cannot be kept."""
    trace_id, span_id, started = text_in(item, "traceId"), text_in(item, "id"), moment_in(item, "startTime")
    where = f"observation {span_id} of trace {trace_id}"
    if trace_id is None or span_id is None or started is None:
        return Problem(where=where, reason="has no traceId, id or startTime")
    try:
        return _mapped(item, trace_id, span_id)
    except (ValidationError, ValueError, RecursionError) as error:
        return Problem(where=where, reason=str(error).replace("\n", " ")[:300])


def _mapped(item: Item, trace_id: str, span_id: str) -> Span:
    started, ended = moment_in(item, "startTime"), moment_in(item, "endTime")
    assert started is not None
    metadata = object_in(item, "metadata")
    told = object_in(metadata, "attributes")
    name = text_in(item, "name") or "observation"
    asked, answered = payload_in(item, "input"), payload_in(item, "output")  # text in the v2 API, JSON in older ones
    kind = _kind(item, told)
    said = read_step(kind, asked, answered)
    tool = _tool(name, asked, answered) if kind is SpanKind.TOOL else None
    if kind is SpanKind.CHAIN and item.get("type") == "SPAN" and _is_tool_message(answered):
        kind, tool = SpanKind.TOOL, _tool(name, asked, answered)  # LangChain before Langfuse had tools
    error = item.get("level") == "ERROR"
    parent = text_in(item, "parentObservationId")
    definitions = tool_definitions(asked)
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent if parent != span_id else None,
        name=name,
        kind=kind,
        started_at=started,
        ended_at=ended if ended is not None and ended >= started else None,
        status=SpanStatus.ERROR if error else SpanStatus.UNSET,
        status_message=text_in(item, "statusMessage") if error else None,
        model=text_in(item, "model", "providedModelName"),
        provider=text_in(told, *names.PROVIDER) or text_in(metadata, "ls_provider"),
        input_messages=said[0],
        output_messages=said[1],
        input=tool.arguments if tool else None if said[0] else asked,
        output=None if kind is SpanKind.EMBEDDING else tool.result if tool else None if said[1] else answered,
        tool=tool,
        usage=read_usage(item),
        cost_usd=dollars_in(item, "totalCost", "calculatedTotalCost")
        or dollars_in(object_in(item, "costDetails"), "total"),
        attributes=_attributes(item, metadata, told)
        | ({"gen_ai.tool.definitions": definitions} if definitions else {}),
    )


def _kind(item: Item, told: Item) -> SpanKind:
    kind = text_in(item, "type") or ""
    if kind == "SPAN":
        named = text_in(told, "openinference.span.kind")
        operation = text_in(told, "gen_ai.operation.name")
        if named is not None and named.upper() in names.OPENINFERENCE_KINDS:
            return names.OPENINFERENCE_KINDS[named.upper()]
        return names.OPERATION_KINDS.get(operation or "", SpanKind.CHAIN)
    return _KINDS.get(kind, SpanKind.UNKNOWN)


def _is_tool_message(answered: Json) -> bool:
    plain = plain_langchain(answered) if isinstance(answered, dict) else None
    return plain is not None and plain["role"] == "tool"


def _tool(name: str, asked: Json, answered: Json) -> ToolUse:
    said = read_conversation(answered, "tool") if _is_tool_message(answered) else ()
    part = said[0].parts[0] if said and said[0].parts else None
    if isinstance(part, ToolResultPart):
        answered = part.result
    call_id = part.id if isinstance(part, ToolResultPart) else None
    for prefix in ("execute_tool ", "running tool: "):
        name = name.removeprefix(prefix)
    return ToolUse(name=name, arguments=asked, result=answered, call_id=call_id)


def _attributes(item: Item, metadata: Item, told: Item) -> Item:
    attributes: Item = {
        key: value for key, value in told.items() if not key.startswith(_REPEATED) and key not in _REPEATED_NAMES
    }
    for key, value in metadata.items():
        if key not in ("attributes", "resourceAttributes", "scope") and value is not None:
            attributes[f"metadata.{key}"] = value
    for key, label in (("modelParameters", "langfuse.model_parameters"), ("version", "langfuse.version")):
        value = item.get(key)
        if value not in (None, "", {}, "{}"):
            attributes[label] = value
    level = text_in(item, "level")
    if level in ("WARNING", "DEBUG"):
        attributes["langfuse.level"] = level
        if item.get("statusMessage"):
            attributes["langfuse.status_message"] = item["statusMessage"]
    if item.get("timeToFirstToken") is not None:
        attributes["langfuse.time_to_first_token"] = item["timeToFirstToken"]
    return fit_to_keep(attributes)
