"""One agent's rules applied to whole traces and to feedback: secrets and personal data out, sizes held."""

from collections import Counter
from typing import Any, NamedTuple

from burnish.domain.base import Json
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.redaction.content import feedback_structure, span_structure, trace_structure
from burnish.domain.redaction.limits import SHORTEST, shorten_head, shorten_span
from burnish.domain.redaction.rules import LimitRule, RedactionRule
from burnish.domain.redaction.text import TextRedactor
from burnish.domain.redaction.walk import Walk
from burnish.domain.traces import Span, Trace

__all__ = ["HEAD", "LONG_SPAN", "LONG_TEXT", "MANY_SPANS", "RedactedTrace", "Redactor", "Taken"]

# What was found, by span id; HEAD is the trace itself. Sizes are counted beside the detectors.
Taken = dict[str, Counter[str]]
HEAD = ""
LONG_TEXT, LONG_SPAN, MANY_SPANS = "limit_text", "limit_span", "limit_spans"
LEFT_OUT = "burnish.left_out"

# For counting characters.
_NOTHING = TextRedactor(RedactionRule(secrets=False, personal=()))
_NAMES = ("name", "environment", "release", "prompt_name", "prompt_version")


class RedactedTrace(NamedTuple):
    """A trace as it may be stored, and the counts of what was taken out of its parts."""

    trace: Trace
    taken: Taken


class Redactor:
    """Takes out of traces and feedback what the rules name. Safe to share between threads.

    Ids of traces, spans and tool calls are never touched, so that everything stays tied together. Doing it again
    changes nothing.
    """

    def __init__(self, rule: RedactionRule | None = None, limits: LimitRule | None = None) -> None:
        self.rule = rule or RedactionRule()
        self.limits = limits or LimitRule()
        self.text = TextRedactor(self.rule)

    def trace(self, trace: Trace) -> RedactedTrace:
        """The trace without secrets and personal data, within the limits, and what was taken out of each part."""
        taken: Taken = {}
        spans = trace.spans
        left_out = len(spans) - self.limits.spans
        if left_out > 0:
            spans = _most_telling(spans, self.limits.spans)
        after: list[Span] = []
        left = self.limits.trace
        clean: dict[int, int] = {}
        for span in spans:
            one, counts, chars = self._span(span, min(self.limits.span, left), clean)
            left = max(SHORTEST, left - chars)
            if counts:
                taken[span.span_id] = counts
            after.append(one)
        same = left_out <= 0 and all(a is b for a, b in zip(after, spans, strict=True))
        head, counts = self._head(trace)
        if left_out > 0:
            counts[MANY_SPANS] += left_out
            head = head.model_copy(update={"metadata": {**head.metadata, LEFT_OUT: f"{left_out:,} spans left out"}})
        if counts:
            taken[HEAD] = counts
        return RedactedTrace(head if same else head.model_copy(update={"spans": tuple(after)}), taken)

    def feedback(self, item: Feedback) -> tuple[Feedback, Counter[str]]:
        """Feedback without what was found in its comment, label and correction.

        Of a user the author too; reviewers and evaluators must be told apart, so theirs stays.
        """
        walk = self._walk()
        value = walk.text(item.value) if isinstance(item.value, str) else item.value
        fields = {"value": value, "comment": walk.optional(item.comment), "correction": walk.value(item.correction)}
        author = walk.text(item.author) if item.source is FeedbackSource.USER else item.author
        if any(found is not getattr(item, name) for name, found in fields.items()) or author is not item.author:
            item = item.model_copy(update={**fields, "author": author})
        return (item if self.rule.keep_content else feedback_structure(item)), walk.taken

    def value(self, value: Any) -> Any:
        """A JSON value that is no part of a trace, such as the output of an offline run."""
        return self.checked(value)[0]

    def checked(self, value: Any) -> tuple[Any, Counter[str]]:
        """`value` with the counts of what was taken out."""
        walk = self._walk()
        return walk.value(value), walk.taken

    def _walk(self, clean: dict[int, int] | None = None) -> Walk:
        # Without content a span's messages are made anew, and an identity is good only while its message lives.
        return Walk(self.text, secrets=self.rule.secrets, clean=clean if self.rule.keep_content else None)

    def _span(self, span: Span, limit: int, clean: dict[int, int]) -> tuple[Span, Counter[str], int]:
        if not self.rule.keep_content:
            span = span_structure(span)
        walk = self._walk(clean)
        name, message = walk.text(span.name), walk.optional(span.status_message)
        read, wrote = walk.messages(span.input_messages), walk.messages(span.output_messages)
        given, gave = walk.value(span.input), walk.value(span.output)
        tool, attributes = walk.tool(span.tool), walk.attributes(span.attributes)
        offered = walk.offered(span.tool_definitions)
        if walk.taken:
            span = span.model_copy(
                update={
                    "name": name,
                    "status_message": message,
                    "input_messages": read,
                    "output_messages": wrote,
                    "input": given,
                    "output": gave,
                    "tool": tool,
                    "tool_definitions": offered,
                    "attributes": attributes,
                }
            )
        chars = walk.chars
        if chars > min(limit, self.limits.text):  # below that no text of it can be too long
            span, chars = self._within(span, limit, walk.taken)
        return span, walk.taken, chars

    def _within(self, span: Span, limit: int, taken: Counter[str]) -> tuple[Span, int]:
        """The span in `limit` characters: its texts are cut shorter and shorter, at last all that was said goes."""
        longest = self.limits.text
        before = span
        while longest >= SHORTEST:
            span, count = shorten_span(before, longest)
            size = self._size(span)
            if size <= limit:
                if count:
                    taken[LONG_TEXT] += count
                return span, size
            longest //= 2
        taken[LONG_SPAN] += 1
        size = self._size(before)
        span = span_structure(before)
        note = {LEFT_OUT: f"{size:,} characters left out"}
        return span.model_copy(update={"attributes": {**_few(span.attributes), **note}}), SHORTEST

    def _size(self, span: Span) -> int:
        walk = Walk(_NOTHING, secrets=False)
        walk.messages(span.input_messages)
        walk.messages(span.output_messages)
        walk.value(span.input)
        walk.value(span.output)
        walk.tool(span.tool)
        walk.offered(span.tool_definitions)
        walk.attributes(span.attributes)
        return walk.chars

    def _head(self, trace: Trace) -> tuple[Trace, Counter[str]]:
        if not self.rule.keep_content:
            trace = trace_structure(trace)
        walk = self._walk()
        fields = {
            "input": walk.value(trace.input),
            "output": walk.value(trace.output),
            "metadata": walk.attributes(trace.metadata),
            "status_message": walk.optional(trace.status_message),
            "session_id": walk.identity(trace.session_id),
            "user_id": walk.identity(trace.user_id) if self.rule.user_ids == "keep" else None,
            **{name: walk.optional(getattr(trace, name)) for name in _NAMES},
        }
        if any(found is not getattr(trace, name) for name, found in fields.items()):
            trace = trace.model_copy(update=fields)
        limit = min(self.limits.text, self.limits.span)
        if walk.chars > limit:
            longest = limit
            trace, count = shorten_head(trace, longest)
            walk.taken[LONG_TEXT] += count
        return trace, +walk.taken


def _few(attributes: dict[str, Json]) -> dict[str, Json]:
    """The short ones, a hundred at most."""
    return {
        key: value for key, value in list(attributes.items())[:100] if len(str(value)) <= SHORTEST and len(key) < 200
    }


def _most_telling(spans: tuple[Span, ...], most: int) -> tuple[Span, ...]:
    """The root and the first ones: parents begin before their children, so what is kept stays tied together."""
    known = {span.span_id for span in spans}
    root = next((span for span in spans if span.parent_id is None or span.parent_id not in known), spans[0])
    first = [span for span in sorted(spans, key=lambda span: span.started_at) if span is not root][: most - 1]
    kept = {span.span_id for span in first} | {root.span_id}
    return tuple(span for span in spans if span.span_id in kept)[:most]
