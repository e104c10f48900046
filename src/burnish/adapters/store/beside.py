"""People's words beside judges' on the same traces, in full: for reading where they differ."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store.engine import chunked
from burnish.adapters.store.tables import by_people, feedback, traces
from burnish.domain.agreement import Beside
from burnish.domain.alignment.compared import blind, counting
from burnish.domain.feedback import Feedback, FeedbackSource

__all__ = ["beside_people"]


def beside_people(connection: Connection, agent: str, key: str, label_keys: Sequence[str]) -> dict[str, Beside]:
    """See `FeedbackStore.beside_people`. Labels are few and verdicts many, so the labels are read first."""
    whole = (feedback.c.span_id.is_(None), feedback.c.score.is_not(None))
    labels = (
        sa.select(feedback.c.document)
        .join(traces, traces.c.trace_id == feedback.c.trace_id)
        .where(
            feedback.c.key.in_([key, *label_keys]),
            by_people,
            *whole,
            traces.c.agent == agent,
            traces.c.origin == "production",
        )
        .order_by(feedback.c.trace_id, feedback.c.id)
    )
    people: dict[str, list[Feedback]] = {}
    for document in connection.execute(labels).scalars():
        item = Feedback.model_validate_json(document)
        people.setdefault(item.trace_id, []).append(item)
    judges: dict[str, list[Feedback]] = {}
    for ids in chunked(list(people)):
        verdicts = (
            sa.select(feedback.c.document)
            .where(feedback.c.trace_id.in_(ids), feedback.c.key == key, *whole)
            .where(feedback.c.source == FeedbackSource.JUDGE.value)
            .order_by(feedback.c.created_at, feedback.c.id)
        )
        for document in connection.execute(verdicts).scalars():
            item = Feedback.model_validate_json(document)
            judges.setdefault(item.trace_id, []).append(item)
    return {
        trace_id: Beside(counting(people[trace_id], key), tuple(said), blind(people[trace_id], key))
        for trace_id, said in sorted(judges.items())
    }
