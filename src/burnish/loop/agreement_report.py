"""A judge beside people, to be read: the table, the coefficients, the ceiling that people set, and where they differ.

Counts and coefficients are over all labels; the texts are of visible traces alone, because those behind held-out
examples are sealed (docs/judges.md).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from burnish.domain.agreement import STANDARD, AlignmentState, Beside, JudgeRule, JudgeStanding, Rating, stand
from burnish.domain.alignment.compared import beside_majority, ceiling
from burnish.domain.alignment.measurement import Alignment, as_of
from burnish.domain.annotation.items import QueueProgress
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import UtcDatetime, Value, utc_now
from burnish.domain.confusion import Confusion, confusion
from burnish.domain.datasets import SplitRule
from burnish.domain.feedback import Feedback
from burnish.domain.raters import RaterAgreement
from burnish.loop.alignment import fitted_and_mates
from burnish.loop.reviewing import QueueAgreement, queue_agreement

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = [
    "Disagreement",
    "JudgeAgreement",
    "LabelCount",
    "QueueReport",
    "Said",
    "VersionAgreement",
    "judge_agreement",
    "queue_reports",
]

SHOWN = 50


class Said(Value):
    """What somebody said of a trace, and why."""

    author: str
    score: float
    comment: str | None = None
    at: UtcDatetime


class Disagreement(Value):
    """A trace that people pass and the judge fails, or the other way round."""

    trace_id: str
    people: tuple[Said, ...]
    judge: Said


class LabelCount(Value):
    """How many of the compared traces somebody labelled, and under which key."""

    author: str
    key: str
    labels: int


class VersionAgreement(Value):
    """One version of a judge beside people.

    `raters` is alpha and AC1 of the judge and the people's decision, `people` the agreement of people with each other
    on the same traces, before anybody decided between them: the ceiling. `fitted` counts traces left out because this
    version may have been made from their labels, or from those of traces like them. `disagreements` are of visible
    traces, the newest first, at most 50; `differing` counts all of them, `sealed` those that are not shown.
    """

    version: str
    standing: JudgeStanding
    confusion: Confusion
    raters: RaterAgreement
    people: RaterAgreement
    fitted: int
    differing: int
    sealed: int
    disagreements: tuple[Disagreement, ...]
    labels: tuple[LabelCount, ...]


class JudgeAgreement(Value):
    """A judge of an agent beside people, by version, the one that scored last first; `current` is the project's.

    `alignments` are the measurements that were kept, newest first.
    """

    agent: str
    judge: str
    current: str = ""
    rule: JudgeRule
    versions: tuple[VersionAgreement, ...]
    alignments: tuple[Alignment, ...] = ()

    def state(self, shown: VersionAgreement) -> AlignmentState | None:
        """How a version stands now: by its last measurement, else as its labels say."""
        measured = next((one for one in self.alignments if one.version == shown.version), None)
        if measured is None:
            return shown.standing.state
        return as_of(measured, self.judge, shown.version, self.rule, utc_now())[0]

    def version(self, wanted: str | None) -> VersionAgreement | None:
        """The version asked for, else the current one where it has labels beside it, else the newest."""
        by_name = {one.version: one for one in self.versions}
        return by_name.get(wanted or self.current) or (self.versions[0] if self.versions and not wanted else None)


class QueueReport(Value):
    """A queue: whose traces it takes (`agents`, none for all), how far it is, and how far its people agree."""

    queue: str
    title: str
    key: str
    agents: tuple[str, ...] = ()
    progress: QueueProgress
    agreement: QueueAgreement


def judge_agreement(
    store: "Store",
    agent: str,
    judge: str,
    pass_at: float,
    rule: JudgeRule = STANDARD,
    splits: SplitRule | None = None,
    *,
    current: str = "",
    uncorrected: bool = False,
) -> JudgeAgreement:
    """Hold every version of a judge against people on the agent's production traces.

    `judge` is the key of its scores; `splits` says what belongs with what it was fitted to. `uncorrected` leaves out
    traces with a correction, for a judge that is shown them.
    """
    items = store.feedback.beside_people(agent, judge, rule.label_keys)
    if uncorrected:
        corrected = {item.trace_id for item in store.feedback.corrections(agent)}
        items = {trace_id: item for trace_id, item in items.items() if trace_id not in corrected}
    newest: dict[str, UtcDatetime] = {}
    for item in items.values():
        for one in item.judges:
            newest[one.version] = max(one.created_at, newest.get(one.version, one.created_at))
    visible = store.traces.visible(list(items))
    laid = []
    for version in sorted(newest, key=lambda version: newest[version], reverse=True):
        both = {trace_id: rating for trace_id, item in items.items() if (rating := item.rating(version)) is not None}
        fitted, mates = fitted_and_mates(store, agent, judge, version, both.keys(), splits or SplitRule())
        rated = {trace_id: rating for trace_id, rating in both.items() if trace_id not in fitted | mates}
        laid.append(_version(judge, version, items, rated, len(both) - len(rated), visible, pass_at, rule))
    return JudgeAgreement(
        agent=agent,
        judge=judge,
        current=current,
        rule=rule,
        versions=tuple(laid),
        alignments=tuple(store.alignments.list(agent, judge, limit=SHOWN)),
    )


def queue_reports(store: "Store", queues: Sequence[Queue]) -> tuple[QueueReport, ...]:
    """The queues that have any labels."""
    found = [
        QueueReport(
            queue=queue.name,
            title=queue.title,
            key=queue.key,
            agents=queue.agents,
            progress=store.queues.progress(queue.name),
            agreement=queue_agreement(store, queue),
        )
        for queue in queues
    ]
    return tuple(one for one in found if one.progress.labels)


def _version(
    judge: str,
    version: str,
    items: Mapping[str, Beside],
    rated: Mapping[str, Rating],
    left_out: int,
    visible: set[str],
    pass_at: float,
    rule: JudgeRule,
) -> VersionAgreement:
    ratings = list(rated.values())
    differing = [trace_id for trace_id, rating in rated.items() if _differ(rating, pass_at)]
    shown = [_disagreement(trace_id, items[trace_id], version) for trace_id in differing if trace_id in visible]
    blind = ([one.score for one in items[i].blind if one.score is not None] for i in rated)
    counts = Counter((one.author, one.key) for trace_id in rated for one in items[trace_id].people)
    return VersionAgreement(
        version=version,
        standing=stand(judge, version, ratings, pass_at, rule),
        confusion=confusion(ratings, pass_at),
        raters=beside_majority(ratings, pass_at),
        people=ceiling(blind, pass_at),
        fitted=left_out,
        differing=len(differing),
        sealed=len(differing) - len(shown),
        disagreements=tuple(sorted(shown, key=lambda one: one.judge.at, reverse=True)[:SHOWN]),
        labels=tuple(
            LabelCount(author=author, key=key, labels=number)
            for (author, key), number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        ),
    )


def _differ(rating: Rating, pass_at: float) -> bool:
    decided = rating.passed(pass_at)
    return decided is not None and decided != (rating.judge >= pass_at)


def _disagreement(trace_id: str, item: Beside, version: str) -> Disagreement:
    verdict = next(one for one in item.judges if one.version == version)
    return Disagreement(trace_id=trace_id, people=tuple(map(_said, item.people)), judge=_said(verdict))


def _said(item: Feedback) -> Said:
    return Said(author=item.author, score=item.score or 0.0, comment=item.comment, at=item.created_at)
