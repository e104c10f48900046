"""The page of an item in hand: the conversation on the left, the rubric and what is asked on the right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.annotation.items import Assignment, QueueItem
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import utc_now
from burnish.domain.feedback import FeedbackSource
from burnish.domain.traces import Trace
from burnish.drivers.conversation import Call, Turn, conversation
from burnish.drivers.span_tree import span_tree
from burnish.drivers.web.render import page
from burnish.drivers.web.review_form import Entered, keys_of_grades, keys_of_labels, step_key
from burnish.drivers.web.wiring import store_of, threshold
from burnish.loop.reviewing import desk

__all__ = ["desk_page", "ended", "not_in_hand"]

MOST_TURNS = 200
MOST_STEPS = 300


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose: what it says, what the form sends, and the key it is on."""

    title: str
    value: str
    key: str


def desk_page(
    request: Request,
    queue: Queue,
    held: Assignment,
    person: Person,
    *,
    entered: Entered | None = None,
    refused: str = "",
    part: bool = False,
    status: int = 200,
) -> Response:
    """The item on the table. `entered` is what was typed and not taken, with `refused`: why; `part`: without the frame.

    Nothing that people or machines said is shown but what `loop.reviewing.desk` lets this reviewer see.
    """
    found = desk(store_of(request), queue, held)
    trace = found.trace
    whole = request.query_params.get("all") == "1"
    turns = conversation(trace) if trace is not None else ()
    rows = span_tree(trace) if trace is not None else []
    label = held.given.label if held.given is not None else None
    return page(
        request,
        "review_desk.html" if part else "review_item.html",
        status=status,
        queue=queue,
        held=held,
        trace=trace,
        turns=turns if whole else _ends(turns),
        turns_left=0 if whole else max(0, len(turns) - MOST_TURNS),
        rows=rows if whole else rows[:MOST_STEPS],
        rows_left=0 if whole else max(0, len(rows) - MOST_STEPS),
        step_names=_step_names(trace),
        told=_told(turns if whole else _ends(turns)),
        said_by_user=[one for one in found.feedback if one.source is FeedbackSource.USER],
        scores=[one for one in found.feedback if one.source not in (FeedbackSource.USER, FeedbackSource.HUMAN)],
        fail_below=threshold(request, held.item.agent),
        grades=_grades(queue),
        words=_words(queue),
        entered=entered or Entered.of_label(label, queue.ask, trace),
        refused=refused,
        seconds=max(0, round((held.lease_until - utc_now()).total_seconds())),
        may_escalate=held.item.profile == "reviewer",
        may_curate=person.role is not Role.REVIEWER and held.item.agent in request.app.state.agents,
        grade_of=_grade_of(queue),
        step_key=step_key,
        all_address=f"/review/{queue.name}/{held.item.id}?all=1",
    )


def not_in_hand(item: QueueItem, person: Person) -> Assignment:
    """An item whose lease is over, so that what was typed for it can still be shown."""
    now = utc_now()
    return Assignment(
        item=item, person=person.name, kind="label", started_at=now, lease_until=now - timedelta(seconds=1)
    )  # fmt: skip


def ended(until: str, now: datetime) -> bool:
    """Whether the lease that a form was shown with (seconds since 1970) was over."""
    return until.isdecimal() and len(until) < 15 and int(until) < now.timestamp()


def _ends(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The first and the last turns where there are very many."""
    half = MOST_TURNS // 2
    return turns if len(turns) <= MOST_TURNS else turns[:half] + turns[-half:]


def _told(turns: tuple[Turn, ...]) -> set[str]:
    """The steps that can be marked in the conversation, by `step_key`: the list of all steps has them once more."""
    calls = (part.span_id for turn in turns for part in turn.parts if isinstance(part, Call))
    whole = (turn.span_id for turn in turns if turn.role != "tool" and not turn.only_calls)
    return {step_key(span_id) for span_id in (*calls, *whole) if span_id}


def _step_names(trace: Trace | None) -> dict[str, str]:
    """What each span is called, by `step_key`."""
    spans = trace.spans if trace is not None else ()
    return {step_key(span.span_id): span.tool.name if span.tool is not None else span.name for span in spans}


def _grades(queue: Queue) -> list[Choice]:
    keys = keys_of_grades(queue.ask)
    grades = zip(queue.ask.grades, keys, strict=True)
    return [Choice(grade.title, f"{grade.score:.6g}", key) for grade, key in grades]


def _words(queue: Queue) -> list[Choice]:
    labels: Sequence[str] = queue.ask.labels
    return [Choice(label, label, key) for label, key in zip(labels, keys_of_labels(labels), strict=True)]


def _grade_of(queue: Queue) -> dict[float, str]:
    """The title of a score on the scale."""
    return {grade.score: grade.title for grade in queue.ask.grades}
