"""The walk through the values of a trace. What needs no change is the same object afterwards."""

import json
from collections import Counter
from typing import cast

from burnish.domain.base import Json
from burnish.domain.redaction.detectors import mark
from burnish.domain.redaction.keys import IDENTIFIER, PLAIN, secret_of
from burnish.domain.redaction.text import Clean, TextRedactor, is_json
from burnish.domain.traces import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResultPart,
    ToolUse,
)

__all__ = ["Walk"]

DEEPEST = 100
TOO_DEEP = "[… nested deeper than 100 levels, left out]"
_SHORTEST_NUMBER = 10**11  # below there is no card
# A schema of a field called password describes one.
_SCHEMA = ("type", "$ref", "anyOf", "oneOf", "properties", "enum")
_NEW = Clean("", ())


class Walk:
    """One pass over one span or head: counts what was taken out and how many characters are left.

    `clean` is shared by the passes over one trace: the characters of messages in which nothing was found, by identity,
    as the calls of a conversation hold the same ones.
    """

    __slots__ = ("chars", "clean", "known", "redact", "secrets", "taken")

    def __init__(self, redact: TextRedactor, *, secrets: bool, clean: dict[int, int] | None = None) -> None:
        self.redact = redact
        self.known = redact.known
        self.secrets = secrets
        self.clean = {} if clean is None else clean
        self.taken: Counter[str] = Counter()
        self.chars = 0

    def text(self, text: str, identifier: bool = False) -> str:
        """A text; one that was JSON stays JSON."""
        if identifier:
            found = self.redact(text, identifier)
        else:
            found = self.known.get(text, _NEW)
            if found is _NEW:
                found = self.redact(text)
        if found is None:
            self.chars += len(text)
            return text
        after = found.text
        if is_json(text) and not is_json(after):
            after = json.dumps(Walk(self.redact, secrets=self.secrets).value(json.loads(text)), ensure_ascii=False)
        self.taken.update(found.names)
        self.chars += len(after)
        return after

    def optional(self, text: str | None) -> str | None:
        """A text that may be missing."""
        return text if text is None or self.known.get(text, _NEW) is None else self.text(text)

    def identity(self, text: str | None) -> str | None:
        """Who or which session; one that holds something to take out goes as a whole, as all such would be one."""
        if text is None or (found := self.redact(text)) is None:
            return text
        self.taken.update(found.names)
        return None

    def value(self, value: Json, kind: str = PLAIN, depth: int = 0) -> Json:
        """A JSON value under a key of this kind."""
        if isinstance(value, str):
            if kind and kind != IDENTIFIER and self.secrets and (name := secret_of(kind, value)) is not None:
                return self._taken(name)
            return self.text(value, kind == IDENTIFIER)
        if isinstance(value, dict):
            return self._object(value, kind, depth)
        if isinstance(value, list):
            if depth >= DEEPEST:
                return TOO_DEEP
            return self._list(value, kind, depth)
        if value is None:
            return value
        self.chars += 8
        if isinstance(value, int) and not isinstance(value, bool):
            if kind == "password" and self.secrets:
                return self._taken("password")
            if value >= _SHORTEST_NUMBER and kind != IDENTIFIER and (found := self.redact(str(value))) is not None:
                self.taken.update(found.names)
                return found.text
        return value

    def _list(self, value: list[Json], kind: str, depth: int) -> list[Json]:
        changed: list[Json] | None = None
        known = self.known
        for index, item in enumerate(value):
            if type(item) is str and not kind and known.get(item, _NEW) is None:
                self.chars += len(item)
                after: Json = item
            else:
                after = self.value(item, kind, depth + 1)
            if changed is None and after is not item:
                changed = value[:index]
            if changed is not None:
                changed.append(after)
        return value if changed is None else changed

    def _object(self, value: dict[str, Json], kind: str, depth: int) -> Json:
        if depth >= DEEPEST:
            return TOO_DEEP
        inherited = kind == "cookie" and not any(key in value for key in _SCHEMA)
        changed: dict[str, Json] | None = None
        keys, known, ids = self.redact.known_keys, self.known, self.redact.known_ids
        for key, item in value.items():
            of_key, clean_key = keys.get(key) or self.redact.key(key)
            if changed is None and clean_key is None and not inherited:
                # What most fields are: a known text, or a number.
                kind_of = type(item)
                if kind_of is str:
                    if (not of_key and known.get(item, _NEW) is None) or (  # type: ignore[arg-type]
                        of_key == IDENTIFIER and ids.get(item, _NEW) is None  # type: ignore[arg-type]
                    ):
                        self.chars += len(item)  # type: ignore[arg-type]
                        continue
                elif (
                    kind_of is float
                    or kind_of is bool
                    or (kind_of is int and of_key != "password" and item < _SHORTEST_NUMBER)  # type: ignore[operator]
                ):
                    self.chars += 8
                    continue
            if inherited and isinstance(item, str) and item and self.secrets and not item.startswith("[redacted:"):
                after: Json = self._taken("cookie")
            else:
                after = self.value(item, "cookie" if inherited else of_key, depth + 1)
            if changed is None and (after is not item or clean_key is not None):
                changed = {}
                for earlier in value:  # what came before was clean
                    if earlier == key:
                        break
                    changed[earlier] = value[earlier]
            if changed is not None:
                if clean_key is not None:
                    self.taken.update(clean_key.names)
                    key = clean_key.text
                changed[_free(key, changed)] = after
        return value if changed is None else changed

    def _taken(self, name: str) -> str:
        self.taken[name] += 1
        self.chars += len(mark(name))
        return mark(name)

    def attributes(self, value: dict[str, Json]) -> dict[str, Json]:
        """Attributes or metadata."""
        return cast("dict[str, Json]", self._object(value, PLAIN, 0)) if value else value

    def messages(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """A conversation."""
        changed = False
        found: list[Message] = []
        known = self.known
        for message in messages:
            parts = message.parts
            if (
                len(parts) == 1
                and type(part := parts[0]) is TextPart
                and message.name is None
                and known.get(part.text, _NEW) is None
            ):
                # By far the most, and mostly known from the call before: one look.
                self.chars += len(part.text)
                found.append(message)
                continue
            chars = self.clean.get(id(message))
            if chars is not None:
                self.chars += chars
                found.append(message)
                continue
            before = self.chars
            after = self._message(message)
            if after is message:
                self.clean[id(message)] = self.chars - before
            else:
                changed = True
            found.append(after)
        return tuple(found) if changed else messages

    def _message(self, message: Message) -> Message:
        parts = [self._part(part) for part in message.parts]
        name = self.optional(message.name)
        if name is message.name and all(a is b for a, b in zip(parts, message.parts, strict=True)):
            return message
        return message.model_copy(update={"parts": tuple(parts), "name": name})

    def _part(self, part: Part) -> Part:
        """A part without what was found; the id that ties a tool's call to its result stays."""
        if isinstance(part, ToolCallPart):
            given, called = self.value(part.arguments), self.text(part.name)
            same = given is part.arguments and called is part.name
            return part if same else part.model_copy(update={"arguments": given, "name": called})
        if isinstance(part, ToolResultPart):
            gave, of = self.value(part.result), self.optional(part.name)
            same = gave is part.result and of is part.name
            return part if same else part.model_copy(update={"result": gave, "name": of})
        if isinstance(part, ImagePart):
            uri = self.text(part.uri)
            return part if uri is part.uri else part.model_copy(update={"uri": uri})
        text = self.text(part.text)
        return part if text is part.text else part.model_copy(update={"text": text})

    def tool(self, tool: ToolUse | None) -> ToolUse | None:
        """What a tool was given and gave."""
        if tool is None:
            return None
        name, given, gave = self.text(tool.name), self.value(tool.arguments), self.value(tool.result)
        if name is tool.name and given is tool.arguments and gave is tool.result:
            return tool
        return tool.model_copy(update={"name": name, "arguments": given, "result": gave})

    def offered(self, tools: tuple[ToolDefinition, ...]) -> tuple[ToolDefinition, ...]:
        """Tools that a model was offered."""
        found = tuple(self._offered(tool) for tool in tools)
        return tools if all(a is b for a, b in zip(found, tools, strict=True)) else found

    def _offered(self, tool: ToolDefinition) -> ToolDefinition:
        name, told, takes = self.text(tool.name), self.optional(tool.description), self.value(tool.parameters)
        if name is tool.name and told is tool.description and takes is tool.parameters:
            return tool
        return tool.model_copy(update={"name": name, "description": told, "parameters": takes})


def _free(key: str, taken: dict[str, Json]) -> str:
    """A key that no other field has: two secrets that were keys become one marker."""
    if key not in taken:
        return key
    number = 2
    while f"{key} {number}" in taken:
        number += 1
    return f"{key} {number}"
