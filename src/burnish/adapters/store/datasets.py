"""Datasets and their examples. Train and dev can be read here; held-out examples only go in.

What the gate reads of the held-out split is in `sealed.py`, which `loop.measure` alone imports. Everything here that
touches held-out examples gives counts, yes or no, or nothing.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import intake, tables, versions
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.rows import clean, micros, scrub
from burnish.domain.base import Value, content_hash, utc_now
from burnish.domain.dataset_versions import DatasetDiff, DatasetVersion, Standing
from burnish.domain.datasets import Dataset, Example, Split, SplitRule, VisibleSplit, fingerprint, said_by
from burnish.domain.similarity import text_of_input
from burnish.domain.splitting import Placed, assign, group_keys, resembling
from burnish.domain.traces import Trace
from burnish.domain.wear import Wear, wear_of
from burnish.errors import InputError, NotFoundError

__all__ = ["DatasetStore", "Placement"]

_datasets = tables.datasets
_examples = tables.examples
_uses = tables.example_uses


class Placement(Value):
    """What became of offered examples: how many are new, and how many would have straddled two splits."""

    dataset: Dataset
    added: int
    left_out: int


class DatasetStore:
    """An agent's examples in three splits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, agent: str, name: str, examples: Sequence[tuple[Example, Split]]) -> Dataset:
        """Add examples to a dataset, creating it; a change makes a version.

        One that exists keeps its split, group, input and trace; what is expected of it and its metadata are updated.
        One that was retired stays so.
        """
        with self._database.write("datasets") as connection:
            return _add(connection, scrub(agent), scrub(name), examples)

    def place(
        self, agent: str, name: str, examples: Sequence[Example], rule: SplitRule, shown: Sequence[Placed] = ()
    ) -> Placement:
        """Find the split of each example (see `domain.splitting.assign`) and add it; known ones are updated.

        The known examples, sealed ones too, are compared here and do not leave the store.
        """
        agent, name = scrub(agent), scrub(name)
        offered = [clean(one) for one in examples]
        while True:
            with self._database.read() as connection:
                known = {one.id: (one, split) for one, split in _read(connection, content_hash(agent, name))}
            placed = {
                example_id: Placed(text_of_input(one.input), one.group, split, group_keys(one, rule))
                for example_id, (one, split) in known.items()
            }
            found = assign(placed, offered, rule, shown)
            with self._database.write("datasets") as connection:
                if _ids(connection, content_hash(agent, name)) != known.keys():
                    continue  # somebody else placed meanwhile: comparing takes too long to hold the lock over it
                dataset = _add(connection, agent, name, found)
            kept = {example.id for example, _ in found}
            return Placement(
                dataset=dataset,
                added=len(kept - known.keys()),
                left_out=len({example.id for example in offered} - kept),
            )

    def refresh_sealed(self, agent: str, name: str) -> int:
        """Give held-out examples the newest correction people made of their inputs; how many that changed."""
        agent, name = scrub(agent), scrub(name)
        with self._database.write("datasets") as connection:
            changed = intake.corrected(connection, agent, content_hash(agent, name))
            if changed:
                _add(connection, agent, name, [(example, Split.HELD_OUT) for example in changed])
            return len(changed)

    def retire(self, agent: str, name: str, ids: Collection[str], reason: str) -> int:
        """Take examples out of use for good; how many that were. They keep their place, so no look-alike gets loose.

        Raises NotFoundError naming the ids that the dataset does not have.
        """
        dataset_id = self.get(agent, name).id
        with self._database.write("datasets") as connection:
            unknown = sorted(set(ids) - _ids(connection, dataset_id))
            if unknown:
                raise NotFoundError(f"dataset '{name}' of agent '{agent}' has no example {', '.join(unknown)}")
            return _retire(connection, dataset_id, ids, reason)

    def retire_worn(self, agent: str, name: str, rule: SplitRule) -> int:
        """Take every worn held-out example out of use; how many those were."""
        dataset_id = self.get(agent, name).id
        with self._database.write("datasets") as connection:
            worn = [one for one, count in _used(connection, dataset_id).items() if count > rule.worn_after]
            return _retire(connection, dataset_id, worn, f"measured on more than {rule.worn_after} nights")

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

    def of_trace(self, agent: str, trace_id: str) -> list[tuple[str, str, VisibleSplit]]:
        """Dataset, id and split of the train and dev examples in use that a trace gave.

        A trace behind a held-out example gives none, as one behind no example does.
        """
        query = (
            sa.select(_datasets.c.name, _examples.c.id, _examples.c.split)
            .join(_datasets, _datasets.c.id == _examples.c.dataset_id)
            .where(
                _examples.c.trace_id == trace_id,
                _examples.c.split.in_([Split.TRAIN.value, Split.DEV.value]),
                _examples.c.retired_at.is_(None),
                _datasets.c.agent == agent,
            )
            .order_by(_datasets.c.name, _examples.c.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            (name, example_id, Split.DEV if split == Split.DEV else Split.TRAIN) for name, example_id, split in rows
        ]

    def examples(self, agent: str, name: str, split: VisibleSplit) -> list[Example]:
        """Train or dev examples in use, oldest first.

        Raises InputError for the held-out split, which only the gate may read.
        """
        if split not in (Split.TRAIN, Split.DEV):
            raise InputError("the held-out split is sealed: only the gate reads it")
        with self._database.read() as connection:
            return [one for one, _ in _read(connection, content_hash(agent, name), split, in_use=True)]

    def sealed_origins(self, agent: str, name: str) -> dict[str, int]:
        """How many held-out examples came from corrections, failing and passing traces."""
        counts: dict[str, int] = {}
        with self._database.read() as connection:
            for example, _ in _read(connection, content_hash(agent, name), Split.HELD_OUT):
                origin = str(example.metadata.get("origin", ""))
                counts[origin] = counts.get(origin, 0) + 1
        return counts

    def hidden(self, agent: str, name: str, traces: Sequence[Trace], rule: SplitRule) -> set[str]:
        """Ids of those traces that would give a held-out example away.

        They have its input, nearly the same text, or its user, session or template where the rule groups by those.
        """
        with self._database.read() as connection:
            sealed = [one for one, _ in _read(connection, content_hash(agent, name), Split.HELD_OUT)]
        if not sealed:
            return set()
        ids = {example.id for example in sealed}
        keys = {key for example in sealed for key in group_keys(example, rule)}
        texts = [text_of_input(example.input) for example in sealed]
        alike = resembling([text_of_input(trace.input) for trace in traces], texts, rule.near_duplicate)
        return {
            trace.trace_id
            for number, trace in enumerate(traces)
            if number in alike
            or Example.id_for(agent, trace.input) in ids
            or not keys.isdisjoint(group_keys(Example.of_trace(trace), rule))
        }

    def wear(self, agent: str, name: str, rule: SplitRule) -> Wear:
        """How used the held-out examples in use are, in counts."""
        with self._database.read() as connection:
            return wear_of(list(_used(connection, content_hash(agent, name)).values()), rule.worn_after)

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

    def versions(self, agent: str, name: str) -> list[DatasetVersion]:
        """Versions of a dataset, newest first; empty where none is kept."""
        with self._database.read() as connection:
            return versions.listed(connection, content_hash(agent, name))

    def list(self, agent: str | None = None) -> list[Dataset]:
        """Datasets, of one agent or of all, by agent and name."""
        with self._database.read() as connection:
            return _datasets_of(connection, sa.true() if agent is None else _datasets.c.agent == agent)

    def diff(self, agent: str, name: str, since: int, until: int | None = None) -> DatasetDiff:
        """What changed after version `since` up to `until` (None: the newest).

        Raises NotFoundError for versions that are not there, InputError for a wrong order.
        """
        dataset = self.get(agent, name)
        until = dataset.version if until is None else until
        with self._database.read() as connection:
            splits = versions.diff(connection, dataset, since, until)
        return DatasetDiff(agent=agent, name=name, since=since, until=until, splits=splits)


def _add(connection: Connection, agent: str, name: str, examples: Sequence[tuple[Example, Split]]) -> Dataset:
    dataset_id = content_hash(agent, name)
    given = {item.id: (item, split) for item, split in ((clean(one), split) for one, split in examples)}
    row = {"id": dataset_id, "agent": agent, "name": name, "fingerprint": fingerprint([])}
    upsert(connection, _datasets, [row], keep=None)
    before = _standing(connection, dataset_id)
    present = {one.id: (one, split, position) for one, split, position in _positions(connection, dataset_id)}
    following = 1 + max((position for _, _, position in present.values()), default=-1)
    rows = []
    for offset, (example, split) in enumerate(given.values()):
        position = following + offset
        if example.id in present:
            kept, split, position = present[example.id]
            fixed = {"input": kept.input, "group": kept.group, "trace_id": kept.trace_id}
            example = example.model_copy(update=fixed)
        rows.append(_row(dataset_id, example, split, position))
    upsert(connection, _examples, rows)
    _stamp(connection, dataset_id, before)
    return _datasets_of(connection, _datasets.c.id == dataset_id)[0]


def _retire(connection: Connection, dataset_id: str, ids: Collection[str], reason: str) -> int:
    before = _standing(connection, dataset_id)
    wanted = [one for one in ids if before[one].in_use]
    statement = sa.update(_examples).where(
        _examples.c.dataset_id == dataset_id, _examples.c.id == sa.bindparam("which")
    )
    if wanted:
        values = {"retired_at": micros(utc_now()), "retired_for": scrub(reason)}
        connection.execute(statement.values(**values), [{"which": one} for one in wanted])
        _stamp(connection, dataset_id, before)
    return len(wanted)


def _stamp(connection: Connection, dataset_id: str, before: dict[str, Standing]) -> None:
    """Bring the fingerprint up to date and keep a version of what changed."""
    hashed = fingerprint(one for one, _ in _read(connection, dataset_id, in_use=True))
    connection.execute(sa.update(_datasets).where(_datasets.c.id == dataset_id).values(fingerprint=hashed))
    versions.keep(connection, dataset_id, hashed, before, _standing(connection, dataset_id))


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


def _query(dataset_id: str, split: Split | None = None, *, in_use: bool = False) -> sa.Select[Any]:
    columns = _examples.c
    query = sa.select(columns.document, columns.split, columns.position, columns.retired_at)
    query = query.where(columns.dataset_id == dataset_id).order_by(columns.position, columns.id)
    if split is not None:
        query = query.where(columns.split == split.value)
    return query.where(columns.retired_at.is_(None)) if in_use else query


def _positions(connection: Connection, dataset_id: str) -> list[tuple[Example, Split, int]]:
    rows = connection.execute(_query(dataset_id))
    return [(Example.model_validate_json(document), Split(of), position) for document, of, position, _ in rows]


def _read(
    connection: Connection, dataset_id: str, split: Split | None = None, *, in_use: bool = False
) -> list[tuple[Example, Split]]:
    rows = connection.execute(_query(dataset_id, split, in_use=in_use))
    return [(Example.model_validate_json(document), Split(of)) for document, of, _, _ in rows]


def _standing(connection: Connection, dataset_id: str) -> dict[str, Standing]:
    found = {}
    for document, split, _, retired_at in connection.execute(_query(dataset_id)):
        example = Example.model_validate_json(document)
        found[example.id] = Standing(Split(split), said_by(example), retired_at is None)
    return found


def _ids(connection: Connection, dataset_id: str) -> set[str]:
    query = sa.select(_examples.c.id).where(_examples.c.dataset_id == dataset_id)
    return set(connection.execute(query).scalars())


def _used(connection: Connection, dataset_id: str) -> dict[str, int]:
    """On how many nights the gate measured each held-out example in use."""
    same = sa.and_(_uses.c.dataset_id == _examples.c.dataset_id, _uses.c.example_id == _examples.c.id)
    query = (
        sa.select(_examples.c.id, sa.func.count(_uses.c.night))
        .select_from(_examples.outerjoin(_uses, same))
        .where(
            _examples.c.dataset_id == dataset_id,
            _examples.c.split == Split.HELD_OUT.value,
            _examples.c.retired_at.is_(None),
        )
        .group_by(_examples.c.id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _datasets_of(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Dataset]:
    counted = (
        sa.select(_examples.c.dataset_id, _examples.c.split, sa.func.count())
        .join(_datasets, _datasets.c.id == _examples.c.dataset_id)
        .where(condition, _examples.c.retired_at.is_(None))
        .group_by(_examples.c.dataset_id, _examples.c.split)
    )
    counts: dict[str, dict[Split, int]] = {}
    for dataset_id, split, count in connection.execute(counted):
        counts.setdefault(dataset_id, {})[Split(split)] = count
    kept = tables.dataset_versions
    newest = sa.select(sa.func.max(kept.c.number)).where(kept.c.dataset_id == _datasets.c.id).scalar_subquery()
    query = sa.select(_datasets, newest.label("version")).where(condition)
    return [
        Dataset(
            id=row["id"],
            agent=row["agent"],
            name=row["name"],
            fingerprint=row["fingerprint"],
            counts={split: counts.get(row["id"], {}).get(split, 0) for split in Split},
            version=row["version"] or 0,
        )
        for row in connection.execute(query.order_by(_datasets.c.agent, _datasets.c.name)).mappings()
    ]
