"""A trace's spans as a tree in reading order, with their place in time."""

from collections import defaultdict
from dataclasses import dataclass

from burnish.domain.traces import Span, Trace

__all__ = ["SpanRow", "span_tree"]


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span; `start` and `width` are shares (0 to 1) of the time from the first start to the last end."""

    span: Span
    depth: int
    start: float
    width: float


def span_tree(trace: Trace) -> list[SpanRow]:
    """Children behind their parent, siblings by start. Orphans and spans in a circle of parents stand at the top."""
    if not trace.spans:
        return []
    known = {span.span_id for span in trace.spans}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in sorted(trace.spans, key=lambda span: span.started_at):
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.span_id else None
        children[parent].append(span)
    begin = min(span.started_at for span in trace.spans)
    end = max(span.ended_at or span.started_at for span in trace.spans)
    total = (end - begin).total_seconds() or 1.0
    rows: list[SpanRow] = []
    placed: set[str] = set()

    def place(first: Span) -> None:
        stack = [(first, 0)]  # a stack of our own: a chain of spans may be deeper than Python's
        while stack:
            span, depth = stack.pop()
            if span.span_id in placed:
                continue
            placed.add(span.span_id)
            start = (span.started_at - begin).total_seconds() / total
            width = max(0.0, (span.latency_s or 0.0) / total)
            rows.append(SpanRow(span, depth, start, min(width, 1.0 - start)))
            stack.extend((child, depth + 1) for child in reversed(children[span.span_id]))

    for span in children[None]:
        place(span)
    for span in trace.spans:  # what only a circle leads to
        place(span)
    return rows
