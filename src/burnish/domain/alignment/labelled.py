"""A trace that both a judge and people scored: what a judge is improved from, or held against."""

from burnish.domain.base import UtcDatetime, Value
from burnish.domain.datasets import Split

__all__ = ["Labelled", "of_split", "right"]


class Labelled(Value):
    """One labelled trace.

    `passes` is the majority of people, `judge` the present judge's score and `said` whether that is a pass. `group`
    ties near-duplicates and traces of one session or user together.

    `split` is TRAIN or HELD_OUT, None where it stands between the two. `sealed` traces are behind, or resemble, a
    held-out example of the agent's dataset: nothing of their content may reach a prompt, so they are never TRAIN and
    `record` is empty. `comment` is what a person said of it, `reason` what the judge wrote, `cluster` the failure
    cluster it is in.

    For a judge with criteria `criteria` is the majority of people on each that they labelled by itself, and `differs`
    names those on which the judge said otherwise.
    """

    trace_id: str
    passes: bool
    people: tuple[float, ...] = ()
    judge: float
    said: bool
    group: str
    split: Split | None
    sealed: bool = False
    record: str = ""
    text: str = ""
    criteria: dict[str, bool] = {}
    differs: tuple[str, ...] = ()
    comment: str = ""
    reason: str = ""
    cluster: str = ""
    labelled_at: UtcDatetime

    @property
    def disagrees(self) -> bool:
        """Whether the judge and people part."""
        return self.said is not self.passes

    @property
    def teaches(self) -> bool:
        """Whether they part on the whole or on a criterion: what a judge can learn from."""
        return self.disagrees or bool(self.differs)


def of_split(items: tuple[Labelled, ...], split: Split) -> tuple[Labelled, ...]:
    """The items of one split, in order."""
    return tuple(item for item in items if item.split is split)


def right(item: Labelled, said: bool | None) -> bool:
    """Whether a verdict is people's; none, where a judge could not give one, is never right."""
    return said is item.passes
