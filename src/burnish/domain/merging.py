"""What is known of a trace after more of it came in, whatever came first.

A span's content may come apart from it, in log records. Until the span itself is there, what the records say stands
as a span that is marked ABSENT; afterwards the span keeps, side by side with its messages, which records they are of:
`{"otel.logs.input": [[nanoseconds, digest, number of messages], …]}`. So the same record twice is once, and records
that come in several requests are in order.
"""

from burnish.domain.base import Json
from burnish.domain.exchange import exchange
from burnish.domain.traces import Message, Span, SpanStatus, Trace

__all__ = ["ABSENT", "LOGS_IN", "LOGS_OUT", "joined", "merge"]

ABSENT = "otel.span.absent"
PUSHED = "otlp"
OF_NO_STORE = (PUSHED, "jsonl", "experiment")
LOGS_IN, LOGS_OUT = "otel.logs.input", "otel.logs.output"

Records = dict[str, tuple[int, tuple[Message, ...]]]


def merge(existing: Trace, incoming: Trace) -> Trace:
    """What is known of a trace after more of it came in; `merge(t, t) == t`.

    Spans join by id and the incoming version of a known span wins (see `joined`). Exporters send children before their
    root and late children after it, so only the part that holds the root of the joined trace (or has no spans at all)
    speaks for the trace as a whole; the other part fills in what is still None. Agent and source stay the existing
    ones, except that a trace which was pushed here (OTLP) and is then pulled is that store's from then on: people's
    feedback is asked for there, and ours goes back.
    """
    found = {span.span_id: span for span in existing.spans}
    for span in incoming.spans:
        found[span.span_id] = joined(found[span.span_id], span) if span.span_id in found else span
    spans = tuple(sorted(found.values(), key=lambda span: span.started_at))
    whole = existing.model_copy(update={"spans": spans})
    root, own = whole.root, incoming.root
    speaks = own is None or (root is not None and own.span_id == root.span_id and not _content_alone(own, root))
    first, second = (incoming, existing) if speaks else (existing, incoming)
    ends = [trace.ended_at for trace in (existing, incoming) if trace.ended_at is not None]
    silent = own is None and incoming.status is SpanStatus.UNSET
    status = incoming if speaks and not silent else existing
    update: dict[str, object] = {
        name: value if (value := getattr(first, name)) is not None else getattr(second, name) for name in _IDENTIFYING
    }
    if root is not None and any(LOGS_IN in span.attributes or LOGS_OUT in span.attributes for span in spans):
        # What was asked and answered came in log records: the whole says it better than any part.
        asked, answered = exchange(root, spans)
        update |= {name: value for name, value in (("input", asked), ("output", answered)) if value is not None}
    return whole.model_copy(
        update=update
        | {
            "name": first.name,
            "source": incoming.source if _is_stores(existing, incoming) else existing.source,
            "started_at": min(existing.started_at, incoming.started_at),
            "ended_at": max(ends, default=None),
            "status": status.status,
            "status_message": status.status_message,
            "metadata": {**second.metadata, **first.metadata},
        }
    )


def _is_stores(existing: Trace, incoming: Trace) -> bool:
    return existing.source == PUSHED and incoming.source not in OF_NO_STORE


def _content_alone(own: Span, root: Span) -> bool:
    """Whether a part holds of a root that is known only what log records say of it: no name, status or metadata."""
    return ABSENT in own.attributes and ABSENT not in root.attributes


_IDENTIFYING = (
    "input",
    "output",
    "session_id",
    "user_id",
    "environment",
    "release",
    "prompt_name",
    "prompt_version",
)


def joined(existing: Span, incoming: Span) -> Span:
    """One span of two with the same id: the incoming one, or the one that is more than content of log records.

    Its messages are its own where it has any, else those of the records of both.
    """
    base, other = (existing, incoming) if ABSENT in incoming.attributes else (incoming, existing)
    update: dict[str, object] = {}
    attributes = dict(base.attributes)
    if ABSENT in base.attributes:  # neither is the span itself: what one says of it the other may leave out
        attributes = {**other.attributes, **attributes}
        update = {name: getattr(other, name) for name in _TOLD if getattr(base, name) is None}
    for field, key in (("input_messages", LOGS_IN), ("output_messages", LOGS_OUT)):
        own, ours = _apart(base, field, key)
        theirs = _apart(other, field, key)[1]
        if theirs and not any(message.role != "system" for message in own):
            records = theirs | ours
            order = sorted(records, key=lambda digest: records[digest][0])
            said = tuple(message for digest in order for message in records[digest][1])
            if any(message.role == "system" for message in said):
                own = ()
            update[field] = (*own, *said)
            attributes[key] = [[records[digest][0], digest, len(records[digest][1])] for digest in order]
    if base is incoming and not update and attributes == base.attributes:
        return incoming
    return base.model_copy(update={**update, "attributes": attributes})


_TOLD = ("model", "provider", "usage", "cost_usd", "input", "output", "status_message")


def _apart(span: Span, field: str, key: str) -> tuple[tuple[Message, ...], Records]:
    """A side's messages: the span's own, and those of log records by digest, with their time."""
    messages: tuple[Message, ...] = getattr(span, field)
    told = span.attributes.get(key)
    if not isinstance(told, list):
        return messages, {}
    place = len(messages) - sum(_number(item, 2) for item in told)
    own, records = messages[: max(place, 0)], Records()
    for item in told:
        count = _number(item, 2)
        digest = str(item[1]) if isinstance(item, list) and len(item) > 1 else ""
        records[digest] = (_number(item, 0), messages[max(place, 0) : max(place + count, 0)])
        place += count
    return own, records


def _number(item: Json, position: int) -> int:
    value = item[position] if isinstance(item, list) and len(item) > position else 0
    return value if isinstance(value, int) and value >= 0 else 0
