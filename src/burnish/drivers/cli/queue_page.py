"""A queue and an item in hand on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from burnish.drivers.cli.output import Column, console, heading, print_text, table
from burnish.drivers.figures import duration

if TYPE_CHECKING:
    from burnish.domain.annotation.items import QueueItem, QueueProgress
    from burnish.domain.annotation.order import Estimate
    from burnish.domain.annotation.queues import Queue
    from burnish.domain.raters import RaterAgreement
    from burnish.loop.reviewing import Desk, QueueAgreement

__all__ = ["desk_json", "print_desk", "print_queue", "progress_row"]


def progress_row(queue: "Queue", progress: "QueueProgress") -> list[str]:
    """Cells of the list of queues."""
    counts = (progress.open, progress.disputed, progress.settled, progress.in_hand, progress.labels)
    return [
        queue.name,
        queue.profile,
        *map(str, counts),
        f"{progress.today}/{queue.daily_cap}",
        duration(progress.median_s),
        ", ".join(queue.agents) or "all",
    ]


def print_queue(
    queue: "Queue",
    progress: "QueueProgress",
    agreement: "QueueAgreement",
    items: Sequence["QueueItem"],
    judge: str | None,
    right: "Estimate | None",
) -> None:
    """One queue on a page."""
    print_text(queue.title or queue.name, style="bold")
    console().print(
        f"{progress.open} open, {progress.disputed} disputed, {progress.settled} settled, "
        f"{progress.experts} waiting for an expert, {progress.in_hand} in hand, "
        f"{progress.today} of {queue.daily_cap} came in today"
    )
    if progress.reviewers:
        heading("reviewers")
        table(
            [
                Column("reviewer", flexible=True),
                *(Column(t, right=True) for t in ("labels", "decided", "in hand", "skipped", "median")),
            ],
            [
                (one.person, *map(str, (one.labels, one.adjudications, one.in_hand, one.skips)), duration(one.median_s))
                for one in progress.reviewers
            ],
        )
    for what, found in (("scores", agreement.scores), ("labels", agreement.labels)):
        if found is not None and found.items:
            print_text(_agreement(what, found))
    if (kappa := agreement.kappa) is not None and kappa.kappa is not None:
        print_text(f"Kappa of the two: {kappa.kappa_text} on {kappa.items} items.")
    if judge is not None and right is None:
        print_text(f"Not enough labels yet to say how often {judge} is right.")
    elif judge is not None and right is not None:
        interval = f"{right.low:.0%} to {right.high:.0%}"
        print_text(f"{judge} is right on {right.mean:.0%} ({interval}), from {right.labelled} items.")
        if right.waiting:
            print_text(f"{right.waiting} more wait for a decision; the interval holds however they are decided.")
        print_text("Labels count here in their order, up to the first item of each day that nobody has taken up.")
    if items:
        heading(f"items ({len(items)} of {progress.items})")
        table(
            [
                Column("item"),
                Column("trace"),
                Column("state"),
                Column("with"),
                Column("labels"),
                Column("because", flexible=True),
            ],
            [
                (
                    one.id[:8],
                    one.trace_id[:12],
                    one.state.value,
                    one.profile,
                    f"{one.given}/{one.wanted}",
                    ", ".join(one.reasons),
                )
                for one in items
            ],
        )


def desk_json(queue: "Queue", found: "Desk") -> dict[str, Any]:
    """An item in hand for a program: what is asked, the rubric, the trace, and the feedback that may be seen."""
    return {
        "assignment": found.assignment.model_dump(mode="json"),
        "ask": {**queue.ask.model_dump(mode="json"), "grades": [grade._asdict() for grade in queue.ask.grades]},
        "rubric": queue.instructions.model_dump(mode="json") if queue.instructions is not None else None,
        "trace": found.trace.model_dump(mode="json") if found.trace is not None else None,
        "feedback": [one.model_dump(mode="json") for one in found.feedback],
    }


def print_desk(queue: "Queue", found: "Desk") -> None:
    """An item in hand for a person."""
    from burnish.drivers.cli.trace_page import print_trace

    held = found.assignment
    print_text(f"{queue.name}: item {held.item.id}", style="bold")
    because = f"Because: {', '.join(held.item.reasons)}. " if held.item.reasons else ""
    print_text(f"{because}Yours until {held.lease_until:%H:%M} UTC.")
    for note in held.notes:
        print_text(f"Handed on: {note}")
    for one in held.labels:
        said = one.label.model_dump(exclude_none=True, exclude_defaults=True)
        print_text(f"{one.person} said: {said}")
    if queue.instructions is not None:
        heading("rubric")
        print_text(queue.instructions.rubric, indent=2)
        for name, text in queue.instructions.criteria.items():
            print_text(f"{name}: {text}", indent=2)
    if found.trace is None:
        print_text("The trace is no longer in the store: skip this item.")
    else:
        print_trace(found.trace, found.feedback, [], full=True)
    heading("asked")
    grades = ", ".join(f"{grade.score:.3g} {grade.title}" for grade in queue.ask.grades)
    asked = {"--score": grades, "--label": ", ".join(queue.ask.labels)}
    for option, choices in asked.items():
        if choices:
            print_text(f"{option}: {choices}", indent=2)
    print_text(f"burnish queues label {queue.name} {held.item.id} --as {held.person} …", indent=2)


def _agreement(what: str, found: "RaterAgreement") -> str:
    from burnish.domain.agreement import with_interval

    def figure(name: str, value: float | None, low: float | None, high: float | None) -> str:
        return f"{name} undefined" if value is None else f"{name} {with_interval(value, low, high)}"

    return (
        f"Agreement on {what}: {found.observed or 0:.0%} of pairs equal, "
        f"{figure('alpha', found.alpha, found.alpha_low, found.alpha_high)}, "
        f"{figure('AC1', found.ac1, found.ac1_low, found.ac1_high)}, on {found.items} items."
    )
