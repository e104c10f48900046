"""How a dataset changed from version to version. Of held-out examples only counts are ever told."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from burnish.domain.base import UtcDatetime, Value
from burnish.domain.datasets import Split

__all__ = ["Change", "DatasetDiff", "DatasetVersion", "SplitDiff", "Standing", "between", "net", "told"]


class Standing(NamedTuple):
    """Where an example stands in one state of a dataset: its split, what it says as a hash, whether it is in use."""

    split: Split
    said: str
    in_use: bool = True


class Change(Value):
    """Ids that came, that say something else now, and that were taken out of use, in one split."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()


class SplitDiff(Value):
    """Counts of a change, with the ids where the split is train or dev.

    The id of an example is a hash of its input: whoever has a text could ask whether it is held out, so those ids
    stay in the store.
    """

    added: int = 0
    changed: int = 0
    retired: int = 0
    ids: Change | None = None


class DatasetVersion(Value):
    """A state of a dataset: number (from 1), when it came to be, its fingerprint, examples in use and what changed."""

    number: int
    created_at: UtcDatetime
    fingerprint: str
    counts: dict[Split, int]
    diff: dict[Split, SplitDiff]


class DatasetDiff(Value):
    """What changed after version `since` (0: from nothing) up to and with version `until`."""

    agent: str
    name: str
    since: int
    until: int
    splits: dict[Split, SplitDiff]


def between(before: Mapping[str, Standing], after: Mapping[str, Standing]) -> dict[Split, Change]:
    """What changed from one state to the next, by split; splits without a change are left out. Splits are for good."""
    found: dict[Split, tuple[list[str], list[str], list[str]]] = {split: ([], [], []) for split in Split}
    for example_id, now in after.items():
        then = before.get(example_id)
        was = then is not None and then.in_use
        if now.in_use and not was:
            found[now.split][0].append(example_id)
        elif now.in_use and then is not None and then.said != now.said:
            found[now.split][1].append(example_id)
        elif was and not now.in_use:
            found[now.split][2].append(example_id)
    return {
        split: Change(added=tuple(sorted(a)), changed=tuple(sorted(c)), retired=tuple(sorted(r)))
        for split, (a, c, r) in found.items()
        if a or c or r
    }


def net(changes: Iterable[Mapping[Split, Change]]) -> dict[Split, Change]:
    """Several changes after each other as one: what came and went between is not told."""
    kinds: dict[Split, dict[str, str]] = {split: {} for split in Split}
    for one in changes:
        for split, change in one.items():
            so_far = kinds[split]
            for example_id in change.added:
                so_far[example_id] = "changed" if so_far.get(example_id) == "retired" else "added"
            for example_id in change.changed:
                so_far.setdefault(example_id, "changed")
            for example_id in change.retired:
                if so_far.get(example_id) == "added":
                    del so_far[example_id]
                else:
                    so_far[example_id] = "retired"
    return {split: _of_kinds(found) for split, found in kinds.items() if found}


def told(changes: Mapping[Split, Change]) -> dict[Split, SplitDiff]:
    """Changes as they may be shown, one entry a split."""
    return {
        split: SplitDiff(
            added=len(change.added),
            changed=len(change.changed),
            retired=len(change.retired),
            ids=None if split is Split.HELD_OUT else change,
        )
        for split in Split
        for change in [changes.get(split, Change())]
    }


def _of_kinds(found: Mapping[str, str]) -> Change:
    def of(kind: str) -> tuple[str, ...]:
        return tuple(sorted(example_id for example_id, its in found.items() if its == kind))

    return Change(added=of("added"), changed=of("changed"), retired=of("retired"))
