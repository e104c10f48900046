"""Which split an example belongs to: decided for whole groups of look-alikes, once and for all.

Examples of one user, one session or nearly the same text form a group, and a group never straddles two splits;
otherwise the held-out split would measure memory. The split of a new group is a hash of its id against the shares, so
it depends on nothing else in the dataset. With few groups the shares found vary a lot around those asked for (of 10
groups at 40 %, anything from 1 to 7 is ordinary); they even out as the dataset grows.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.similarity import Lookalikes, text_of_input

__all__ = ["Placed", "assign", "group_keys", "resembling", "split_of"]


class Placed(NamedTuple):
    """Where an existing example stands. `keys` are its user and session keys, from `group_keys`."""

    text: str
    group: str
    split: Split
    keys: tuple[str, ...] = ()


def group_keys(example: Example, rule: SplitRule) -> tuple[str, ...]:
    """What ties an example to others beside its text: metadata "user" and "session", where the rule asks for them."""
    wanted = [name for name in ("user", "session") if name in rule.group_by]
    return tuple(f"{name}:{value}" for name in wanted if (value := example.metadata.get(name)) not in (None, ""))


def split_of(group: str, rule: SplitRule) -> Split:
    """The split a group falls into by the hash of seed and group id."""
    digest = hashlib.sha256(f"{rule.seed}\0{group}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    if share < rule.train:
        return Split.TRAIN
    return Split.DEV if share < rule.train + rule.dev else Split.HELD_OUT


def assign(existing: Mapping[str, Placed], new: Sequence[Example], rule: SplitRule) -> list[tuple[Example, Split]]:
    """A group and a split for every new example, in the order given.

    `existing` is in order of age, oldest first. A known id keeps its group and split. A new example that resembles
    known ones, directly or through other new ones, joins the oldest of their groups; known examples never move, so two
    known groups stay two even where a new example ties them together. New groups are named for the smallest id in
    them, so the order of `new` does not matter.

    While one split is empty and another has two groups or more, a new group moves there (held-out first, then train,
    then dev): with three groups or more, a first fill leaves no split empty.
    """
    fresh = [example for example in {example.id: example for example in new}.values() if example.id not in existing]
    known = list(existing.values())
    ties = _Ties(known, len(fresh))
    _tie_by_keys(ties, [placed.keys for placed in known], [group_keys(example, rule) for example in fresh])
    if "text" in rule.group_by:
        _tie_by_texts(ties, [placed.text for placed in known], [text_of_input(e.input) for e in fresh], rule)
    groups: dict[str, str] = {}
    splits = {placed.group: placed.split for placed in known}
    founded: set[str] = set()
    for oldest, members in ties.components():
        group = known[oldest].group if oldest is not None else min(fresh[member].id for member in members)
        if group not in splits:
            splits[group] = split_of(group, rule)
            founded.add(group)
        groups.update((fresh[member].id, group) for member in members)
    _fill_empty(splits, founded, rule)
    answer = []
    for example in new:
        group = existing[example.id].group if example.id in existing else groups[example.id]
        answer.append((example.model_copy(update={"group": group}), splits[group]))
    return answer


def resembling(texts: Sequence[str], others: Sequence[str], threshold: float) -> set[int]:
    """Indices of `texts` that say nearly the same as one of `others`."""
    lookalikes = Lookalikes([*others, *texts], threshold)
    for index in range(len(others)):
        lookalikes.add(index)
    found = set()
    for index in range(len(texts)):
        at = len(others) + index
        if lookalikes.exact(at) is not None or any(True for _ in lookalikes.find(at, lambda _: 0)):
            found.add(index)
    return found


class _Ties:
    """What belongs together: known groups as they are, and new examples with each other and with known groups.

    Indices count known examples first, then new ones. A known group is tied to a new example but never joined with
    another known group, so a later example that resembles the second one alone still goes there.
    """

    def __init__(self, known: Sequence[Placed], fresh: int) -> None:
        first: dict[str, int] = {}
        oldest = [first.setdefault(placed.group, index) for index, placed in enumerate(known)]
        self._known = len(known)
        self._parent = oldest + list(range(len(known), len(known) + fresh))
        self._groups: dict[int, int] = {}

    def root(self, index: int) -> int:
        """What index stands for: the oldest example of a known group, or the first of the new ones joined so far."""
        parent = self._parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def tie(self, one: int, fresh: int) -> None:
        """A known or new example and a new one belong together."""
        low, high = sorted((self.root(one), self.root(fresh)))
        if high < self._known or low == high:
            return
        if low < self._known:
            self._groups[high] = min(low, self._groups.get(high, low))
            return
        self._parent[high] = low
        if high in self._groups:
            self._groups[low] = min(self._groups[high], self._groups.get(low, self._groups[high]))

    def components(self) -> Iterator[tuple[int | None, list[int]]]:
        """Each set of new examples (counted from 0) with the oldest known example that it is tied to."""
        members: dict[int, list[int]] = {}
        for index in range(self._known, len(self._parent)):
            members.setdefault(self.root(index), []).append(index - self._known)
        for root, some in members.items():
            yield self._groups.get(root), some


def _tie_by_keys(ties: _Ties, known: Sequence[tuple[str, ...]], fresh: Sequence[tuple[str, ...]]) -> None:
    first: dict[str, int] = {}
    for index, names in enumerate([*known, *fresh]):
        for name in names:
            earliest = first.setdefault(name, index)
            if index >= len(known):
                ties.tie(earliest, index)


def _tie_by_texts(ties: _Ties, known: Sequence[str], fresh: Sequence[str], rule: SplitRule) -> None:
    lookalikes = Lookalikes([*known, *fresh], rule.near_duplicate)
    for index in range(len(known)):
        lookalikes.add(index)
    for index in range(len(known), len(known) + len(fresh)):
        twin = lookalikes.exact(index)
        if twin is not None:
            ties.tie(twin, index)
            continue
        for other in list(lookalikes.find(index, ties.root)):
            ties.tie(other, index)
        lookalikes.add(index)


def _fill_empty(splits: dict[str, Split], founded: set[str], rule: SplitRule) -> None:
    for empty in (Split.HELD_OUT, Split.TRAIN, Split.DEV):
        counts = Counter(splits.values())
        if counts[empty]:
            continue
        movable = [group for group in founded if counts[splits[group]] > 1]
        if movable:
            # From the fullest split, and there the group with the smallest hash: stable whatever the order.
            group = min(
                movable, key=lambda g: (-counts[splits[g]], hashlib.sha256(f"{rule.seed}{g}".encode()).digest())
            )
            splits[group] = empty
