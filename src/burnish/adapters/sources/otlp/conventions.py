"""Where each convention keeps the messages of a call: attributes, numbered attributes or events."""

from burnish.adapters.sources.jsontext import parse_structure
from burnish.adapters.sources.otlp.indexed import Entry
from burnish.adapters.sources.otlp.messages import Known, message, read_entries, read_messages
from burnish.adapters.sources.otlp.parts import read_parts, reasoning, text
from burnish.adapters.sources.otlp.raw import Attributes, RawEvent
from burnish.domain.base import Json
from burnish.domain.traces import Message, Part

__all__ = ["CONTENT_EVENTS", "merge_events", "take_messages"]

Conversation = tuple[tuple[Message, ...], tuple[Message, ...]]

# Events that carry attributes of the call itself, under the same names as the span would.
_CALL_EVENTS = frozenset(
    ("gen_ai.client.inference.operation.details", "gen_ai.content.prompt", "gen_ai.content.completion")
)
_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE_EVENT = "gen_ai.choice"
CONTENT_EVENTS = _CALL_EVENTS.union(_MESSAGE_EVENTS, (_CHOICE_EVENT,))
_VERCEL_ANSWERS = frozenset(
    ("ai.response.text", "ai.response.object", "ai.response.toolCalls", "ai.response.reasoning")
)
_PYDANTIC_CONVERSATION = ("pydantic_ai.all_messages", "all_messages", "all_messages_events", "events")


def merge_events(attributes: Attributes, events: list[RawEvent]) -> Conversation:
    """Messages from events; call events add to `attributes`, exceptions and unknown events are kept in them."""
    asked: list[Message] = []
    answered: list[Message] = []
    kept: list[Json] = []
    for name, facts in events:
        if name in _CALL_EVENTS:
            for key, value in facts.items():
                attributes.setdefault(key, value)
        elif name in _MESSAGE_EVENTS:
            asked.extend(_event_message(facts, _MESSAGE_EVENTS[name]))
        elif name == _CHOICE_EVENT:
            answered.extend(_event_message(facts, "assistant"))
        elif name == "exception":
            for key in ("exception.type", "exception.message", "exception.stacktrace"):
                if facts.get(key) is not None:
                    attributes[key] = facts[key]
        elif facts:
            kept.append({"name": name, **facts})
    if kept:
        attributes["otel.events"] = kept
    return tuple(asked), tuple(answered)


def take_messages(
    attributes: Attributes, lists: dict[str, list[Entry]], events: Conversation, known: Known
) -> Conversation:
    """The messages put in and out, taken out of `attributes`; the first convention that has any wins, side by side."""
    asked = (
        _taken(attributes, "gen_ai.input.messages", "user", known)
        or read_entries(lists.get("llm.input_messages"), "user", known)
        or read_entries(lists.get("gen_ai.prompt"), "user", known)
        or _taken(attributes, "ai.prompt.messages", "user", known)
        or _taken(attributes, "gen_ai.prompt", "user", known)
        or events[0]
        or _texts(lists.get("llm.prompts"), "prompt", "user")
        or _taken(attributes, "ai.prompt", "user", known)
    )
    answered = (
        _taken(attributes, "gen_ai.output.messages", "assistant", known)
        or read_entries(lists.get("llm.output_messages"), "assistant", known)
        or read_entries(lists.get("gen_ai.completion"), "assistant", known)
        or _vercel_answer(attributes)
        or _taken(attributes, "gen_ai.completion", "assistant", known)
        or events[1]
        or _texts(lists.get("llm.choices"), "completion", "assistant")
    )
    if not asked and not answered:
        asked, answered = _whole_conversation(attributes)
    return _with_instructions(asked, attributes.pop("gen_ai.system_instructions", None)), answered


def _taken(attributes: Attributes, name: str, role: str, known: Known) -> tuple[Message, ...]:
    value = attributes.pop(name, None)
    return () if value is None else read_messages(value, role, known)


def _event_message(facts: Attributes, role: str) -> tuple[Message, ...]:
    body = facts.get("gen_ai.event.content", facts.get("event_body"))
    item = parse_structure(body) if isinstance(body, str) else body
    if not isinstance(item, dict):
        item = dict(facts)
    for key in ("message", "content", "tool_calls"):
        value = item.get(key)
        if key != "content" and isinstance(value, str):
            item = {**item, key: parse_structure(value)}
    return read_messages(item if "role" in item or "message" in item else {**item, "role": role}, role)


def _texts(entries: list[Entry] | None, key: str, role: str) -> tuple[Message, ...]:
    texts = [value for entry in entries or () for path, value in entry if path == (key, "text")]
    return tuple(message(role, [text(said)]) for said in texts if isinstance(said, str))


def _vercel_answer(attributes: Attributes) -> tuple[Message, ...]:
    if _VERCEL_ANSWERS.isdisjoint(attributes):
        return ()
    parts: list[Part] = []
    thought = attributes.pop("ai.response.reasoning", None)
    if isinstance(thought, str) and thought:
        parts.append(reasoning(thought))
    for name in ("ai.response.text", "ai.response.object"):
        parts.extend(read_parts(attributes.pop(name, None)) if isinstance(attributes.get(name), str) else [])
    calls = attributes.pop("ai.response.toolCalls", None)
    structured = parse_structure(calls) if isinstance(calls, str) else calls
    for call in structured if isinstance(structured, list) else []:
        if isinstance(call, dict):
            parts.extend(read_parts({**call, "type": "tool-call"}))
    return (message("assistant", parts),) if parts else ()


def _whole_conversation(attributes: Attributes) -> Conversation:
    """Pydantic AI puts everything said on the agent's span: what the assistant says last is the output."""
    for name in _PYDANTIC_CONVERSATION:
        messages = read_messages(attributes[name]) if isinstance(attributes.get(name), (str, list)) else ()
        if messages:
            del attributes[name]
            turn = len(messages)
            while turn and messages[turn - 1].role == "assistant":
                turn -= 1
            return messages[:turn], messages[turn:]
    return (), ()


def _with_instructions(messages: tuple[Message, ...], instructions: Json) -> tuple[Message, ...]:
    if instructions is None or any(said.role == "system" for said in messages):
        return messages
    content = parse_structure(instructions) if isinstance(instructions, str) else instructions
    parts = read_parts(content)
    return (message("system", parts), *messages) if parts else messages
