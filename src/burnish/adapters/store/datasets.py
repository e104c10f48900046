"""Datasets and their examples; the held-out split leaves only through `sealed`."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.rows import clean, scrub
from burnish.domain.base import content_hash
from burnish.domain.datasets import Dataset, Example, SealedExamples, Split, VisibleSplit, fingerprint
from burnish.errors import InputError, NotFoundError

__all__ = ["DatasetStore"]

_datasets = tables.datasets
_examples = tables.examples


class DatasetStore:
    """An agent's examples in three splits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, agent: str, name: str, examples: Sequence[tuple[Example, Split]]) -> Dataset:
        """Add examples to a dataset, creating it.

        One that exists keeps its split, group, input and trace; what is expected of it and its metadata are updated.
        """
        agent, name = scrub(agent), scrub(name)
        dataset_id = content_hash(agent, name)
        given = {item.id: (item, split) for item, split in ((clean(one), split) for one, split in examples)}
        with self._database.write("datasets") as connection:
            upsert(
                connection,
                _datasets,
                [{"id": dataset_id, "agent": agent, "name": name, "fingerprint": fingerprint([])}],
                keep=None,
            )
            present = {one.id: (one, split, position) for one, split, position in _read(connection, dataset_id)}
            following = 1 + max((position for _, _, position in present.values()), default=-1)
            rows = []
            for offset, (example, split) in enumerate(given.values()):
                position = following + offset
                if example.id in present:
                    kept, split, position = present[example.id]
                    fixed = {"input": kept.input, "group": kept.group, "trace_id": kept.trace_id}
                    example = example.model_copy(update=fixed)
                present[example.id] = (example, split, position)
                rows.append(_row(dataset_id, example, split, position))
            upsert(connection, _examples, rows)
            hashed = fingerprint(one for one, _, _ in present.values())
            connection.execute(sa.update(_datasets).where(_datasets.c.id == dataset_id).values(fingerprint=hashed))
            return _datasets_of(connection, _datasets.c.id == dataset_id)[0]

    def groups(self, agent: str, name: str) -> dict[str, Split]:
        """The split of each group that is there; empty where there is no such dataset."""
        query = sa.select(_examples.c.group, _examples.c.split).where(
            _examples.c.dataset_id == content_hash(agent, name)
        )
        with self._database.read() as connection:
            return {row.group: Split(row.split) for row in connection.execute(query.distinct())}

    def assigned(self, agent: str, name: str) -> dict[str, str]:
        """The group of each example, by example id."""
        query = sa.select(_examples.c.id, _examples.c.group).where(_examples.c.dataset_id == content_hash(agent, name))
        with self._database.read() as connection:
            return {row.id: row.group for row in connection.execute(query)}

    def examples(self, agent: str, name: str, split: VisibleSplit) -> list[Example]:
        """Train or dev examples, oldest first.

        Raises InputError for the held-out split, which only the gate may read.
        """
        if split not in (Split.TRAIN, Split.DEV):
            raise InputError("the held-out split is sealed: only the gate's experiment opens it, through `sealed`")
        with self._database.read() as connection:
            return [one for one, _, _ in _read(connection, content_hash(agent, name), split)]

    def sealed(self, agent: str, name: str) -> SealedExamples:
        """The held-out examples, sealed."""
        with self._database.read() as connection:
            return SealedExamples(one for one, _, _ in _read(connection, content_hash(agent, name), Split.HELD_OUT))

    def get(self, agent: str, name: str) -> Dataset:
        """One dataset with its counts.

        Raises NotFoundError that names the agent's datasets.
        """
        with self._database.read() as connection:
            found = _datasets_of(connection, _datasets.c.id == content_hash(agent, name))
            if found:
                return found[0]
            others = ", ".join(one.name for one in _datasets_of(connection, _datasets.c.agent == agent)) or "none yet"
        raise NotFoundError(f"no dataset '{name}' of agent '{agent}'; it has: {others}")

    def list(self, agent: str | None = None) -> list[Dataset]:
        """Datasets, of one agent or of all, by agent and name."""
        with self._database.read() as connection:
            return _datasets_of(connection, sa.true() if agent is None else _datasets.c.agent == agent)


def _row(dataset_id: str, example: Example, split: Split, position: int) -> dict[str, Any]:
    return {
        "dataset_id": dataset_id,
        "id": example.id,
        "position": position,
        "split": split.value,
        "group": example.group,
        "trace_id": example.trace_id,
        "document": example.model_dump_json(),
    }


def _read(connection: Connection, dataset_id: str, split: Split | None = None) -> list[tuple[Example, Split, int]]:
    query = sa.select(_examples.c.document, _examples.c.split, _examples.c.position).where(
        _examples.c.dataset_id == dataset_id
    )
    if split is not None:
        query = query.where(_examples.c.split == split.value)
    rows = connection.execute(query.order_by(_examples.c.position, _examples.c.id))
    return [(Example.model_validate_json(document), Split(of), position) for document, of, position in rows]


def _datasets_of(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Dataset]:
    counted = (
        sa.select(_examples.c.dataset_id, _examples.c.split, sa.func.count())
        .join(_datasets, _datasets.c.id == _examples.c.dataset_id)
        .where(condition)
        .group_by(_examples.c.dataset_id, _examples.c.split)
    )
    counts: dict[str, dict[Split, int]] = {}
    for dataset_id, split, count in connection.execute(counted):
        counts.setdefault(dataset_id, {})[Split(split)] = count
    query = sa.select(_datasets).where(condition).order_by(_datasets.c.agent, _datasets.c.name)
    return [
        Dataset(
            id=row["id"],
            agent=row["agent"],
            name=row["name"],
            fingerprint=row["fingerprint"],
            counts={split: counts.get(row["id"], {}).get(split, 0) for split in Split},
        )
        for row in connection.execute(query).mappings()
    ]
