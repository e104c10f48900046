"""Which labels a judge may be fitted to and which it is held against: fixed for each label once and for all.

Labels are taken in the order in which they were given, and each is placed by those before it alone. So labels that come
later never move one, and near-duplicates and traces of one session stand on one side.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.similarity import Lookalikes, text_of_input
from burnish.domain.splitting import group_keys

__all__ = ["Division", "divide"]


class Division(NamedTuple):
    """Where a label stands: its group, and TRAIN, HELD_OUT or None for one that is tied to both."""

    group: str
    split: Split | None


def divide(
    labelled: Sequence[Example],
    rule: SplitRule,
    held_out: float,
    *,
    fixed: Mapping[str, Split] | None = None,
    sealed: Collection[str] = (),
) -> dict[str, Division]:
    """The side of each labelled trace, by trace id.

    `labelled` are the traces as examples (`Example.of_trace`) in the order in which people labelled them, `held_out` is
    the share that goes there, of groups, by hash. `fixed` are sides taken in earlier attempts, which stand. `sealed`
    traces go to the held-out side whatever they are tied to; one that was fitted to before it was sealed stands on
    neither. A label tied to both sides stands on neither either.
    """
    known = fixed or {}
    ids = [example.trace_id or example.id for example in labelled]
    order = sorted(range(len(ids)), key=lambda index: ids[index] not in known)  # stable: in order of age otherwise
    lookalikes = Lookalikes([text_of_input(example.input) for example in labelled], rule.near_duplicate, lasting=True)
    by_key: dict[str, list[int]] = defaultdict(list)
    placed: dict[int, Division] = {}
    for index in order:
        keys = group_keys(labelled[index], rule)
        ties = {other for key in keys for other in by_key[key]}
        if "text" in rule.group_by:
            twin = lookalikes.exact(index)
            ties |= {twin} if twin is not None else set(lookalikes.find(index, lambda other: other))
        division = _placed(ids[index], [placed[other] for other in sorted(ties)], rule.seed, held_out, known, sealed)
        placed[index] = division
        if division.split is None:
            continue  # what it resembles may still go where it belongs
        for key in keys:
            by_key[key].append(index)
        lookalikes.add(index)
    return {ids[index]: division for index, division in placed.items()}


def _placed(
    trace_id: str,
    ties: Sequence[Division],
    seed: int,
    held_out: float,
    fixed: Mapping[str, Split],
    sealed: Collection[str],
) -> Division:
    own = fixed.get(trace_id)
    if trace_id in sealed:
        own = None if own is Split.TRAIN else Split.HELD_OUT
        if own is None:
            return Division(trace_id, None)
    sides = {tie.split for tie in ties}
    if own is None and len(sides) > 1:
        return Division(trace_id, None)
    if own is None:
        own = ties[0].split if ties else _by_hash(trace_id, seed, held_out)
    return Division(next((tie.group for tie in ties if tie.split is own), trace_id), own)


def _by_hash(trace_id: str, seed: int, held_out: float) -> Split:
    digest = hashlib.sha256(f"labels\0{seed}\0{trace_id}".encode()).digest()
    return Split.HELD_OUT if int.from_bytes(digest[:8]) / 2**64 < held_out else Split.TRAIN
