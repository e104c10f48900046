"""The mapper: one raw span of any convention to one Span of the domain."""

from collections.abc import Iterable

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.jsontext import DEEPEST, nested_too_deep, parse_structure
from burnish.adapters.sources.otlp import names
from burnish.adapters.sources.otlp.conventions import merge_events, take_messages
from burnish.adapters.sources.otlp.indexed import Entry, entry_value, take_lists
from burnish.adapters.sources.otlp.messages import Known
from burnish.adapters.sources.otlp.raw import ERROR, OK, Attributes, RawSpan, moment
from burnish.adapters.sources.otlp.shapes import shape_of
from burnish.adapters.sources.otlp.tools import take_tools
from burnish.domain.base import Json, built
from burnish.domain.merging import ABSENT, LOGS_IN, LOGS_OUT
from burnish.domain.traces import Message, Span, SpanKind, SpanStatus, ToolUse, Usage

__all__ = ["map_span", "text_of"]

_STATUSES = {OK: SpanStatus.OK, ERROR: SpanStatus.ERROR}
_KINDS = (
    ("openinference.span.kind", names.OPENINFERENCE_KINDS),
    ("gen_ai.operation.name", names.OPERATION_KINDS),
    ("traceloop.span.kind", names.TRACELOOP_KINDS),
    ("ai.operationId", names.VERCEL_KINDS),
    ("llm.request.type", names.OPERATION_KINDS),
)
_NO_COUNTS = dict.fromkeys(Usage.model_fields)


def map_span(raw: RawSpan, known: Known | None = None) -> Span | Problem:
    """Map a checked span; a Problem where its content cannot be kept (nested too deep, for instance).

    An attribute that a field took is gone from `attributes`, all others are there. Both spellings of a fact may be
    present: the preferred one wins, and another that says something else stays an attribute. `known` is shared by the
    spans of a batch, so that a message that several of them repeat is built once.
    """
    try:
        return _mapped(raw, {} if known is None else known)
    except (ValueError, RecursionError) as error:
        reason = str(error).replace("\n", " ")[:300]
        return Problem(where=f"span '{raw.name[:80]}' {raw.span_id} of trace {raw.trace_id}", reason=reason)


def text_of(value: Json) -> str | None:
    """A text or a number as text, else None."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _mapped(raw: RawSpan, known: Known) -> Span:
    _check_depth(raw.attributes)
    for event in raw.events:
        _check_depth(event.attributes)
    attributes = dict(raw.attributes)
    said = merge_events(attributes, raw.events) if raw.events else ((), ())
    shape = shape_of(attributes)
    lists = take_lists(attributes, shape.listed) if shape.listed else {}
    kind = _kind(attributes)
    asked, answered = take_messages(attributes, lists, said, known) if shape.speaks or raw.events else ((), ())
    offered = take_tools(attributes, lists, known) if shape.speaks else ()
    if kind is SpanKind.UNKNOWN:
        kind = _guessed_kind(attributes, bool(answered))
    tool = _tool(raw.name, attributes) if kind is SpanKind.TOOL else None
    taken_input = tool.arguments if tool else _payload(attributes, "input")
    taken_output = tool.result if tool else _payload(attributes, "output")
    if kind is SpanKind.EMBEDDING:
        taken_output = None  # vectors: large, and nothing reads them
    if taken_input is None:
        taken_input = _listed_input(lists)
    if taken_output is None:
        taken_output = _listed_output(lists)
    ended = moment(raw.end_ns) if raw.end_ns >= raw.start_ns else None
    if raw.end_ns and ended is None:
        attributes["otel.end_time_unix_nano"] = raw.end_ns  # before the start: a clock was set back
    if raw.scope:
        attributes["otel.scope.name"] = raw.scope
    measured = _measured(attributes, shape.slots)
    message = raw.status_message or (_failure(attributes) if raw.status == ERROR else None)
    for name in shape.noise:
        attributes.pop(name, None)
    if raw.logged:
        asked, answered = _content(raw, asked, attributes, LOGS_IN), _content(raw, answered, attributes, LOGS_OUT)
    return built(
        Span,
        {
            "trace_id": raw.trace_id,
            "span_id": raw.span_id,
            "parent_id": raw.parent_id,
            "name": raw.name,
            "kind": kind,
            "started_at": moment(raw.start_ns),
            "ended_at": ended,
            "status": _STATUSES.get(raw.status, SpanStatus.UNSET),
            "status_message": message,
            "model": measured.model,
            "provider": measured.provider,
            "input_messages": asked,
            "output_messages": answered,
            "input": taken_input,
            "output": taken_output,
            "tool": tool,
            "tool_definitions": offered,
            "usage": built(Usage, {**_NO_COUNTS, **measured.counts}) if measured.counts else None,
            "cost_usd": measured.cost_usd,
            "attributes": attributes,
        },
    )


def _content(raw: RawSpan, said: tuple[Message, ...], attributes: Attributes, key: str) -> tuple[Message, ...]:
    """What a log record says of a side, noted in `attributes` as `burnish.domain.merging` wants it."""
    said = tuple(message for message in said if message.parts)
    attributes[ABSENT] = True
    if said:
        attributes[key] = [[raw.start_ns, raw.logged, len(said)]]
    return said


def _check_depth(attributes: Attributes) -> None:
    for name, value in attributes.items():
        if (type(value) is list or type(value) is dict) and nested_too_deep(value):
            raise ValueError(f"attribute '{name[:80]}' is nested more than {DEEPEST} levels deep")


def _kind(attributes: Attributes) -> SpanKind:
    for key, kinds in _KINDS:
        value = attributes.get(key)
        if isinstance(value, str):
            found = kinds.get(value.upper() if key.startswith("openinference") else value)
            if found is not None:
                del attributes[key]
                return found
    return SpanKind.UNKNOWN


def _guessed_kind(attributes: Attributes, answered: bool) -> SpanKind:
    """Instrumentations from before the operation had a name: tell by what the span carries."""
    if "gen_ai.tool.name" in attributes or "tool.name" in attributes:
        return SpanKind.TOOL
    if "agent_name" in attributes and ("final_result" in attributes or answered):
        return SpanKind.AGENT
    if answered and any(name in attributes for name in names.MODEL):
        return SpanKind.LLM
    return SpanKind.UNKNOWN


def _take(attributes: Attributes, aliases: tuple[str, ...]) -> Json:
    """The first alias that is set; it leaves the attributes, and so do aliases that say the same."""
    found: Json = None
    for name in aliases:
        value = attributes.get(name)
        if value is None:
            continue
        if found is None:
            found = value
        if value == found:
            del attributes[name]
    return found


def _take_text(attributes: Attributes, aliases: tuple[str, ...]) -> str | None:
    for name in aliases:
        text = text_of(attributes.get(name))
        if text is not None:
            del attributes[name]
            return text
    return None


class _Measured:
    """Which model answered and what it cost."""

    __slots__ = ("cost_usd", "counts", "model", "provider")

    def __init__(self) -> None:
        self.model: str | None = None
        self.provider: str | None = None
        self.cost_usd: float | None = None
        self.counts: dict[str, int] = {}


def _measured(attributes: Attributes, slots: Iterable[tuple[str, int, str]]) -> _Measured:
    """Take model, provider, tokens and cost out of `attributes`; an alias that says something else stays."""
    measured = _Measured()
    for field, _, name in slots:
        value = attributes.get(name)
        if field in names.USAGE:
            count = _count(value)
            if count is not None and measured.counts.setdefault(field, count) == count:
                del attributes[name]
        elif field == "cost":
            dollars = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12
            if dollars and measured.cost_usd is None:
                measured.cost_usd = float(value)  # type: ignore[arg-type]
                del attributes[name]
        else:
            text = text_of(value)
            if text is not None and getattr(measured, field) in (None, text):
                setattr(measured, field, text)
                del attributes[name]
    return measured


def _count(value: Json) -> int | None:
    """A number of tokens; JavaScript sends it as a float."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**53:
        return int(value)
    return None


def _payload(attributes: Attributes, side: str) -> Json:
    """`input` or `output` of a span that is no tool: parsed where it is declared as JSON, else the text it is."""
    mime = attributes.get(f"{side}.mime_type")
    value = attributes.pop(f"{side}.value", None)
    if value is not None:
        declared = isinstance(mime, str) and "json" in mime
        return parse_structure(value) if declared and isinstance(value, str) else value
    value = attributes.pop(f"traceloop.entity.{side}", None)
    if value is not None:
        return _unwrapped(value, side)
    value = attributes.pop("final_result", None) if side == "output" else None
    if value is not None:
        return value
    if side == "input":
        for name in ("ai.value", "ai.values"):
            if name in attributes:
                value = attributes.pop(name)
                return parse_structure(value) if isinstance(value, str) else value
    value = attributes.pop(side, None)
    if value is None:
        value = _take(attributes, names.QUERY if side == "input" else names.DOCUMENTS)
        return value if side == "input" or not isinstance(value, str) else parse_structure(value)
    return parse_structure(value) if isinstance(value, str) else value


def _unwrapped(value: Json, side: str) -> Json:
    """What Traceloop's decorators wrap: {"args": […], "kwargs": {…}}, or {"inputs": …} of a chain."""
    content = parse_structure(value) if isinstance(value, str) else value
    if isinstance(content, dict):
        if f"{side}s" in content:
            return content[f"{side}s"]
        positional, named = content.get("args"), content.get("kwargs")
        if set(content) == {"args", "kwargs"} and isinstance(positional, list):
            return named if not positional else positional[0] if len(positional) == 1 and not named else content
    return content


def _tool(span_name: str, attributes: Attributes) -> ToolUse:
    name = _take_text(attributes, names.TOOL_NAME) or span_name.removeprefix("execute_tool ")
    arguments = _take(attributes, names.TOOL_ARGUMENTS)
    result = _take(attributes, names.TOOL_RESULT)
    return built(
        ToolUse,
        {
            "name": name,
            "arguments": _unwrapped(arguments, "input"),
            "result": _unwrapped(result, "output"),
            "call_id": _take_text(attributes, names.TOOL_CALL_ID),
        },
    )


def _listed_input(lists: dict[str, list[Entry]]) -> Json:
    entries = lists.get("embedding.embeddings", ())
    texts = [value for entry in entries for path, value in entry if path == ("embedding", "text")]
    return texts[0] if len(texts) == 1 else texts or None


def _listed_output(lists: dict[str, list[Entry]]) -> Json:
    found = lists.get("retrieval.documents") or lists.get("reranker.output_documents") or ()
    documents = [entry_value(entry) for entry in found]
    return [entry.get("document", entry) if isinstance(entry, dict) else entry for entry in documents] or None


def _failure(attributes: Attributes) -> str | None:
    kind = attributes.get("exception.type", attributes.get("error.type"))
    text = attributes.get("exception.message")
    told = [str(value) for value in (kind, text) if value not in (None, "")]
    return ": ".join(told) or None
