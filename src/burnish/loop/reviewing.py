"""What a reviewer has before them, and how far the reviewers of a queue agree: for the command line and the pages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.domain.agreement import Agreement, agree, majority
from burnish.domain.annotation.items import Assignment, Handed, ItemState
from burnish.domain.annotation.labels import GivenLabel, Label, visible_feedback
from burnish.domain.annotation.order import Drawn, Estimate, estimate
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import Json, Value
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.raters import RaterAgreement, raters_agree
from burnish.domain.traces import Trace
from burnish.errors import InputError
from burnish.loop.curate import curate_trace, scored_by_judge
from burnish.loop.screen import Screens
from burnish.project import AgentConfig

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = [
    "Desk",
    "QueueAgreement",
    "desk",
    "example_now",
    "give_label",
    "judge_share",
    "pass_on",
    "person_called",
    "queue_agreement",
]


class Desk(Value):
    """An item in hand with its trace, and the feedback this reviewer may see of it while labelling.

    `trace` is None where the trace has been pruned meanwhile: skip such an item.
    """

    assignment: Assignment
    trace: Trace | None
    feedback: tuple[Feedback, ...] = ()


class QueueAgreement(Value):
    """How far the people of a queue agree with each other, before any adjudication.

    `scores` and `labels` are over all of them, `kappa` is of the scores where exactly two people labelled.
    """

    people: tuple[str, ...] = ()
    scores: RaterAgreement | None = None
    labels: RaterAgreement | None = None
    kappa: Agreement | None = None


def person_called(store: "Store", name: str, *, expert: bool = False) -> Person:
    """Who works under this name: an account where there are any, else whoever says so.

    Raises NotFoundError where there are accounts and none of that name, InputError where a reviewer claims to be an
    expert.
    """
    if not store.users.list():
        return Person(name=name, role=Role.EXPERT if expert else Role.REVIEWER)
    person = store.users.get(name).person
    if expert and person.role is Role.REVIEWER:
        raise InputError(
            f"{name} has the role reviewer; an admin changes it with `burnish users add {name} --role expert`"
        )
    return person


def desk(store: "Store", queue: Queue, assignment: Assignment) -> Desk:
    """Put the trace of an assignment on the table.

    Without `show_scores` the item does not say why it is here either: "task_done under 0.5" tells what the judge said.
    """
    if not queue.show_scores:
        unsaid = assignment.item.model_copy(update={"reasons": ()})
        assignment = assignment.model_copy(update={"item": unsaid})
    trace_id = assignment.item.trace_id
    feedback = visible_feedback(
        store.feedback.for_trace(trace_id),
        assignment.person,
        settled=False,
        show_scores=queue.show_scores,
        adjudicates=assignment.kind == "adjudication",
    )
    trace = next(store.traces.load([trace_id]), None)
    return Desk(assignment=assignment, trace=trace, feedback=tuple(feedback))


def give_label(store: "Store", queue: Queue, item_id: str, person: Person, label: Label, screens: Screens) -> Handed:
    """Take a label as `QueueStore.give` does, without what the rules of the item's agent take out of its words."""
    item = store.queues.get(item_id)
    told: dict[str, Json] = {name: getattr(label, name) for name in ("comment", "correction", "span_comment")}
    clean, counts = screens.of(item.agent).checked({**told, "criteria": list(label.criteria)})
    clean["criteria"] = tuple(clean["criteria"])
    handed = store.queues.give(queue, item.id, person, label.model_copy(update=clean))
    if handed.accepted:
        store.redactions.add(item.agent, counts)
    return handed


def pass_on(
    store: "Store",
    queue: Queue,
    item_id: str,
    person: Person,
    note: str,
    screens: Screens,
    *,
    escalate: bool = False,
) -> Handed:
    """Skip an item or hand it on to the experts; the note goes through the rules of the item's agent first."""
    item = store.queues.get(item_id)
    clean, counts = screens.of(item.agent).checked(note)
    act = store.queues.escalate if escalate else store.queues.skip
    handed = act(queue, item.id, person, clean)
    if handed.accepted:
        store.redactions.add(item.agent, counts)
    return handed


def example_now(
    store: "Store", config: AgentConfig, evaluators: Sequence[Evaluator], trace_id: str, *, corrected: bool = True
) -> str:
    """Make an example of what people said of a trace at once, as the next night would; what became of it, in words.

    `corrected`: there is a correction among it, not only criteria. The words are the same whether or not the trace is
    held out.
    """
    from burnish.adapters.store import OpenStore

    night = store.nights.unfinished(config.name)
    if night is not None:
        return f"A night of {config.name} is under way; the next one makes an example of it."
    done = curate_trace(OpenStore(store), config, evaluators, trace_id)
    if done.without_input:
        return "It cannot be an example: the trace holds no input to run again."
    if done.left_out:
        return "It is left out of the dataset: it resembles examples of two splits."
    if not corrected and not scored_by_judge(config, evaluators):
        return (
            f"Criteria go onto the example of this input where there is one; alone they make none, since "
            f"'{config.improve.metric}' is no judge that could hold an output against them."
        )
    return "It is an example now; the grouping rule says in which split."


def queue_agreement(store: "Store", queue: Queue) -> QueueAgreement:
    """Agreement over the blind labels of a queue's items."""
    given = store.queues.labels([item.id for item in store.queues.list(queue.name)])
    blind = [[one for one in labels if one.kind == "label"] for labels in given.values()]
    people = tuple(sorted({one.person for labels in blind for one in labels}))
    scores = [[one.label.score for one in labels if one.label.score is not None] for labels in blind]
    words = [[one.label.value for one in labels if one.label.value is not None] for labels in blind]
    scale = queue.ask.scale
    return QueueAgreement(
        people=people,
        scores=raters_agree(scores, "ordinal" if scale > 2 else "nominal", scale) if scale else None,
        labels=raters_agree(words, "nominal", len(queue.ask.labels)) if queue.ask.labels else None,
        kappa=_kappa(people, blind, scale) if len(people) == 2 and scale else None,
    )


def judge_share(store: "Store", queue: Queue, judge: str, pass_at: float = 0.5) -> Estimate | None:
    """On which share of what the queue's rules bring in the judge's newest verdict is the people's, from labels so far.

    Labels come in an order that leans to what the judge is unsure of; this takes the leaning out (`order.estimate`).
    Items that people are done with and gave no verdict on (no score, or a tie) are left out, as are those on which the
    judge has none; what is disputed, skipped or in hand waits and holds nothing up. None below two labelled items.
    """
    items = store.queues.list(queue.name)
    said = store.feedback.for_traces([item.trace_id for item in items])
    labels = store.queues.labels([item.id for item in items])
    met = store.queues.met(queue.name)
    drawn = []
    for item in items:
        verdicts = [one.score for one in said[item.trace_id] if one.key == judge and one.source is FeedbackSource.JUDGE]
        verdict = verdicts[-1] if verdicts else None
        if verdict is None:
            continue
        human = _decided(labels[item.id], pass_at)
        if human is None and item.state is ItemState.SETTLED:
            continue
        right = None if human is None else float(human == (verdict >= pass_at))
        drawn.append(Drawn(item.weight, item.rank, right, item.created_at.date().isoformat(), item.id in met))
    return estimate(drawn)


def _decided(given: Sequence[GivenLabel], pass_at: float) -> bool | None:
    """What people say of an item: the adjudication, else the majority; None without a score or at a tie."""
    final = [one for one in given if one.kind == "adjudication"] or given
    return majority([one.label.score for one in final if one.label.score is not None], pass_at)


def _kappa(people: tuple[str, ...], blind: Sequence[Sequence[GivenLabel]], scale: int) -> Agreement:
    pairs = []
    for labels in blind:
        by = {one.person: one.label.score for one in labels if one.label.score is not None}
        if len(by) == 2:
            pairs.append((by[people[0]], by[people[1]]))
    one, other = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return agree(one, other, weights="quadratic" if scale > 2 else "none")
