"""Few-shot examples for a judge, from train labels on which it and people part: chosen to cover, not at random."""

import re
from collections.abc import Sequence
from typing import Literal

from burnish.domain.alignment.labelled import Labelled
from burnish.domain.evaluators.judge import MAX_EXAMPLES, Judge, JudgeExample
from burnish.domain.trajectories import shorten

__all__ = ["choose_examples", "with_examples"]

MAX_REASON = 400


def choose_examples(items: Sequence[Labelled], count: int, taken: Sequence[str] = ()) -> tuple[Labelled, ...]:
    """At most `count` disagreements that cover both directions of error and as many kinds of it as there are.

    The directions (the judge passes what people fail, and the other way round) take turns, the more frequent first.
    Where they part on single criteria alone, what people say of the first of these is the direction. Within one, a
    disagreement on the whole goes before one on a criterion, one that shows a criterion no example is about yet before
    another, a cluster that no example is from yet goes first, then a group that none is from, then one that a person
    commented, then the one that shares the fewest words with those chosen. `taken` traces are examples already.
    """
    pool = sorted((i for i in items if i.teaches and i.record and i.trace_id not in taken), key=lambda i: i.trace_id)
    directions = [[item for item in pool if _direction(item) is side] for side in (False, True)]
    directions.sort(key=len, reverse=True)
    words = {item.trace_id: frozenset(re.findall(r"\w+", item.record.lower())) for item in pool}
    chosen: list[Labelled] = []
    turn = 0
    while len(chosen) < count and any(directions):
        side = directions[turn % 2]
        turn += 1
        if not side:
            continue
        clusters = {item.cluster for item in chosen}
        groups = {item.group for item in chosen}
        shown = {name for item in chosen for name in item.differs}
        best = min(
            side,
            key=lambda item: (
                not item.disagrees,
                shown.issuperset(item.differs),
                bool(item.cluster) and item.cluster in clusters,
                item.group in groups,
                not item.comment,
                max((_overlap(words[item.trace_id], words[one.trace_id]) for one in chosen), default=0.0),
                item.trace_id,
            ),
        )
        side.remove(best)
        chosen.append(best)
    return tuple(chosen)


def with_examples(judge: Judge, chosen: Sequence[Labelled], record_chars: int, most: int = MAX_EXAMPLES) -> Judge:
    """The judge with people's verdicts on the chosen traces as further examples, the newest `most` of them all.

    A record is cut to `record_chars`. The reason is the person's comment, where there is one. For a judge that grades,
    the verdict is the grade nearest to the mean of people's scores; for one with criteria it is theirs by criterion
    where they labelled any by itself, else theirs of the whole.
    """
    new = [
        JudgeExample(
            record=shorten(item.record, record_chars),
            verdict=_verdict(judge, item),
            reason=shorten(item.comment.strip(), MAX_REASON),
            trace=item.trace_id,
        )
        for item in chosen
    ]
    return judge.model_copy(update={"examples": tuple([*judge.examples, *new][-min(most, MAX_EXAMPLES) :])})


def _direction(item: Labelled) -> bool:
    """What people say where the judge says the other thing."""
    return item.passes if item.disagrees else item.criteria[item.differs[0]]


def _verdict(judge: Judge, item: Labelled) -> str | int | dict[str, Literal["pass", "fail"]]:
    if judge.criteria and item.criteria:
        return {name: "pass" if item.criteria[name] else "fail" for name in judge.criteria if name in item.criteria}
    if judge.scale is None:
        return "pass" if item.passes else "fail"
    mean = sum(item.people) / len(item.people)
    return 1 + round(mean * (judge.scale - 1))


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    union = len(left | right)
    return len(left & right) / union if union else 1.0
