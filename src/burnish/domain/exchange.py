"""What an agent was asked and what it answered, told from its spans."""

from burnish.domain.base import Json
from burnish.domain.traces import ImagePart, Message, Span, SpanKind, TextPart, ToolCallPart, ToolResultPart

__all__ = ["conversation_input", "conversation_output", "exchange"]


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


def conversation_input(messages: tuple[Message, ...]) -> Json:
    """What was asked of an agent: everything up to the last user message, without system messages.

    A single user text comes as plain text, anything longer as a list of messages with role and content.
    """
    last = max((index for index, message in enumerate(messages) if message.role == "user"), default=len(messages) - 1)
    asked = [message for message in messages[: last + 1] if message.role != "system"]
    if len(asked) == 1 and all(isinstance(part, TextPart) for part in asked[0].parts):
        return asked[0].text
    return [_plain(message) for message in asked] or None


def conversation_output(messages: tuple[Message, ...]) -> Json:
    """What an agent answered: the last assistant text; where it only called tools, that message."""
    for message in reversed(messages):
        if message.role == "assistant":
            if message.text:
                return message.text
            if message.tool_calls:
                return _plain(message)
    return messages[-1].text or None if messages else None


def _plain(message: Message) -> Json:
    plain: dict[str, Json] = {"role": message.role, "content": message.text}
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    if calls:
        plain["tool_calls"] = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in calls]
    images = [part.uri for part in message.parts if isinstance(part, ImagePart)]
    if images:
        plain["images"] = [*images]
    results = [part for part in message.parts if isinstance(part, ToolResultPart)]
    if results:
        plain["tool_results"] = [{"id": result.id, "name": result.name, "result": result.result} for result in results]
    return plain
