"""Messages and items in OpenAI's forms, brought to those that the normaliser of conversations knows."""

from burnish.adapters.sources.otlp.messages import read_messages
from burnish.adapters.sources.otlp.parts import PART_TYPES
from burnish.domain.base import Json
from burnish.domain.traces import Message

__all__ = ["read_turns"]

Item = dict[str, Json]

_NAMING = ("type", "id", "call_id", "status", "name", "arguments", "input", "output", "result", "results", "error")


def read_turns(value: Json, role: str) -> tuple[Message, ...]:
    """The messages of a text, or of a list of messages or of items as the Responses API has them.

    What the model gave in one answer as several items (what it thought, its calls, its text) is one message.
    """
    if not isinstance(value, list):
        return read_messages(value, role)
    found: list[Message] = []
    after_item = False
    for raw in value:
        is_item = isinstance(raw, dict) and ("role" not in raw or raw.get("type") == "message")
        for message in read_messages([_known(raw) if isinstance(raw, dict) else raw], role):
            if is_item and after_item and message.role == "assistant" == found[-1].role:
                found[-1] = found[-1].model_copy(update={"parts": found[-1].parts + message.parts})
            else:
                found.append(message)
            after_item = is_item
    return tuple(found)


def _known(item: Item) -> Item:
    kind = item.get("type")
    if "role" in item or not isinstance(kind, str):
        return _message(item)
    if kind == "reasoning":
        return {"type": kind, "content": item.get("content") or item.get("summary")}
    if kind.endswith("_output"):  # of a function, a shell, a computer
        result = item.get("output")
        return {"type": "function_call_output", "call_id": item.get("call_id") or item.get("id"), "output": result}
    if kind.endswith("_call") and kind not in PART_TYPES:  # a tool that the provider ran itself
        return _ran_by_provider(item, kind)
    return item


def _ran_by_provider(item: Item, kind: str) -> Item:
    name = item.get("name") or kind.removesuffix("_call")
    arguments = item.get("arguments") or item.get("input") or {k: v for k, v in item.items() if k not in _NAMING}
    call_id = item.get("call_id") or item.get("id")
    parts: list[Json] = [{"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}]
    result = item.get("output") or item.get("results") or item.get("result") or item.get("error")
    if isinstance(result, str) and len(result) > 2**16:  # a drawn image comes as its bytes
        result = f"[{len(result)} characters left out]"
    if result is not None:
        parts.append({"type": "tool_result", "id": call_id, "name": name, "result": result})
    return {"role": "assistant", "content": parts}


def _message(message: Item) -> Item:
    known = dict(message)
    if not known.get("content"):
        audio, refusal = known.get("audio"), known.get("refusal")
        if isinstance(refusal, str) and refusal:
            known["content"] = refusal
        elif isinstance(audio, dict) and audio.get("transcript"):
            known["content"] = audio["transcript"]
    calls = known.get("tool_calls")
    if isinstance(calls, list):
        known["tool_calls"] = [_call(call) for call in calls]
    return known


def _call(call: Json) -> Json:
    custom = call.get("custom") if isinstance(call, dict) else None
    if isinstance(call, dict) and isinstance(custom, dict):
        return {"id": call.get("id"), "name": custom.get("name"), "arguments": custom.get("input")}
    return call
