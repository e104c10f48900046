"""Inspect's messages in the form that the normaliser of conversations knows."""

import marshal

from burnish.adapters.sources.jsontext import clean_json, clean_text
from burnish.adapters.sources.otlp.messages import read_messages
from burnish.domain.base import Json
from burnish.domain.traces import Message

__all__ = ["Conversation"]

Item = dict[str, Json]

_MEDIA = {"image": "image/*", "audio": "audio/*", "video": "video/*", "document": None}
_REFERENCE = "attachment://"
_MAX_ATTACHED = 64 * 2**20  # characters put back into one sample; a text may be referred to any number of times
_MAX_REFERRED = 100_000  # messages put back into one sample from its pool


class Conversation:
    """The texts and messages of one sample.

    Long texts stand in its `attachments`, repeated messages in its pool (`events_data`); both are put back in place,
    up to a limit, beyond which the reference is left standing.
    """

    def __init__(self, sample: Item) -> None:
        attachments, pool = sample.get("attachments"), sample.get("events_data")
        self._attachments = attachments if isinstance(attachments, dict) else {}
        messages = pool.get("messages") if isinstance(pool, dict) else None
        self._pool: list[Json] = messages if isinstance(messages, list) else []
        self._known: dict[bytes, tuple[Message, ...]] = {}
        self._attached = self._referred = 0

    def clean(self, value: Json) -> Json:
        """`value` fit to store, with the texts it refers to."""
        return clean_json(value, lambda text: clean_text(self._resolve(text)))

    def text(self, value: Json) -> str | None:
        """A text, with what it refers to; None for anything else and for an empty one."""
        found = self.clean(value) if isinstance(value, str) else None
        return found if isinstance(found, str) and found else None

    def messages(self, value: Json, role: str = "user") -> tuple[Message, ...]:
        """The messages of a list of them, or of one text."""
        if not isinstance(value, list):
            return read_messages(self.clean(value), role)
        found: list[Message] = []
        for item in value:
            key = marshal.dumps(item, 2)
            read = self._known.get(key)
            if read is None:  # a run sends all it has said so far again with every call
                cleaned = self.clean(item)
                read = read_messages([_known_form(cleaned) if isinstance(cleaned, dict) else cleaned], role)
                self._known[key] = read
            found.extend(read)
        return tuple(found)

    def referred(self, ranges: Json) -> tuple[Message, ...]:
        """The messages that ranges [start, end) of the pool stand for."""
        found: list[Message] = []
        for item in ranges if isinstance(ranges, list) else []:
            match item:
                case [int(start), int(end)] if 0 <= start < end <= len(self._pool):
                    self._referred += end - start
                    if self._referred > _MAX_REFERRED:
                        break
                    found.extend(self.messages(self._pool[start:end]))
                case _:
                    continue
        return tuple(found)

    def _resolve(self, text: str) -> str:
        if not text.startswith(_REFERENCE):
            return text
        found = self._attachments.get(text[len(_REFERENCE) :])
        if not isinstance(found, str) or self._attached + len(found) > _MAX_ATTACHED:
            return text
        self._attached += len(found)
        return found


def _known_form(message: Item) -> Item:
    """A message whose calls, results and media are named as elsewhere."""
    known = dict(message)
    content = message.get("content")
    if isinstance(content, list):
        known["content"] = [part for item in content for part in _parts(item)]
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        known["tool_calls"] = [_call(call) for call in calls]
    if message.get("role") == "tool":
        known["name"] = message.get("function")
        error = message.get("error")
        if not content and isinstance(error, dict):
            known["content"] = error.get("message")
    else:
        known.pop("model", None)
    return known


def _call(call: Json) -> Json:
    """Inspect has the name under `function`, where OpenAI has an object."""
    if isinstance(call, dict) and isinstance(call.get("function"), str):
        return {"id": call.get("id"), "name": call["function"], "arguments": call.get("arguments")}
    return call


def _parts(item: Json) -> list[Json]:
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(kind, str):
        return [item]
    if kind == "tool_use":  # a tool that the provider ran itself, with its result in the same part
        use: Json = {
            "type": "tool_call",
            "id": item.get("id"),
            "name": item.get("name"),
            "input": item.get("arguments"),
        }
        result = item.get("error") or item.get("result")
        return [use, {"type": "tool_result", "id": item.get("id"), "name": item.get("name"), "result": result}]
    if kind == "reasoning" and item.get("redacted"):  # what is left is encrypted
        return [{"type": "reasoning", "reasoning": item.get("summary") or ""}]
    if kind in _MEDIA:
        return [{"type": "file", "uri": item.get(kind), "mime_type": item.get("mime_type") or _MEDIA[kind]}]
    return [item]
