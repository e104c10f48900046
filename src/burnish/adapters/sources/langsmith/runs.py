"""One LangSmith run, of either version of its API, to one Span."""

import re

from pydantic import ValidationError

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.conversations import read_step, tool_definitions
from burnish.adapters.sources.fields import Item, dollars_in, fit_to_keep, moment_in, object_in, payload_in, text_in
from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.langchain import plain_langchain
from burnish.adapters.sources.langsmith.usage import read_usage
from burnish.domain.base import Json
from burnish.domain.traces import Span, SpanKind, SpanStatus, ToolUse

__all__ = ["map_run", "metadata_of", "unwrapped"]

_KINDS = {
    "llm": SpanKind.LLM,
    "tool": SpanKind.TOOL,
    "chain": SpanKind.CHAIN,
    "retriever": SpanKind.RETRIEVER,
    "embedding": SpanKind.EMBEDDING,
    "prompt": SpanKind.CHAIN,
    "parser": SpanKind.CHAIN,
}
_STATUSES = {"success": SpanStatus.OK, "error": SpanStatus.ERROR}
_ORDERED_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_SINGLE = ("input", "output", "question", "query", "prompt", "answer", "text", "result")


def map_run(run: Item) -> Span | Problem:
    """Map a run; a Problem where it has no id or time, or its content cannot be kept."""
    span_id, trace_id = text_in(run, "id"), text_in(run, "trace_id")
    if span_id is None or moment_in(run, "start_time") is None:
        return Problem(where=f"run {span_id} of trace {trace_id}", reason="has no id or start_time")
    try:
        return _mapped(run, span_id, trace_id or span_id)
    except (ValidationError, ValueError, RecursionError) as error:
        reason = str(error).replace("\n", " ")[:300]
        return Problem(where=f"run {span_id} of trace {trace_id}", reason=reason)


def metadata_of(run: Item) -> Item:
    """A run's metadata: a field of its own in v2, inside `extra` in v1."""
    return object_in(run, "metadata") or object_in(object_in(run, "extra"), "metadata")


def unwrapped(payload: Json) -> Json:
    """What a function was given or gave back, out of the one key that LangSmith puts it under."""
    if isinstance(payload, dict) and len(payload) == 1:
        key, value = next(iter(payload.items()))
        if key in _SINGLE:
            return value
    return payload or None


def _mapped(run: Item, span_id: str, trace_id: str) -> Span:
    started, ended = moment_in(run, "start_time"), moment_in(run, "end_time")
    assert started is not None
    metadata, extra = metadata_of(run), object_in(run, "extra")
    invocation = object_in(extra, "invocation_params")
    kind = _KINDS.get((text_in(run, "run_type") or "").lower(), SpanKind.UNKNOWN)
    asked, answered = payload_in(run, "inputs"), payload_in(run, "outputs")
    said = read_step(kind, asked, answered)
    name = text_in(run, "name") or "run"
    tool = _tool(name, asked, answered) if kind is SpanKind.TOOL else None
    status = _STATUSES.get((text_in(run, "status") or "").lower(), SpanStatus.UNSET)
    error = text_in(run, "error")
    if error is not None:
        status = SpanStatus.ERROR
    # A step around calls repeats their sums: only calls have usage and cost.
    counted = kind in (SpanKind.LLM, SpanKind.EMBEDDING)
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_parent(run, span_id),
        name=name,
        kind=kind,
        started_at=started,
        ended_at=ended if ended is not None and ended >= started else None,
        status=status,
        status_message=error,
        model=text_in(metadata, "ls_model_name") or text_in(invocation, "model", "model_name", "model_id"),
        provider=text_in(metadata, "ls_provider"),
        input_messages=said[0],
        output_messages=said[1],
        input=tool.arguments if tool else None if said[0] else unwrapped(asked),
        output=None
        if kind is SpanKind.EMBEDDING
        else tool.result
        if tool
        else None
        if said[1]
        else unwrapped(answered),
        tool=tool,
        usage=read_usage(run) if counted else None,
        cost_usd=dollars_in(run, "total_cost") if counted else None,
        attributes=_attributes(run, metadata, invocation, asked),
    )


def _parent(run: Item, span_id: str) -> str | None:
    """The direct parent: named in v1; in v2 the last but one of the dotted order, or the last of the ancestors."""
    named = text_in(run, "parent_run_id")
    if named is not None:
        return named if named != span_id else None
    ordered = (text_in(run, "dotted_order") or "").split(".")
    if len(ordered) > 1 and (found := _ORDERED_ID.search(ordered[-2])):
        return found[0]
    above = run.get("parent_run_ids")
    last = above[-1] if isinstance(above, list) and above else None
    return last if isinstance(last, str) and last != span_id else None


def _tool(name: str, asked: Json, answered: Json) -> ToolUse:
    """LangChain logs arguments as text under `input`, and the result as text or as its message under `output`."""
    result = unwrapped(answered)
    plain = plain_langchain(result) if isinstance(result, dict) else None
    call_id = None
    if plain is not None and plain["role"] == "tool":
        result = plain.get("content")
        call_id = text_in(plain, "tool_call_id")
    return ToolUse(name=name, arguments=_parsed(unwrapped(asked)), result=_parsed(result), call_id=call_id)


def _parsed(value: Json) -> Json:
    return parse_structure(value) if isinstance(value, str) else value


def _attributes(run: Item, metadata: Item, invocation: Item, asked: Json) -> Item:
    attributes: Item = {f"metadata.{key}": value for key, value in metadata.items() if value is not None}
    if isinstance(run.get("tags"), list) and run["tags"]:
        attributes["tags"] = run["tags"]
    definitions = invocation.get("tools") or tool_definitions(asked)
    if definitions:
        attributes["gen_ai.tool.definitions"] = definitions
    settings: Item = {key: value for key, value in invocation.items() if key != "tools" and value is not None}
    if settings:
        attributes["langsmith.invocation_params"] = settings
    first_token = text_in(run, "first_token_time")
    if first_token is not None:
        attributes["langsmith.first_token_time"] = first_token
    return fit_to_keep(attributes)
