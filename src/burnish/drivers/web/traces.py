"""Pages of traces."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.annotation.items import QueueItem
from burnish.domain.datasets import VisibleSplit
from burnish.domain.feedback import EvaluatorFailure, Feedback
from burnish.domain.listing import TraceQuery
from burnish.domain.proposals import Cluster
from burnish.domain.traces import Message, SpanStatus, Trace
from burnish.drivers.span_tree import SpanRow, span_tree
from burnish.drivers.web.counts import summary_of
from burnish.drivers.web.render import address, page
from burnish.drivers.web.wiring import agent_filter, known_agents, store_of, threshold
from burnish.errors import InputError

__all__ = ["show", "show_list"]

PAGE = 50
REACH = 10_000  # so many traces are looked through for a page where no index leads to what is asked
PLAIN = ("agent", "text", "failing", "status")
MORE = (
    "passing", "since", "until", "environment", "release", "prompt", "model", "user", "session", "cluster", "heard",
)  # fmt: skip
MOST_SPANS = 200
MOST_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages to show: the first and the last ones where there are very many."""

    messages: tuple[Message, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A trace with all that its page says of it; `said` by who spoke, `examples` as dataset, example and split."""

    trace: Trace
    conversation: Conversation
    rows: Sequence[SpanRow]
    rows_left: int
    said: Sequence[tuple[str, list[Feedback]]]
    failures: Sequence[EvaluatorFailure]
    items: Sequence[QueueItem]
    clusters: Sequence[Cluster]
    examples: Sequence[tuple[str, str, VisibleSplit]]


def show_list(request: Request) -> Response:
    """Traces that fit the filters in the address, 50 a page; every page but the first begins behind a trace."""
    store = store_of(request)
    agent = agent_filter(request)
    agents = known_agents(request)
    asked = _asked(request, agent)
    query = _query(request, asked, agent)
    found = store.traces.page(query, REACH)
    total = None if found.searched else store.traces.count(query.model_copy(update={"before": None}))
    summaries = [summary_of(request, name).value or [] for name in ([agent] if agent else agents)]
    last = (found.traces[-1].started_at, found.traces[-1].trace_id) if found.traces else None
    return page(
        request,
        "traces.html",
        traces=found.traces,
        found=found,
        total=total,
        agents=agents,
        metrics=sorted({row.key for rows in summaries for row in rows if row.mean is not None}),
        asked=asked,
        more_open=any(asked[name] for name in MORE) or asked["origin"] != "production",
        limits={name: threshold(request, name) for name in agents},
        newest=address(request, before=None) if query.before is not None else None,
        older=address(request, before=_cursor(last)) if found.more and last is not None else None,
        further=address(request, before=_cursor(found.reached)) if found.reached is not None else None,
    )


def _asked(request: Request, agent: str | None) -> dict[str, str]:
    """The filters of the address as the form shows them again."""
    given = request.query_params
    asked = {name: given.get(name, "") for name in (*PLAIN, *MORE)}
    asked["status"] = asked["status"] if asked["status"] in [one.value for one in SpanStatus] else ""
    asked["origin"] = "experiment" if given.get("origin") == "experiment" else "production"
    asked["below"] = f"{_score(given.get('below'), threshold(request, agent)):g}"
    asked["heard"] = "1" if given.get("heard") == "1" else ""
    return asked


def _query(request: Request, asked: dict[str, str], agent: str | None) -> TraceQuery:
    limit = float(asked["below"])
    cluster = store_of(request).clusters.get(asked["cluster"]) if asked["cluster"] else None
    last = _day(asked["until"])
    return TraceQuery(
        agent=agent,
        origin="experiment" if asked["origin"] == "experiment" else "production",
        since=_day(asked["since"]),
        until=last + dt.timedelta(days=1) if last is not None else None,
        status=SpanStatus(asked["status"]) if asked["status"] else None,
        text=asked["text"] or None,
        session_id=asked["session"] or None,
        user_id=asked["user"] or None,
        environment=asked["environment"] or None,
        release=asked["release"] or None,
        prompt_version=asked["prompt"] or None,
        model=asked["model"] or None,
        below=(asked["failing"], limit) if asked["failing"] else None,
        at_least=(asked["passing"], limit) if asked["passing"] else None,
        heard=bool(asked["heard"]),
        ids=cluster.trace_ids if cluster is not None else None,
        before=_before(request.query_params.get("before")),
        limit=PAGE,
    )


def show(request: Request) -> Response:
    """One trace: conversation, steps in time, scores. A large one is read while its head is on the way."""
    head, spans = store_of(request).traces.head(request.path_params["trace_id"])
    return page(
        request,
        "trace.html",
        long=spans > MOST_SPANS,
        head=head,
        read=lambda: _read(request, head),
        bar=_bar,
        fail_below=threshold(request, head.agent),
        reviewing="/review" in request.app.state.paths,
    )


def _read(request: Request, head: Trace) -> Reading:
    store = store_of(request)
    trace = store.traces.get(head.trace_id)
    whole = request.query_params.get("all") == "1"
    rows = span_tree(trace)
    return Reading(
        trace=trace,
        conversation=_conversation(trace, whole),
        rows=rows if whole else rows[:MOST_SPANS],
        rows_left=0 if whole else max(0, len(rows) - MOST_SPANS),
        said=_by_source(store.feedback.for_trace(trace.trace_id)),
        failures=store.feedback.failures([trace.trace_id]).get(trace.trace_id, []),
        items=store.queues.of_trace(trace.trace_id),
        clusters=store.clusters.of_trace(trace.agent, trace.trace_id),
        examples=store.datasets.of_trace(trace.agent, trace.trace_id),
    )


def _by_source(items: Sequence[Feedback]) -> list[tuple[str, list[Feedback]]]:
    """What was said of a trace, people first."""
    order = {
        "human": "People",
        "user": "The agent's user",
        "judge": "Judges",
        "code": "Checks",
        "external": "Elsewhere",
    }
    return [
        (title, found)
        for source, title in order.items()
        if (found := [item for item in items if item.source.value == source])
    ]


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


def _cursor(at: tuple[dt.datetime, str] | None) -> str | None:
    return None if at is None else f"{at[0].isoformat()} {at[1]}"


def _before(text: str | None) -> tuple[dt.datetime, str] | None:
    if not text:
        return None
    moment, _, trace_id = text.partition(" ")
    try:
        started = dt.datetime.fromisoformat(moment)
    except ValueError as error:
        raise InputError(f"'{text[:40]}' is not a place in the list") from error
    if started.tzinfo is None or not trace_id:
        raise InputError(f"'{text[:40]}' is not a place in the list")
    return started, trace_id


def _day(text: str) -> dt.datetime | None:
    """The beginning (UTC) of a day written as 2026-03-14."""
    if not text:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"'{text[:20]}' is not a day; write it as 2026-03-14") from error
    if day == dt.date.max:
        raise InputError(f"'{text[:20]}' is not a day anybody lives to see")
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


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
