"""A trace as text for a model to read: its conversation and steps in order, within a budget, fenced as data.

What a trace says is untrusted. Every line of it is indented, so that the headings at the start of a line are ours
alone, and `fence` closes it between markers that the text cannot contain.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from burnish.domain.base import Json
from burnish.domain.traces import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Span,
    SpanKind,
    SpanStatus,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Trace,
)

__all__ = ["Fenced", "fence", "render", "render_session", "shorten", "text_of"]

_SHOWN = frozenset({SpanKind.TOOL, SpanKind.RETRIEVER, SpanKind.RERANKER, SpanKind.GUARDRAIL})
_MARK_ROOM = 60  # holds the mark for any text that fits in memory


def text_of(value: Json) -> str:
    """A JSON value as text: strings as they are, nothing for null, the rest as compact JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters: what is too much goes from the middle, and a mark says how much."""
    room = limit - _MARK_ROOM
    if len(text) <= limit or room < 2:
        return text[:limit]
    tail = room // 2
    # The tail may begin inside a line of the trace: indented, it cannot pass for a heading.
    mark = f"\n[… {len(text) - room:,} characters left out …]\n  "
    return text[: room - tail] + mark + text[len(text) - tail :]


def render(trace: Trace, limit: int = 24_000) -> str:
    """The whole trajectory as text of at most `limit` characters.

    Messages that later model calls repeat are shown once; tools appear where they ran, with their errors; the agent's
    final output stands last. Over the limit, long pieces are shortened first, then the middle of the whole.
    """
    pieces = list(_Writer().pieces(trace))
    if sum(map(len, pieces)) + len(pieces) > limit:
        pieces = [shorten(piece, max(200, limit // 4)) for piece in pieces]
    return shorten("\n".join(pieces), limit)


def render_session(traces: Sequence[Trace], limit: int = 24_000) -> str:
    """The traces of a session as one record, turn by turn, in at most `limit` characters.

    What a later turn repeats of the conversation is shown once. Over the limit each turn gets an equal share.
    """
    writer = _Writer()
    turns = []
    for number, trace in enumerate(traces, start=1):
        turns.append(f"[turn {number} of {len(traces)}]\n" + "\n".join(writer.turn(trace)))
    if sum(map(len, turns)) + len(turns) > limit:
        turns = [shorten(turn, max(200, limit // len(turns))) for turn in turns]
    return shorten("\n".join(turns), limit)


@dataclass(frozen=True)
class Fenced:
    """Untrusted texts between markers. `opening(label)` is the line that begins a block, for instructions to name."""

    nonce: str
    text: str

    def opening(self, label: str) -> str:
        """The line before the block."""
        return f"<{label}-{self.nonce}>"

    def closing(self, label: str) -> str:
        """The line after the block."""
        return f"</{label}-{self.nonce}>"


def fence(blocks: Mapping[str, str]) -> Fenced:
    """Put each labelled text between markers made from the hash of all of them.

    The same texts always get the same markers, so answers can be cached, and a text that holds its own hash cannot be
    written; should a marker occur all the same, the next hash is taken.
    """
    material = json.dumps(dict(blocks), sort_keys=True).encode()
    nonce = hashlib.sha256(material).hexdigest()[:32]
    while any(nonce in text for text in blocks.values()):
        nonce = hashlib.sha256(nonce.encode() + material).hexdigest()[:32]
    empty = Fenced(nonce, "")
    parts = [f"{empty.opening(label)}\n{text}\n{empty.closing(label)}" for label, text in blocks.items()]
    return Fenced(nonce, "\n\n".join(parts))


class _Writer:
    """Walks the spans in order and remembers what it has shown."""

    def __init__(self) -> None:
        self._shown: Counter[str] = Counter()
        self._results: set[str] = set()
        self._user_texts: set[str] = set()

    def turn(self, trace: Trace) -> list[str]:
        """The pieces of one more trace of the same conversation."""
        self._user_texts.clear()  # a user may say the same in two turns
        return list(self.pieces(trace))

    def pieces(self, trace: Trace) -> Iterator[str]:
        calls = {span.span_id for span in trace.model_calls()}
        if not calls and trace.root is not None:
            calls = {trace.root.span_id}
        body = [piece for span in trace.spans for piece in self._span(span, span.span_id in calls)]
        given = text_of(trace.input)
        if given and given not in self._user_texts:
            yield _block("input of the agent", given)
        yield from body
        if trace.error is not None:
            yield _block("the agent ended with an error", trace.error)
        yield _block("final output of the agent", text_of(trace.output) or "(nothing)")

    def _span(self, span: Span, speaks: bool) -> Iterator[str]:
        if speaks and (span.input_messages or span.output_messages):
            yield from self._messages(span)
        elif span.kind in _SHOWN:
            yield self._step(span)
            return
        elif speaks and span.kind is SpanKind.LLM:
            yield _block("model call", f"asked: {text_of(span.input)}\nanswered: {text_of(span.output)}")
        if span.status is SpanStatus.ERROR:
            yield _block(f"{span.kind.value} step failed", f"{span.name}: {span.status_message or 'error'}")

    def _messages(self, span: Span) -> Iterator[str]:
        here: Counter[str] = Counter()
        for message in span.input_messages:
            key = _key(message)
            here[key] += 1
            # A later call repeats the conversation so far: only what exceeds it is new.
            if here[key] > self._shown[key]:
                self._shown[key] += 1
                yield from self._message(message)
        for message in span.output_messages:
            self._shown[_key(message)] += 1
            yield from self._message(message)

    def _message(self, message: Message) -> Iterator[str]:
        if message.role == "user":
            self._user_texts.add(message.text)
        lines = [line for part in message.parts if (line := self._part(part))]
        if lines:
            yield _block(_role(message.role), "\n".join(lines))

    def _part(self, part: Part) -> str:
        match part:
            case TextPart():
                return part.text
            case ReasoningPart():
                return f"(thinks) {part.text}"
            case ToolCallPart():
                return f"(calls) {part.name} {text_of(part.arguments)}"
            case ToolResultPart():
                result = text_of(part.result)
                known = (part.id is not None and part.id in self._results) or result in self._results
                return "" if known else f"(result) {result}"
            case ImagePart():
                return f"(image) {part.media_type or 'image'}"

    def _step(self, span: Span) -> str:
        tool = span.tool
        asked = tool.arguments if tool is not None and tool.arguments is not None else span.input
        answer = tool.result if tool is not None and tool.result is not None else span.output
        result = text_of(answer)
        if tool is not None and tool.call_id is not None:
            self._results.add(tool.call_id)
        if result:
            self._results.add(result)
        lines = [f"{tool.name if tool is not None else span.name} {text_of(asked)}", f"result: {result or '(nothing)'}"]
        if span.status is SpanStatus.ERROR:
            lines.append(f"failed: {span.status_message or 'error'}")
        return _block(f"{span.kind.value} step", "\n".join(lines))


def _key(message: Message) -> str:
    """What makes a message the same message when a later call repeats it; ids and order of fields do not count."""
    return json.dumps([message.role, *(_content(message.parts))], sort_keys=True)


def _content(parts: Iterable[Part]) -> Iterator[list[Json]]:
    for part in parts:
        match part:
            case TextPart():
                yield ["text", part.text]
            case ToolCallPart():
                yield ["call", part.name, text_of(part.arguments)]
            case ToolResultPart():
                yield ["result", part.id, text_of(part.result)]
            case ImagePart():
                yield ["image", part.uri]
            case ReasoningPart():
                continue  # providers do not send it back


def _role(role: str) -> str:
    known = {"system": "system message", "user": "user", "assistant": "agent", "tool": "tool result"}
    return known.get(role, "other message")


def _block(heading: str, text: str) -> str:
    return f"[{heading}]\n" + "\n".join(f"  {line}" for line in text.splitlines())
