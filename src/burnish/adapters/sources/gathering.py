"""Spans that a store gives one by one, to traces or parts of them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from burnish.adapters.sources.base import Problem
from burnish.adapters.sources.fields import Item
from burnish.domain.exchange import exchange
from burnish.domain.traces import Span, SpanStatus, Trace

__all__ = ["Gathered", "gathered", "grouped", "trace_of"]

Member = tuple[Item, Span]


class Gathered(NamedTuple):
    """Spans of one trace by their start, and what they were mapped from, what `top` was mapped from first.

    `top` is the root; None where it is not among them.
    """

    spans: tuple[Span, ...]
    items: list[Item]
    top: Span | None


def grouped(
    items: Iterable[Item], map_item: Callable[[Item], Span | Problem]
) -> tuple[list[list[Member]], list[Problem]]:
    """The spans of each trace with what they were mapped from; of two with one id the later counts."""
    traces: dict[str, dict[str, Member]] = {}
    problems: list[Problem] = []
    for item in items:
        span = map_item(item)
        if isinstance(span, Problem):
            problems.append(span)
        else:
            traces.setdefault(span.trace_id, {})[span.span_id] = (item, span)
    return [list(members.values()) for members in traces.values()], problems


def gathered(members: list[Member], is_root: Callable[[Item], bool] | None = None) -> Gathered:
    """One trace's spans together. The root is what `is_root` knows for one, else the first without a parent."""
    members = sorted(members, key=lambda pair: (pair[1].started_at, pair[1].parent_id is not None))
    top = next((pair for pair in members if is_root is not None and is_root(pair[0])), None)
    top = top or next((pair for pair in members if pair[1].parent_id is None), None)
    items = [item for item, _ in members]
    return Gathered(
        spans=tuple(span for _, span in members),
        items=items if top is None else [top[0], *items],
        top=None if top is None else top[1],
    )


def trace_of(found: Gathered, agent: str, source: str, facts: dict[str, Any]) -> Trace:
    """The trace, with the `facts` that the store tells of it: fields of a Trace by name.

    A part without its root cannot say what the agent was asked; the part that has it will.
    """
    spans, top = found.spans, found.top
    asked, answered = exchange(top, spans) if top is not None else (None, None)
    known = {span.span_id for span in spans}
    root = top or next((span for span in spans if span.parent_id not in known), spans[0])
    told = {
        "trace_id": root.trace_id,
        "agent": agent,
        "source": source,
        "name": root.name,
        "started_at": spans[0].started_at,
        "ended_at": max((span.ended_at for span in spans if span.ended_at is not None), default=None),
        "status": top.status if top is not None else SpanStatus.UNSET,
        "status_message": top.status_message if top is not None else None,
        "input": asked,
        "output": answered,
        "spans": spans,
    }
    return Trace.model_validate(told | facts)
