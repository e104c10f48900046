"""Which labels people and a judge gave the same items: the table behind every coefficient of agreement."""

from collections import Counter
from collections.abc import Sequence

from burnish.domain.agreement import Rating
from burnish.domain.base import Value

__all__ = ["Confusion", "confusion"]

MOST_GRADES = 10


class Confusion(Value):
    """Counts of items: a row a label of people's, a column a label of the judge's, both in the order of `labels`.

    `tied` items are in no row: as many people passed them as failed them.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    tied: int = 0

    @property
    def items(self) -> int:
        """How many items are in the table."""
        return sum(map(sum, self.counts))


def confusion(ratings: Sequence[Rating], pass_at: float) -> Confusion:
    """The table of `agreement.stand`: grades where both sides use more than two, else pass and fail by majority.

    Grades of several people are their mean, put with the nearest grade that anybody gave.
    """
    judged, said = {r.judge for r in ratings}, {score for r in ratings for score in r.people}
    grades = sorted(judged | said)
    if len(judged) > 2 and len(said) > 2 and len(grades) <= MOST_GRADES:
        pairs = [(_nearest(sum(r.people) / len(r.people), grades), r.judge) for r in ratings if r.people]
        return _table(tuple(f"{grade:.2g}" for grade in grades), Counter(pairs), grades, 0)
    labelled = [r for r in ratings if r.people]
    verdicts = [(r.passed(pass_at), r.judge >= pass_at) for r in labelled]
    decided = Counter((float(people), float(judge)) for people, judge in verdicts if people is not None)
    return _table(("pass", "fail"), decided, [1.0, 0.0], len(labelled) - decided.total())


def _nearest(score: float, grades: Sequence[float]) -> float:
    return min(grades, key=lambda grade: (abs(grade - score), grade))


def _table(
    labels: tuple[str, ...], pairs: Counter[tuple[float, float]], order: Sequence[float], tied: int
) -> Confusion:
    return Confusion(
        labels=labels, counts=tuple(tuple(pairs[row, column] for column in order) for row in order), tied=tied
    )
