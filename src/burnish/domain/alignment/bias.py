"""What a judge lets count that should not: the place of an answer, and its length."""

from burnish.domain.agreement import Rate
from burnish.domain.base import Value

__all__ = ["LengthBias", "PositionBias"]


class PositionBias(Value):
    """Of pairs asked in both orders, on how many the place decided, and which place won.

    `flips` is the share of `count` pairs on which the two orders contradict each other. `first` is, of those on which
    one place won in both orders, the share that the first place won; `p_value` is of the exact two-sided test that it
    is a half. None where no place ever won. `reading` says it in one sentence.
    """

    flips: Rate
    first: Rate | None = None
    p_value: float | None = None
    reading: str = ""


class LengthBias(Value):
    """How far a judge departs from people by the length of the output.

    Among items on which people agree in their verdict (they pass it, they fail it), the items are halved by length.
    `gap` is the judge's pass rate on the long half minus that on the short half, over both kinds of items
    (Mantel-Haenszel), with its 95 % interval. `association` is the rank correlation of length with what the judge
    scored, within those kinds, and `p_value` is of the permutation of lengths within them. `failed_long` and
    `failed_short` are the judge's pass rates on what people fail, `passed_long` and `passed_short` on what they pass.
    `median` is the length in characters at which the halves part. `reading` says it in one sentence.
    """

    items: int
    median: float | None = None
    gap: float | None = None
    low: float | None = None
    high: float | None = None
    association: float | None = None
    p_value: float | None = None
    failed_long: Rate | None = None
    failed_short: Rate | None = None
    passed_long: Rate | None = None
    passed_short: Rate | None = None
    reading: str = ""
