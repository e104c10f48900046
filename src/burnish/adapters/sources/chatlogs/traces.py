"""A record of a chat log to a trace with one model call."""

from datetime import datetime, timedelta

from burnish.adapters.sources.chatlogs.exchange import Exchange, read_exchange
from burnish.adapters.sources.chatlogs.turns import read_turns
from burnish.adapters.sources.counts import read_amount, read_count
from burnish.adapters.sources.jsontext import clean_json
from burnish.adapters.sources.otlp.tools import read_tools
from burnish.adapters.sources.times import read_time
from burnish.domain.base import Json, content_hash
from burnish.domain.exchange import conversation_input, conversation_output
from burnish.domain.traces import Message, Span, SpanKind, SpanStatus, Trace, Usage

__all__ = ["record_trace"]

Item = dict[str, Json]

_IDS = ("id", "request_id", "trace_id")
_LONG = 16  # a shorter id numbers the lines of a file, and says nothing beyond it
_STARTED = ("created_at", "created", "started_at", "start_time", "timestamp", "time", "date", "ts")
_ENDED = ("completed_at", "ended_at", "end_time")
_SESSION = ("session_id", "conversation_id", "thread_id", "session", "conversation", "chat_id")
_USER = ("user_id", "user", "safety_identifier")
_ASKED = ("prompt_tokens_details", "input_tokens_details")
_ANSWERED = ("completion_tokens_details", "output_tokens_details")
_PARAMETERS = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "max_output_tokens", "seed", "stop")


def record_trace(record: Json, agent: str, source: str, dated: datetime) -> Trace:
    """The trace of one record; `dated` is when it started where the record does not say.

    Its id follows the id that the API or the logger gave, or else the record's content: the same record is the same
    trace in any file. Raises ValueError where the record holds no conversation.
    """
    found = read_exchange(clean_json(record))
    asked, answered = _conversation(found)
    error = _error(found)
    trace_id = _trace_id(found, record)
    started = _moment(found, _STARTED) or dated
    ended = _ended(found, started)
    status = SpanStatus.ERROR if error else SpanStatus.OK if answered else SpanStatus.UNSET
    model = _text(found.told("model"))
    name = _text(found.record.get("name")) or model or "chat"
    span = Span(
        trace_id=trace_id,
        span_id=content_hash(trace_id, length=16),
        name=name,
        kind=SpanKind.LLM,
        started_at=started,
        ended_at=ended,
        status=status,
        status_message=error,
        model=model,
        provider=_text(found.told("provider")),
        input_messages=asked,
        output_messages=answered,
        tool_definitions=read_tools(found.told("tools", "functions")),
        usage=_usage(found.told("usage")),
        cost_usd=read_amount(found.told("cost_usd", "cost", "total_cost")),
        attributes=_attributes(found),
    )
    return Trace(
        trace_id=trace_id,
        agent=agent,
        source=source,
        name=name,
        started_at=started,
        ended_at=ended,
        status=status,
        status_message=error,
        input=conversation_input(asked),
        output=conversation_output(answered),
        session_id=_named(found, _SESSION),
        user_id=_named(found, _USER),
        environment=_named(found, ("environment",)),
        release=_named(found, ("release",)),
        prompt_name=_named(found, ("prompt_name",)),
        prompt_version=_named(found, ("prompt_version",)),
        metadata=_metadata(found),
        spans=(span,),
    )


def _conversation(found: Exchange) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """What was asked and what was answered; where no answer is kept apart, what the assistant said last."""
    asked = read_turns(found.asked, "user")
    system = found.told("instructions", "system")
    if isinstance(system, str | list) and not any(message.role == "system" for message in asked):
        asked = (*read_turns(system, "system"), *asked)
    answered = read_turns(found.answered, "assistant")
    if not answered and found.response is found.record and asked and asked[-1].role == "assistant":
        asked, answered = asked[:-1], asked[-1:]
    return asked, answered


def _trace_id(found: Exchange, record: Json) -> str:
    """Ids that the API gives are unique; `custom_id` numbers the lines of one batch and is not taken."""
    for place in (found.response, found.record):
        for name in _IDS:
            given = place.get(name)
            if isinstance(given, str) and len(given) >= _LONG:
                return content_hash("openai_chat", given, length=32)
    return content_hash("openai_chat", record, length=32)


def _moment(found: Exchange, names: tuple[str, ...]) -> datetime | None:
    return next((moment for moment in (read_time(found.told(name)) for name in names) if moment is not None), None)


def _ended(found: Exchange, started: datetime) -> datetime | None:
    ended = _moment(found, _ENDED)
    if ended is not None:
        return max(ended, started)
    for name, unit in (("latency_s", 1.0), ("duration_s", 1.0), ("latency_ms", 1e3), ("duration_ms", 1e3)):
        lasted = read_amount(found.told(name))
        if lasted is not None and lasted < 1e8:
            return started + timedelta(seconds=lasted / unit)
    return None


def _error(found: Exchange) -> str | None:
    error = found.told("error")
    if isinstance(error, dict):
        return _text(error.get("message")) or _text(error.get("code")) or "error"
    if isinstance(error, str):
        return error
    status = read_count(found.told("status_code"))
    if status is not None and status >= 400:
        return f"HTTP status {status}"
    return "failed" if found.response.get("status") == "failed" else None


def _usage(given: Json) -> Usage | None:
    if not isinstance(given, dict):
        return None

    def count(*names: str) -> int | None:
        return next((n for n in (read_count(given.get(name)) for name in names) if n is not None), None)

    def detail(side: tuple[str, ...], *names: str) -> int | None:
        for name in side:
            details = given.get(name)
            if isinstance(details, dict):
                return next((n for n in (read_count(details.get(one)) for one in names) if n is not None), None)
        return None

    return Usage(
        input_tokens=count("prompt_tokens", "input_tokens"),
        output_tokens=count("completion_tokens", "output_tokens"),
        cache_read_tokens=detail(_ASKED, "cached_tokens", "cache_read_tokens"),
        cache_write_tokens=detail(_ASKED, "cache_write_tokens", "cache_creation_tokens"),
        reasoning_tokens=detail(_ANSWERED, "reasoning_tokens"),
    )


def _attributes(found: Exchange) -> Item:
    choices = found.response.get("choices")
    kept: Item = {
        "gen_ai.response.id": found.response.get("id"),
        "gen_ai.response.finish_reasons": _reasons(choices),
        "openai.choices": len(choices) if isinstance(choices, list) and len(choices) > 1 else None,
        "openai.incomplete": found.response.get("incomplete_details"),
        "openai.previous_response_id": found.told("previous_response_id"),
        **{f"gen_ai.request.{name}": found.request.get(name) for name in _PARAMETERS},
    }
    return {key: value for key, value in kept.items() if value is not None}


def _reasons(choices: Json) -> Json:
    listed = choices if isinstance(choices, list) else []
    reasons = [choice.get("finish_reason") for choice in listed if isinstance(choice, dict)]
    return [reason for reason in reasons if isinstance(reason, str)] or None


def _metadata(found: Exchange) -> Item:
    metadata: Item = {}
    for place in (found.request, found.response, found.record):
        given = place.get("metadata")
        if isinstance(given, dict):
            metadata.update(given)
    for name in ("custom_id", "tags"):
        if found.record.get(name):
            metadata[name] = found.record[name]
    return metadata


def _named(found: Exchange, names: tuple[str, ...]) -> str | None:
    """Under one of `names`, in the record or in its metadata; an object says it by its id."""
    metadata = _metadata(found)
    for name in names:
        for given in (found.told(name), metadata.get(name)):
            text = _text(given.get("id") if isinstance(given, dict) else given)
            if text:
                return text
    return None


def _text(value: Json) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    return value if isinstance(value, str) and value else None
