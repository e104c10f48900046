"""Pages of traces."""

import math
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.listing import TraceQuery
from burnish.domain.traces import Message, SpanStatus, Trace
from burnish.drivers.span_tree import SpanRow, span_tree
from burnish.drivers.web.render import address, page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of, threshold
from burnish.errors import InputError

__all__ = ["show", "show_list"]

PAGE = 50
MOST_SPANS = 300
MOST_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages to show: the first and the last ones where there are very many."""

    messages: tuple[Message, ...]
    left_out: int


def show_list(request: Request) -> Response:
    """Traces that fit the filters in the address, 50 a page."""
    store = store_of(request)
    asked = request.query_params
    agent = agent_filter(request)
    number = _number(asked.get("page"), 1)
    failing = asked.get("failing") or None
    below = _score(asked.get("below"), threshold(request, agent))
    query = TraceQuery(
        agent=agent,
        origin="experiment" if asked.get("origin") == "experiment" else "production",
        status=SpanStatus(asked["status"]) if asked.get("status") in [s.value for s in SpanStatus] else None,
        text=asked.get("text") or None,
        session_id=asked.get("session") or None,
        below=(failing, below) if failing else None,
        limit=PAGE,
        offset=(number - 1) * PAGE,
    )
    total = store.traces.count(query)
    agents = known_agents(request)
    keys = sorted({row.key for name in ([agent] if agent else agents) for row in store.feedback.summary(name)})
    return page(
        request,
        "traces.html",
        traces=store.traces.list(query),
        total=total,
        first=query.offset + 1,
        agents=agents,
        metrics=keys,
        asked={
            "agent": agent or "",
            "status": query.status.value if query.status else "",
            "text": query.text or "",
            "failing": failing or "",
            "below": f"{below:g}",
            "session": query.session_id or "",
            "origin": query.origin,
        },
        limits={name: threshold(request, name) for name in agents},
        newer=address(request, page=str(number - 1)) if number > 1 else None,
        older=address(request, page=str(number + 1)) if query.offset + PAGE < total else None,
    )


def show(request: Request) -> Response:
    """One trace: conversation, steps in time, scores."""
    store = store_of(request)
    trace = store.traces.get(request.path_params["trace_id"])
    whole = request.query_params.get("all") == "1"
    rows = span_tree(trace)
    return page(
        request,
        "trace.html",
        trace=trace,
        conversation=_conversation(trace, whole),
        rows=rows if whole else rows[:MOST_SPANS],
        rows_left=0 if whole else max(0, len(rows) - MOST_SPANS),
        bar=_bar,
        feedback=store.feedback.for_trace(trace.trace_id),
        failures=store.feedback.failures([trace.trace_id]).get(trace.trace_id, []),
        fail_below=threshold(request, trace.agent),
    )


def _conversation(trace: Trace, whole: bool) -> Conversation:
    messages = trace.messages()
    left = len(messages) - MOST_MESSAGES
    if whole or left <= 0:
        return Conversation(messages, 0)
    half = MOST_MESSAGES // 2
    return Conversation(messages[:half] + messages[-half:], left)


def _bar(row: SpanRow) -> dict[str, str]:
    """Where a span's bar begins and how long it is, in the 200 units of the picture; at least 2 so that it is seen."""
    width = max(2.0, row.width * 200)
    return {"x": f"{min(row.start * 200, 200 - width):.1f}", "width": f"{width:.1f}"}


def _number(text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise InputError(f"'{text[:20]}' is not a page number")
    return int(text)


def _score(text: str | None, default: float) -> float:
    if not text:
        return default
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"'{text[:20]}' is not a score") from error
    if not math.isfinite(value):
        raise InputError(f"'{text[:20]}' is not a score")
    return value
