"""Ways to change a judge, and which of them goes on: measured on train labels that it was not made from."""

from collections.abc import Mapping, Sequence

from burnish.domain.alignment.labelled import Labelled, right
from burnish.domain.base import Value
from burnish.domain.evaluators.judge import Judge

__all__ = ["Candidate", "Choice", "Measured", "choose_candidate", "to_measure"]


class Candidate(Value):
    """A changed judge. `way` is "examples", "rubric" or "threshold"; `made_from` are the traces it was written from.

    They, and what is tied to them, say nothing of it: they are left out where it is measured on train.
    """

    way: str
    judge: Judge
    title: str
    rationale: str
    made_from: tuple[str, ...] = ()


class Measured(Value):
    """How a candidate did on train, beside the present judge on the same items."""

    way: str
    items: int
    fixed: int
    broken: int

    @property
    def gain(self) -> float:
        """Share of items more that are people's verdict."""
        return (self.fixed - self.broken) / self.items if self.items else 0.0


class Choice(Value):
    """What train said. `chosen` is the way that goes on, None where none does; `reason` is a full sentence."""

    chosen: str | None
    measured: tuple[Measured, ...]
    reason: str


def to_measure(candidate: Candidate, train: Sequence[Labelled], limit: int) -> tuple[Labelled, ...]:
    """The train items a candidate is measured on: none that it, or the present judge's examples, were made from.

    Over the limit those of the smallest trace ids, so that all candidates share as many as they can.
    """
    used = {*candidate.made_from, *(example.trace for example in candidate.judge.examples)}
    groups = {item.group for item in train if item.trace_id in used}
    free = sorted((i for i in train if i.trace_id not in used and i.group not in groups), key=lambda i: i.trace_id)
    return tuple(free[:limit])


def choose_candidate(
    measured: Mapping[str, tuple[Sequence[Labelled], Mapping[str, bool | None]]],
) -> Choice:
    """The way with the largest gain on train, if any has one; of equals the first.

    `measured` has, by way, the items and the candidate's verdicts by trace id; items without one are left out. What
    train shows proves nothing: it only keeps hopeless candidates from spending the level on held-out labels.
    """
    rows = []
    for way, (items, said) in measured.items():
        pairs = [(right(i, i.said), right(i, said[i.trace_id])) for i in items if i.trace_id in said]
        fixed, broken = sum(b and not a for a, b in pairs), sum(a and not b for a, b in pairs)
        rows.append(Measured(way=way, items=len(pairs), fixed=fixed, broken=broken))
    best = max(rows, key=lambda row: row.gain, default=None)
    if best is None:
        return Choice(chosen=None, measured=(), reason="No change could be drafted.")
    if best.gain <= 0:
        return Choice(chosen=None, measured=tuple(rows), reason="No change agrees better with people on train labels.")
    why = (
        f"'{best.way}' does best on {best.items} train labels: {best.fixed} right that were wrong, {best.broken} lost."
    )
    return Choice(chosen=best.way, measured=tuple(rows), reason=why)
