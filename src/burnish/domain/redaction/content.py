"""`keep_content = false`: what is left of a trace when nothing that anybody said may be stored."""

import re

from burnish.domain.base import Json
from burnish.domain.feedback import Feedback
from burnish.domain.traces import Message, Span, ToolCallPart, ToolDefinition, Trace

__all__ = ["feedback_structure", "span_structure", "trace_structure"]

# Text under these names says how a step ran, not what was said in it.
_STRUCTURAL = re.compile(
    r"(?:gen_ai|llm)\.(?:operation\.name|system|provider(?:\.name)?|model_name|(?:request|response)\.(?:model|id)"
    r"|response\.finish_reasons?|finish_reason|agent\.(?:name|id|version)|tool\.(?:name|type)|prompt\.(?:name|version)"
    r"|output\.type|token\.type)|openinference\.span\.kind|error\.type|exception\.type|otel\.[a-z_.]+|agent\.name"
    r"|tool\.name|service\.(?:name|version)|deployment\.environment(?:\.name)?|server\.address"
    r"|http\.(?:request\.method|response\.status_code)|[a-z_.]+\.(?:status_code|finish_reason)|burnish\.[a-z_.]+"
)


_PLAIN_NAME = re.compile(r"[\w.\-/]{1,100}")


def _attributes(given: dict[str, Json]) -> dict[str, Json]:
    return {
        key: value
        for key, value in given.items()
        if (isinstance(value, (bool, int, float)) and _PLAIN_NAME.fullmatch(key))
        or (_STRUCTURAL.fullmatch(key) and not isinstance(value, dict))
    }


def _messages(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Who spoke in turn and which tools were called."""
    return tuple(
        Message(role=message.role, parts=tuple(ToolCallPart(name=call.name, id=call.id) for call in message.tool_calls))
        for message in messages
    )


def span_structure(span: Span) -> Span:
    """A span's names, times, tokens, cost and status."""
    return span.model_copy(
        update={
            "status_message": None,
            "input_messages": _messages(span.input_messages),
            "output_messages": _messages(span.output_messages),
            "input": None,
            "output": None,
            "tool": span.tool and span.tool.model_copy(update={"arguments": None, "result": None}),
            "tool_definitions": tuple(ToolDefinition(name=tool.name) for tool in span.tool_definitions),
            "attributes": _attributes(span.attributes),
        }
    )


def trace_structure(trace: Trace) -> Trace:
    """The trace without its spans, in the same way."""
    return trace.model_copy(
        update={"status_message": None, "input": None, "output": None, "metadata": _attributes(trace.metadata)}
    )


def feedback_structure(item: Feedback) -> Feedback:
    """Scores and labels without the words beside them."""
    return item.model_copy(update={"comment": None, "correction": None})
