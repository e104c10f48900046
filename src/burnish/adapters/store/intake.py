"""Newer corrections for held-out examples, inside the store: curation hears only how many there were.

What people say of a trace behind a held-out example is sealed as the example is, so `loop.curate` cannot carry it in.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import chunked
from burnish.adapters.store.rows import PEOPLE
from burnish.domain.datasets import Example, Split, said_by
from burnish.domain.feedback import CRITERION, Feedback

__all__ = ["corrected"]

_items = tables.feedback
_traces = tables.traces
_examples = tables.examples


def corrected(connection: Connection, agent: str, dataset_id: str) -> list[Example]:
    """Held-out examples that the newest correction of a production trace with their input makes say something else."""
    held_out = sa.select(_examples.c.id, _examples.c.document).where(
        _examples.c.dataset_id == dataset_id,
        _examples.c.split == Split.HELD_OUT.value,
        _examples.c.retired_at.is_(None),
    )
    known = {row.id: row.document for row in connection.execute(held_out)}
    newest: dict[str, Feedback] = {}
    for ids in chunked(list(known)):
        query = (
            sa.select(_traces.c.example_id, _items.c.document)
            .join(_traces, _traces.c.trace_id == _items.c.trace_id)
            .where(
                _traces.c.agent == agent,
                _traces.c.origin == "production",
                _traces.c.example_id.in_(ids),
                _items.c.corrects,
                _items.c.source.in_(PEOPLE),
                _items.c.span_id.is_(None),
            )
            .order_by(_items.c.created_at, _items.c.id)
        )
        newest.update(
            (example_id, Feedback.model_validate_json(document)) for example_id, document in connection.execute(query)
        )
    changed = []
    for example_id, correction in newest.items():
        before = Example.model_validate_json(known[example_id])
        after = before.model_copy(
            update={
                "expected": correction.correction,
                "criteria": _criteria(connection, correction.trace_id),
                "metadata": {**before.metadata, "origin": "correction"},
            }
        )
        if said_by(before) != said_by(after) or before.metadata != after.metadata:
            changed.append(after)
    return [*changed, *_stated(connection, agent, {i: document for i, document in known.items() if i not in newest})]


def _stated(connection: Connection, agent: str, known: dict[str, str]) -> list[Example]:
    """Uncorrected held-out examples with what people have said since that a good output must meet."""
    traces: dict[str, list[str]] = {}
    for ids in chunked(list(known)):
        query = (
            sa.select(_traces.c.example_id, _traces.c.trace_id)
            .join(_items, _items.c.trace_id == _traces.c.trace_id)
            .where(
                _traces.c.agent == agent,
                _traces.c.origin == "production",
                _traces.c.example_id.in_(ids),
                _items.c.key == CRITERION,
            )
            .distinct()
            .order_by(_traces.c.trace_id)
        )
        for example_id, trace_id in connection.execute(query):
            traces.setdefault(example_id, []).append(trace_id)
    changed = []
    for example_id, trace_ids in traces.items():
        before = Example.model_validate_json(known[example_id])
        texts = tuple(dict.fromkeys(text for one in trace_ids for text in _criteria(connection, one)))
        if texts and texts != before.criteria:
            changed.append(before.model_copy(update={"criteria": texts}))
    return changed


def _criteria(connection: Connection, trace_id: str) -> tuple[str, ...]:
    query = sa.select(_items.c.document).where(_items.c.trace_id == trace_id, _items.c.key == CRITERION)
    items = [
        Feedback.model_validate_json(document)
        for document in connection.execute(query.order_by(_items.c.created_at, _items.c.id)).scalars()
    ]
    return tuple(dict.fromkeys(item.comment for item in items if item.source.value in PEOPLE and item.comment))
