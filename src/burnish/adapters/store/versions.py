"""Versions of datasets. The rows hold ids of held-out examples; what leaves this module holds only their counts."""

from collections import Counter
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.rows import micros, moment
from burnish.domain.base import Value, utc_now
from burnish.domain.dataset_versions import Change, DatasetVersion, SplitDiff, Standing, between, net, told
from burnish.domain.datasets import Dataset, Split
from burnish.errors import InputError, NotFoundError

__all__ = ["diff", "keep", "listed"]

_versions = tables.dataset_versions


class _Document(Value):
    counts: dict[Split, int]
    changes: dict[Split, Change]


def keep(
    connection: Connection,
    dataset_id: str,
    fingerprint: str,
    before: Mapping[str, Standing],
    after: Mapping[str, Standing],
) -> None:
    """Keep a version where something changed. A dataset older than versions gets its state so far as the first."""
    changes = between(before, after)
    if not changes:
        return
    newest = connection.execute(
        sa.select(sa.func.max(_versions.c.number)).where(_versions.c.dataset_id == dataset_id)
    ).scalar()
    if newest is None and any(one.in_use for one in before.values()):
        _insert(connection, dataset_id, 1, "", _Document(counts=_counts(before), changes=between({}, before)))
        newest = 1
    document = _Document(counts=_counts(after), changes=changes)
    _insert(connection, dataset_id, (newest or 0) + 1, fingerprint, document)


def listed(connection: Connection, dataset_id: str) -> list[DatasetVersion]:
    """Versions, newest first."""
    query = sa.select(_versions).where(_versions.c.dataset_id == dataset_id).order_by(_versions.c.number.desc())
    found = []
    for row in connection.execute(query).mappings():
        document = _Document.model_validate_json(row["document"])
        found.append(
            DatasetVersion(
                number=row["number"],
                created_at=moment(row["created_at"]),
                fingerprint=row["fingerprint"],
                counts=document.counts,
                diff=told(document.changes),
            )
        )
    return found


def diff(connection: Connection, dataset: Dataset, since: int, until: int) -> dict[Split, SplitDiff]:
    """What changed after one version up to another. Raises InputError and NotFoundError."""
    if not 0 <= since <= until:
        raise InputError(f"versions go forwards: version {since} does not come before version {until}")
    if until > dataset.version:
        kept = f"1 to {dataset.version}" if dataset.version else "none"
        raise NotFoundError(
            f"dataset '{dataset.name}' of agent '{dataset.agent}' has no version {until}; versions kept: {kept}"
        )
    query = (
        sa.select(_versions.c.document)
        .where(_versions.c.dataset_id == dataset.id, _versions.c.number > since, _versions.c.number <= until)
        .order_by(_versions.c.number)
    )
    documents = [_Document.model_validate_json(text) for text in connection.execute(query).scalars()]
    return told(net(document.changes for document in documents))


def _counts(state: Mapping[str, Standing]) -> dict[Split, int]:
    found = Counter(one.split for one in state.values() if one.in_use)
    return {split: found[split] for split in Split}


def _insert(connection: Connection, dataset_id: str, number: int, fingerprint: str, document: _Document) -> None:
    row = {
        "dataset_id": dataset_id,
        "number": number,
        "created_at": micros(utc_now()),
        "fingerprint": fingerprint,
        "document": document.model_dump_json(),
    }
    connection.execute(sa.insert(_versions).values(**row))
