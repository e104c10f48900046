"""From which grade on a judge's word is a pass: fitted to train labels, and judged by labels it was not fitted to."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

from burnish.domain.agreement import agree
from burnish.domain.alignment.labelled import Labelled

__all__ = ["fit_threshold", "threshold_out_of_fold"]

FOLDS = 5


def fit_threshold(items: Sequence[Labelled], present: float) -> float:
    """The threshold on the judge's scores with the highest kappa against people; `present` where none beats it.

    Only points half-way between neighbouring scores are tried: a threshold on a score itself would hang on rounding.
    """
    scores = sorted({item.judge for item in items})
    cuts = [round((low + high) / 2, 4) for low, high in pairwise(scores)]
    best, best_kappa = present, _kappa(items, present)
    for cut in cuts:
        kappa = _kappa(items, cut)
        if kappa > best_kappa + 1e-12:
            best, best_kappa = cut, kappa
    return best


def threshold_out_of_fold(items: Sequence[Labelled], present: float) -> dict[str, bool]:
    """Each item's verdict under the threshold fitted to the items of the other folds; groups are in one fold."""
    folds = {item.group: int.from_bytes(hashlib.sha256(item.group.encode()).digest()[:4]) % FOLDS for item in items}
    found: dict[str, bool] = {}
    for fold in range(FOLDS):
        inside = [item for item in items if folds[item.group] == fold]
        if inside:
            cut = fit_threshold([item for item in items if folds[item.group] != fold], present)
            found |= {item.trace_id: item.judge >= cut for item in inside}
    return found


def _kappa(items: Sequence[Labelled], cut: float) -> float:
    found = agree([float(item.judge >= cut) for item in items], [float(item.passes) for item in items])
    return -1.0 if found.kappa is None else found.kappa
