"""Wear of held-out examples: how often the gate has measured each, and which it takes tonight.

Every look at a held-out example tells the loop a little: a proposal was accepted, the next one builds on it. So the
gate takes those it has used least, and says when many of them are worn.
"""

from collections.abc import Mapping, Sequence

from burnish.domain.base import Value, content_hash

__all__ = ["Wear", "choose", "wear_of", "worn_text"]


class Wear(Value):
    """How used held-out examples are, in counts. `uses` says how many examples were measured on so many nights.

    `worn` counts those measured on more than `worn_after` nights.
    """

    examples: int
    worn: int
    worn_after: int
    median: float
    most: int
    uses: dict[int, int] = {}

    @property
    def share(self) -> float:
        """The share of examples that are worn, 0 where there are none."""
        return self.worn / self.examples if self.examples else 0.0


def choose(
    ids: Sequence[str], uses: Mapping[str, int], limit: int, groups: Mapping[str, str] | None = None
) -> list[str]:
    """At most `limit` ids, the least used first and then by the hash of the id: neither by age nor by outcome.

    Of those chosen, members of one of the `groups` (by id) follow the first of them, so that a look at the first few
    sees groups whole.
    """
    chosen = sorted(ids, key=lambda one: (uses.get(one, 0), content_hash("limit", one)))[:limit]
    names = groups or {}
    first: dict[str, int] = {}
    for place, one in enumerate(chosen):
        first.setdefault(names.get(one) or one, place)
    return sorted(chosen, key=lambda one: first[names.get(one) or one])


def wear_of(uses: Sequence[int], worn_after: int) -> Wear:
    """The summary of how often each example was used."""
    ordered = sorted(uses)
    middle = len(ordered) // 2
    median = 0.0
    if ordered:
        median = float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return Wear(
        examples=len(ordered),
        worn=sum(count > worn_after for count in ordered),
        worn_after=worn_after,
        median=median,
        most=ordered[-1] if ordered else 0,
        uses={count: ordered.count(count) for count in dict.fromkeys(ordered)},
    )


def worn_text(wear: Wear) -> str:
    """The warning in one sentence; empty where nothing is worn."""
    if not wear.worn:
        return ""
    return (
        f"{wear.worn} of {wear.examples} held-out examples are worn: the gate has used them on more than "
        f"{wear.worn_after} nights (median {wear.median:g}); fresh corrected traces refresh the split."
    )
