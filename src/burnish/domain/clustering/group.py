"""Groups of vectors without knowing how many there are, and their identity from one night to the next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from burnish.domain.clustering.embed import Vectors

__all__ = ["UNCLUSTERED", "Earlier", "Grouping", "group", "match"]

UNCLUSTERED = -1
MOST_GROUPS = 60
NEAR_BEST = 0.9
ONE_GROUP = 0.25  # mean cosine distance below which all texts say nearly the same
STRANGER = 0.5  # of the median member's nearness to its centroid
SAME_MEMBERS = 0.3
SAME_CENTRE = 0.9


@dataclass(frozen=True)
class Grouping:
    """Labels by row (0 is the largest group, UNCLUSTERED is none), centroids of unit length by label.

    `silhouette` is that of the cut chosen, None where there was nothing to choose.
    """

    labels: npt.NDArray[np.int64]
    centroids: Vectors
    silhouette: float | None

    def members(self, label: int) -> list[int]:
        """Rows of one group."""
        return [int(row) for row in np.flatnonzero(self.labels == label)]


def group(vectors: Vectors, minimum_size: int = 3, limit: int = 500, seed: int = 0) -> Grouping:
    """Group rows of unit length by Ward's agglomeration; the same input gives the same groups.

    The tree is cut where the silhouette is best, and of all cuts within 90 % of that at the one with the fewest
    groups: the curve is flat to the right of the truth, and its maximum alone would tear real groups into pieces.
    Groups below `minimum_size`, rows far from everything and rows of zeros stay unclustered. Above `limit`
    rows a seeded sample is grouped and the others join the nearest group, by the same rule of what is far.

    A silhouette cannot say that all rows are one group. That is answered only where all are very much alike or where
    there are too few for two groups, so one broad failure may come out in two or three parts.
    """
    count = len(vectors)
    usable = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0.5) if count else np.zeros(0, dtype=np.int64)
    chosen = usable
    if len(usable) > limit:
        chosen = np.sort(np.random.default_rng(seed).choice(usable, limit, replace=False))
    labels = np.full(count, UNCLUSTERED, dtype=np.int64)
    some, silhouette = _cut(vectors[chosen], minimum_size)
    labels[chosen] = some
    _drop_strangers(vectors, labels)
    _drop_small(labels, minimum_size)
    rest = np.setdiff1d(usable, chosen)
    if len(rest) and labels.max(initial=UNCLUSTERED) >= 0:
        _assign(vectors, labels, rest)
    _largest_first(labels)
    return Grouping(labels, _centroids(vectors, labels), silhouette)


@dataclass(frozen=True)
class Earlier:
    """A group to be recognised: its members' ids and its centroid, empty where none is comparable."""

    members: Collection[str]
    centroid: Sequence[float] = ()


def match(previous: Sequence[Earlier], current: Sequence[Earlier]) -> list[int | None]:
    """For each current group, the index of the previous group that it continues, or None.

    Two groups can be the same when they share 30 % of the smaller one's members, or when their centroids are at a
    cosine of 0.9 or more. Of all pairings the best in total is taken; each group continues at most one.
    """
    found: list[int | None] = [None] * len(current)
    if not previous or not current:
        return found
    from scipy.optimize import linear_sum_assignment

    scores = np.array([[_resemblance(old, new) for old in previous] for new in current])
    for row, column in zip(*linear_sum_assignment(scores, maximize=True), strict=True):
        if scores[row, column] > 0:
            found[int(row)] = int(column)
    return found


def _cut(vectors: Vectors, minimum_size: int) -> tuple[npt.NDArray[np.int64], float | None]:
    count = len(vectors)
    nothing = np.full(count, UNCLUSTERED, dtype=np.int64)
    if count < minimum_size:
        return nothing, None
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist, squareform
    from sklearn.metrics import silhouette_score

    rows = vectors.astype(np.float64)
    distances = np.clip(pdist(rows, "cosine"), 0.0, 2.0)
    if float(distances.mean()) < ONE_GROUP:
        return np.zeros(count, dtype=np.int64), None
    if count < 2 * minimum_size:
        return nothing, None
    tree, square = linkage(rows, "ward"), squareform(distances)
    cuts: list[tuple[float, npt.NDArray[np.int64]]] = []
    for groups in range(2, min(MOST_GROUPS, count // minimum_size) + 1):
        labels = fcluster(tree, groups, "maxclust").astype(np.int64)
        if 1 < labels.max() < count:
            cuts.append((float(silhouette_score(square, labels, metric="precomputed")), labels))
    if not cuts:
        return nothing, None
    best = max(score for score, _ in cuts)
    score, labels = next(cut for cut in cuts if cut[0] >= best - (1 - NEAR_BEST) * abs(best))
    return labels, score


def _drop_strangers(vectors: Vectors, labels: npt.NDArray[np.int64]) -> None:
    """Agglomeration puts every row somewhere; a row less than half as near as the median member does not belong."""
    for label in np.unique(labels[labels != UNCLUSTERED]):
        rows = np.flatnonzero(labels == label)
        near = vectors[rows] @ _centre(vectors[rows])
        labels[rows[near < np.median(near) * STRANGER]] = UNCLUSTERED


def _drop_small(labels: npt.NDArray[np.int64], minimum_size: int) -> None:
    for label, size in zip(*np.unique(labels, return_counts=True), strict=True):
        if size < minimum_size:
            labels[labels == label] = UNCLUSTERED


def _assign(vectors: Vectors, labels: npt.NDArray[np.int64], rest: npt.NDArray[np.int64]) -> None:
    names = [int(label) for label in np.unique(labels) if label != UNCLUSTERED]
    centres = np.stack([_centre(vectors[labels == label]) for label in names])
    own = [vectors[labels == label] @ centre for label, centre in zip(names, centres, strict=True)]
    floors = np.array([float(np.median(some)) * STRANGER for some in own])
    near = vectors[rest] @ centres.T
    best = near.argmax(axis=1)
    close = near[np.arange(len(rest)), best] >= floors[best]
    labels[rest[close]] = np.array(names, dtype=np.int64)[best[close]]


def _largest_first(labels: npt.NDArray[np.int64]) -> None:
    names = [int(label) for label in np.unique(labels) if label != UNCLUSTERED]
    # Equal sizes go by their first row, so that numbering does not hang on the tree's own.
    order = sorted(names, key=lambda label: (-int((labels == label).sum()), int(np.argmax(labels == label))))
    renamed = {label: number for number, label in enumerate(order)}
    labels[:] = [renamed.get(int(label), UNCLUSTERED) for label in labels]


def _centroids(vectors: Vectors, labels: npt.NDArray[np.int64]) -> Vectors:
    dimensions = vectors.shape[1] if vectors.ndim == 2 else 0
    groups = int(labels.max(initial=UNCLUSTERED)) + 1
    if not groups:
        return np.zeros((0, dimensions), dtype=np.float32)
    return np.stack([_centre(vectors[labels == label]) for label in range(groups)]).astype(np.float32)


def _centre(rows: Vectors) -> Vectors:
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    centre: Vectors = mean / length if length > 1e-9 else mean
    return centre


def _resemblance(old: Earlier, new: Earlier) -> float:
    before, now = set(old.members), set(new.members)
    smaller = min(len(before), len(now))
    overlap = len(before & now) / smaller if smaller else 0.0
    cosine = 0.0
    if len(old.centroid) == len(new.centroid) > 0:
        cosine = float(np.dot(np.asarray(old.centroid), np.asarray(new.centroid)))
    same = overlap >= SAME_MEMBERS or cosine >= SAME_CENTRE
    # Shared members are the better evidence, so they weigh twice.
    return 2 * overlap + max(cosine, 0.0) if same else 0.0
