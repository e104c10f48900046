"""The only reader of held-out examples. `loop.measure` imports it for the gate; nothing else may (tests check it)."""

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

    def take(self, night: str, limit: int) -> list[Example]:
        """The examples of the gate's measurement on `night`, at most `limit`, booked as used on that night.

        The least used come first; the same night takes the same again and counts once (see `domain.wear.choose`).
        """
        known = {example.id: example for example in self.examples()}
        used = sa.select(_uses.c.example_id, _uses.c.night).where(_uses.c.dataset_id == self._dataset_id)
        with self._database.write("datasets") as connection:
            earlier: dict[str, int] = {}
            tonight: set[str] = set()
            for example_id, when in connection.execute(used):
                if when == night:
                    tonight.add(example_id)
                else:
                    earlier[example_id] = earlier.get(example_id, 0) + 1
            chosen = choose(list(known), earlier, tonight, limit)
            rows = [{"dataset_id": self._dataset_id, "example_id": one, "night": night} for one in chosen]
            upsert(connection, _uses, rows, keep=None)
        return [known[one] for one in chosen]
