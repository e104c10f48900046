"""The only reader of held-out examples. `loop.measure` imports it for the gate; nothing else may (tests check it)."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import upsert
from burnish.domain.base import content_hash
from burnish.domain.datasets import Example, Split
from burnish.domain.wear import choose

if TYPE_CHECKING:
    from burnish.adapters.store.store import Store

__all__ = ["HeldOut"]

_examples = tables.examples
_uses = tables.example_uses


class HeldOut:
    """The held-out examples of one dataset. Holding one is the right to read them."""

    def __init__(self, store: "Store", agent: str, name: str) -> None:
        self._database = store._database
        self._dataset_id = content_hash(agent, name)

    def __repr__(self) -> str:
        return f"<held-out examples of dataset {self._dataset_id}>"

    def examples(self) -> tuple[Example, ...]:
        """All that are in use, oldest first."""
        columns = _examples.c
        query = (
            sa.select(columns.document)
            .where(
                columns.dataset_id == self._dataset_id,
                columns.split == Split.HELD_OUT.value,
                columns.retired_at.is_(None),
            )
            .order_by(columns.position, columns.id)
        )
        with self._database.read() as connection:
            return tuple(Example.model_validate_json(document) for document in connection.execute(query).scalars())

    def least_used(self, limit: int, without: Collection[str] = ()) -> list[str]:
        """Ids of at most `limit` examples for a new measurement, the least used first; groups stay together."""
        counted = (
            sa.select(_uses.c.example_id, sa.func.count())
            .where(_uses.c.dataset_id == self._dataset_id)
            .group_by(_uses.c.example_id)
        )
        with self._database.read() as connection:
            uses = {example_id: int(count) for example_id, count in connection.execute(counted)}
        examples = [one for one in self.examples() if one.id not in without]
        return choose([one.id for one in examples], uses, limit, {one.id: one.group for one in examples if one.group})

    def groups(self) -> dict[str, str]:
        """The group of each held-out example by id, also of those retired since: earlier nights measured them."""
        columns = _examples.c
        query = sa.select(columns.document).where(
            columns.dataset_id == self._dataset_id, columns.split == Split.HELD_OUT.value
        )
        with self._database.read() as connection:
            found = [Example.model_validate_json(one) for one in connection.execute(query).scalars()]
        return {one.id: one.group for one in found if one.group}

    def read(self, order: Sequence[str]) -> list[Example]:
        """The examples of a measurement in its order; one that was retired since is left out."""
        known = {example.id: example for example in self.examples()}
        return [known[one] for one in order if one in known]

    def use(self, night: str, ids: Sequence[str]) -> None:
        """Book that the gate measures these on `night`; the same night counts once."""
        rows = [{"dataset_id": self._dataset_id, "example_id": one, "night": night} for one in ids]
        with self._database.write("datasets") as connection:
            upsert(connection, _uses, rows, keep=None)
