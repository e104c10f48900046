"""A sample of an Inspect log to a trace: the task at the top, below it what its events tell."""

from datetime import datetime, timedelta

from burnish.adapters.sources.counts import read_amount
from burnish.adapters.sources.inspect.conversation import Conversation
from burnish.adapters.sources.inspect.events import read_events, usage_of
from burnish.adapters.sources.times import read_time
from burnish.domain.base import Json, content_hash
from burnish.domain.exchange import conversation_input, conversation_output
from burnish.domain.traces import Message, Span, SpanKind, SpanStatus, Trace

__all__ = ["sample_trace"]

Item = dict[str, Json]


def sample_trace(evaluation: Item, sample: Item, conversation: Conversation, agent: str, source: str) -> Trace:
    """The trace of one sample and epoch. `evaluation` is the log's `eval` object.

    The id follows the sample's uuid, which a retried evaluation keeps, or else evaluation, sample and epoch: a log that
    is read again, or copied, gives the same traces. Raises ValueError where the sample has no id, or nothing says when
    it ran.
    """
    trace_id = _trace_id(evaluation, sample)
    name = conversation.text(evaluation.get("task")) or "sample"
    read = read_events(trace_id, sample.get("events"), conversation)
    spans = read.spans
    started = read_time(sample.get("started_at")) or read.first or read_time(evaluation.get("created"))
    if started is None:
        raise ValueError("nothing says when it ran: no started_at, no event, no eval.created")
    started = min([started, *(span.started_at for span in spans)])
    # The last event of the agent's own: completed_at and total_time include the scorers' work.
    ended = read.last or read_time(sample.get("completed_at")) or _after(started, sample.get("total_time"))
    ended = max([started if ended is None else ended, *(span.ended_at for span in spans if span.ended_at is not None)])
    error = sample.get("error")
    failed = conversation.text(error.get("message")) or "error" if isinstance(error, dict) else None
    status = SpanStatus.OK if failed is None else SpanStatus.ERROR
    asked = conversation.messages(sample.get("input"))
    answered = _answer(sample, conversation)
    root = Span(
        trace_id=trace_id,
        span_id=content_hash(trace_id, "sample", length=16),
        name=name,
        kind=SpanKind.AGENT,
        started_at=started,
        ended_at=ended,
        status=status,
        status_message=failed,
        input=conversation_input(asked),
        output=conversation_output(answered),
    )
    if not any(span.kind is SpanKind.LLM for span in spans):
        spans = [*spans, *_whole_call(root, evaluation, sample, answered, conversation)]
    below = [span if span.parent_id else span.model_copy(update={"parent_id": root.span_id}) for span in spans]
    return Trace(
        trace_id=trace_id,
        agent=agent,
        source=source,
        name=name,
        started_at=started,
        ended_at=ended,
        status=status,
        status_message=failed,
        input=root.input,
        output=root.output,
        release=_release(evaluation, conversation),
        metadata=_metadata(evaluation, sample, conversation),
        spans=(root, *sorted(below, key=lambda span: span.started_at)),
    )


def _trace_id(evaluation: Item, sample: Item) -> str:
    uuid = sample.get("uuid")
    if isinstance(uuid, str) and uuid:
        return content_hash("inspect", uuid, length=32)
    if sample.get("id") is None:
        raise ValueError("the sample has neither uuid nor id")
    run = evaluation.get("eval_id") or evaluation.get("run_id") or evaluation.get("created")
    return content_hash("inspect", run, evaluation.get("task"), sample["id"], sample.get("epoch"), length=32)


def _after(started: datetime, seconds: Json) -> datetime | None:
    lasted = read_amount(seconds)
    return started + timedelta(seconds=lasted) if lasted is not None and lasted < 1e8 else None


def _answer(sample: Item, conversation: Conversation) -> tuple[Message, ...]:
    """What the sample's output says; the end of its messages where it says nothing."""
    output = sample.get("output")
    choices = output.get("choices") if isinstance(output, dict) else None
    said = (
        [choice.get("message") for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    )
    if said:
        return conversation.messages(said[:1], "assistant")
    messages = conversation.messages(sample.get("messages"))
    return messages[-1:] if messages and messages[-1].role == "assistant" else ()


def _whole_call(
    root: Span, evaluation: Item, sample: Item, answered: tuple[Message, ...], conversation: Conversation
) -> list[Span]:
    """One model call for the whole conversation, for logs that were written without events."""
    messages = conversation.messages(sample.get("messages"))
    if answered and messages[-1:] == answered:
        messages = messages[:-1]
    if not messages and not answered:
        return []
    usages = sample.get("model_usage")
    given = [one for one in usages.values() if isinstance(one, dict)] if isinstance(usages, dict) else []
    model = conversation.text(evaluation.get("model"))
    usage, cost = usage_of(given[0]) if len(given) == 1 else (None, None)
    return [
        Span(
            trace_id=root.trace_id,
            span_id=content_hash(root.trace_id, "conversation", length=16),
            name=model or "model",
            kind=SpanKind.LLM,
            started_at=root.started_at,
            ended_at=root.ended_at,
            status=root.status,
            status_message=root.status_message,
            model=model,
            input_messages=messages,
            output_messages=answered,
            usage=usage,
            cost_usd=cost,
        )
    ]


def _release(evaluation: Item, conversation: Conversation) -> str | None:
    revision = evaluation.get("revision")
    return conversation.text(revision.get("commit")) if isinstance(revision, dict) else None


def _metadata(evaluation: Item, sample: Item, conversation: Conversation) -> Item:
    """The sample's own metadata, and under `inspect.` what the log says of it; `inspect.target` is the target."""
    own = conversation.clean(sample.get("metadata"))
    told: Item = {
        "task": evaluation.get("task"),
        "eval_id": evaluation.get("eval_id"),
        "model": evaluation.get("model"),
        "tags": evaluation.get("tags"),
        "sample_id": sample.get("id"),
        "epoch": sample.get("epoch"),
        "target": sample.get("target"),
        "choices": sample.get("choices"),
        "limit": sample.get("limit"),
        "retries": len(errors) or None if isinstance(errors := sample.get("error_retries"), list) else None,
    }
    kept = {f"inspect.{key}": conversation.clean(value) for key, value in told.items() if value or value == 0}
    return {**(own if isinstance(own, dict) else {}), **kept}
