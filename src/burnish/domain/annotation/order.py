"""Which items come first: those that teach the most, in a random order that leans to them.

Every item has a weight: the largest of the rules that brought it in, shared with the items of the same failure cluster
that stand in the queue already (the third of a cluster teaches less than the first of another), down to a half. Its
rank is an exponential race, -ln(u) / weight with u a hash of queue and trace, and small ranks come first (Efraimidis
and Spirakis 2006). An item of twice the weight is twice as likely to come next, so most of what is labelled early is
informative; and since every item had a known chance to be among the first, the judge's agreement over all items can
still be estimated from them without bias (`estimate`), which a strict order would make impossible.
benchmarks/annotation_order.py holds this against random and strict orders.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from burnish.domain.annotation.rules import Candidate, Rule, Share

__all__ = ["COVERED", "Drawn", "Estimate", "Matched", "chance", "estimate", "match", "rank", "ranked"]

COVERED = 0.5  # what an item of a well covered cluster keeps of its weight; with less, intervals get too sure


class Matched(NamedTuple):
    """A candidate that rules bring in: why, how much it teaches, and when it comes."""

    candidate: Candidate
    reasons: tuple[str, ...]
    weight: float
    rank: float
    random: bool


class Drawn(NamedTuple):
    """An item with its weight and rank, and a value where people have labelled it (1: the judge was right, 0: not).

    `day` is when it came in: each day's items are the first of that day's traces, up to the cap. `met` says that
    somebody has taken it up, whether a label came of it or not.
    """

    weight: float
    rank: float
    value: float | None = None
    day: str = ""
    met: bool = False


class Estimate(NamedTuple):
    """The mean over all that rules brought in, kept out by a cap or not, with a 95 % interval.

    It is of `labelled` items; `waiting` ones among them are not decided yet, and the interval holds either way.
    """

    mean: float
    low: float
    high: float
    labelled: int
    waiting: int = 0


def match(candidate: Candidate, rules: Sequence[Rule]) -> tuple[tuple[str, ...], float, bool] | None:
    """The reasons of the rules that match, the largest of their weights, and whether a random draw is among them."""
    found = [rule for rule in rules if rule.matches(candidate)]
    if not found:
        return None
    reasons = tuple(dict.fromkeys(rule.reason for rule in found))
    return reasons, max(rule.weight for rule in found), any(isinstance(rule, Share) for rule in found)


def rank(queue: str, trace_id: str, weight: float) -> float:
    """When an item of this weight comes, the same in every process; small is early."""
    digest = hashlib.sha256(f"burnish queue\0{queue}\0{trace_id}".encode("utf-8", "surrogatepass")).digest()
    return -math.log((int.from_bytes(digest[:8]) + 1) / (2**64 + 1)) / weight


def ranked(
    queue: str,
    candidates: Sequence[Candidate],
    rules: Sequence[Rule],
    in_queue: Mapping[str, int],
    *,
    teach: bool = True,
) -> list[Matched]:
    """The candidates that rules bring in, in the order they are to be labelled.

    `in_queue` counts items already there by failure cluster; each one taken here counts too. Not `teach`: every item
    weighs the same, a plain random order.
    """
    covered = dict(in_queue)
    found: list[Matched] = []
    matched = [(candidate, said) for candidate in candidates if (said := match(candidate, rules)) is not None]
    # Heavy ones claim their cluster first; within a weight the hash decides, so nothing depends on the order given.
    matched.sort(key=lambda pair: (-pair[1][1], rank(queue, pair[0].summary.trace_id, 1.0)))
    for candidate, (reasons, weight, random) in matched:
        if teach and candidate.clusters:
            weight *= max(COVERED, 1 / (1 + min(covered.get(cluster, 0) for cluster in candidate.clusters)))
            for cluster in candidate.clusters:
                covered[cluster] = covered.get(cluster, 0) + 1
        weight = weight if teach else 1.0
        at = rank(queue, candidate.summary.trace_id, weight)
        found.append(Matched(candidate, reasons, weight, at, random))
    return sorted(found, key=lambda item: (item.rank, item.candidate.summary.trace_id))


def chance(weight: float, threshold: float) -> float:
    """How likely an item of this weight has a rank under `threshold`."""
    return -math.expm1(-weight * threshold)


def estimate(items: Sequence[Drawn]) -> Estimate | None:
    """The mean of the values over all that the rules brought in, from what is labelled in the order of ranks.

    Each labelled item stands for 1 / chance items, where the chance is that of a rank under the first one of its day
    that nobody has met yet, or under its last (bottom-k sampling: Cohen and Kaplan 2007); labels from there on do not
    count. Items before it that were met and wait for a decision stop nothing: the mean is without them, and the
    interval reaches from where all of them are 0 to where all are 1, since what people cannot decide at once may be
    just what the judge gets wrong. None below two values. The interval is that of a ratio of sums (linearised), with t.
    """
    known = [pair for day in {item.day for item in items} for pair in _known([i for i in items if i.day == day])]
    decided = [(value, share) for value, share in known if value is not None]
    if len(decided) < 2:
        return None
    mean, _, _ = _interval(decided)
    low, high = (
        _interval([(otherwise if value is None else value, share) for value, share in known])[end]
        for otherwise, end in ((0.0, 1), (1.0, 2))
    )
    return Estimate(mean, low, high, len(decided), len(known) - len(decided))


def _interval(known: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Mean, low and high of values with their chances."""
    from scipy.stats import t

    total = math.fsum(1 / share for _, share in known)
    mean = math.fsum(value / share for value, share in known) / total
    variance = math.fsum((1 - share) / share**2 * (value - mean) ** 2 for value, share in known)
    half = float(t.ppf(0.975, len(known) - 1)) * math.sqrt(variance) / total
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def _known(items: Sequence[Drawn]) -> list[tuple[float | None, float]]:
    """Value and chance of the items of a day before the first that nobody has met, at most all but the last."""
    order = sorted(items, key=lambda item: item.rank)
    found: list[tuple[float | None, float]] = []
    for number, item in enumerate(order):
        if (item.value is None and not item.met) or number == len(order) - 1:
            return [(value, chance(weight, item.rank)) for value, weight in found]
        found.append((item.value, item.weight))
    return []
