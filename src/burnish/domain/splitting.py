"""Which split an example belongs to: decided for whole groups of look-alikes, once and for all.

Examples of one user, one session, one template or nearly the same text form a group, and a group never straddles two
splits; otherwise the held-out split would measure memory. The split of a new group is a hash of its id against the
shares, so it depends on nothing else in the dataset. With few groups the shares found vary a lot around those asked
for (of 10 groups at 40 %, anything from 1 to 7 is ordinary); they even out as the dataset grows.

A new example that ties groups of two splits together can join neither without straddling, and moving one of the
groups would unseal what was sealed or seal what was seen: it is left out.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from burnish.domain.base import content_hash
from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.similarity import Lookalikes, text_of_input
from burnish.domain.templates import skeleton

__all__ = ["Placed", "assign", "group_keys", "resembling", "split_of"]

_SHOWN = "\0shown"  # no group of examples is called so


class Placed(NamedTuple):
    """Where an existing example stands. `keys` are its user, session and template keys, from `group_keys`."""

    text: str
    group: str
    split: Split
    keys: tuple[str, ...] = ()


def group_keys(example: Example, rule: SplitRule) -> tuple[str, ...]:
    """What ties an example to others beside nearly the same text, as far as the rule asks for it.

    Metadata "user", "session" and "template"; without the last, the text with its fillings masked.
    """
    known = dict(example.metadata)
    if "template" in rule.group_by and not known.get("template"):
        bare = skeleton(text_of_input(example.input))
        known["template"] = None if bare is None else content_hash(bare)
    wanted = [name for name in ("user", "session", "template") if name in rule.group_by]
    return tuple(f"{name}:{value}" for name in wanted if (value := known.get(name)) not in (None, ""))


def split_of(group: str, rule: SplitRule) -> Split:
    """The split a group falls into by the hash of seed and group id."""
    digest = hashlib.sha256(f"{rule.seed}\0{group}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    if share < rule.train:
        return Split.TRAIN
    return Split.DEV if share < rule.train + rule.dev else Split.HELD_OUT


def assign(
    existing: Mapping[str, Placed], new: Sequence[Example], rule: SplitRule, shown: Sequence[Placed] = ()
) -> list[tuple[Example, Split]]:
    """A group and a split for the new examples, in the order given; those that would straddle are left out.

    `existing` is in order of age, oldest first. A known id keeps its group and split. A new example that is tied to
    known ones, directly or through other new ones, joins the oldest of their groups, as long as they stand in one
    split. One that is itself tied to two splits is left out, then every set of new ones that still ties two together.
    Left out is not placed: offered again it is judged again. New groups are named for the smallest id in them, so the
    order of `new` does not matter.

    `shown` is what proposers have seen although no example was made of it, with the split it stands for (train): what
    is tied to it never goes to another split, because it could not prove anything there.

    While one split is empty and another has two groups or more, a new group moves there (held-out first, then train,
    then dev): with three groups or more, a first fill leaves no split empty.
    """
    fresh = [example for example in {example.id: example for example in new}.values() if example.id not in existing]
    known = [*existing.values(), *(placed._replace(group=_SHOWN) for placed in shown)]
    ties = _Ties(known, len(fresh))
    _tie_by_keys(ties, [placed.keys for placed in known], [group_keys(example, rule) for example in fresh])
    if "text" in rule.group_by:
        _tie_by_texts(ties, [placed.text for placed in known], [text_of_input(e.input) for e in fresh], rule)
    bridges = {fresh[number].id for number in ties.bridges()}
    if bridges:
        return assign(existing, [example for example in new if example.id not in bridges], rule, shown)
    groups: dict[str, str] = {}
    splits = {placed.group: placed.split for placed in existing.values()}
    founded: set[str] = set()
    for roots, members in ties.components():
        found = {known[root].split for root in roots}
        if len(found) > 1:
            continue
        joined = [known[root].group for root in roots if known[root].group != _SHOWN]
        group = joined[0] if joined else min(fresh[member].id for member in members)
        if not joined:
            splits[group] = found.pop() if found else split_of(group, rule)
            if not roots:
                founded.add(group)
        groups.update((fresh[member].id, group) for member in members)
    _fill_empty(splits, founded, rule)
    answer = []
    for example in new:
        group = existing[example.id].group if example.id in existing else groups.get(example.id, "")
        if group:
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
        self._splits = [placed.split for placed in known]
        self._known = len(known)
        self._parent = oldest + list(range(len(known), len(known) + fresh))
        self._groups: dict[int, set[int]] = defaultdict(set)  # by root of a set of new ones: known groups
        self._direct: dict[int, set[int]] = defaultdict(set)  # by new one: known groups that it is tied to itself

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
        if low < self._known:
            self._direct[fresh].add(low)
            self._groups[high].add(low)
        elif low != high:
            self._parent[high] = low
            self._groups[low] |= self._groups.pop(high, set())

    def repeat(self, twin: int, fresh: int) -> None:
        """A new example that says exactly what an earlier one says is tied to whatever that one is tied to."""
        self.tie(twin, fresh)
        self._direct[fresh] |= self._direct[twin]

    def bridges(self) -> list[int]:
        """New examples (counted from 0) that are themselves tied to known groups of different splits."""
        return [
            index - self._known
            for index, roots in self._direct.items()
            if len({self._splits[root] for root in roots}) > 1
        ]

    def components(self) -> Iterator[tuple[list[int], list[int]]]:
        """Each set of new examples (counted from 0) behind the known groups it is tied to, oldest first."""
        members: dict[int, list[int]] = {}
        for index in range(self._known, len(self._parent)):
            members.setdefault(self.root(index), []).append(index - self._known)
        for root, some in members.items():
            yield sorted(self._groups.get(root, ())), some


def _tie_by_keys(ties: _Ties, known: Sequence[tuple[str, ...]], fresh: Sequence[tuple[str, ...]]) -> None:
    groups: dict[str, set[int]] = defaultdict(set)
    for index, names in enumerate(known):
        for name in names:
            groups[name].add(ties.root(index))
    first: dict[str, int] = {}
    for index, names in enumerate(fresh, len(known)):
        for name in names:
            for group in groups.get(name, ()):
                ties.tie(group, index)
            ties.tie(first.setdefault(name, index), index)


def _tie_by_texts(ties: _Ties, known: Sequence[str], fresh: Sequence[str], rule: SplitRule) -> None:
    lookalikes = Lookalikes([*known, *fresh], rule.near_duplicate)
    for index in range(len(known)):
        lookalikes.add(index)
    for index in range(len(known), len(known) + len(fresh)):
        twin = lookalikes.exact(index)
        if twin is not None:
            ties.repeat(twin, index)
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
