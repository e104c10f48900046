"""Feedback and the evaluators that failed to give any."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import epochs, ratings, results, tables
from burnish.adapters.store.beside import beside_people
from burnish.adapters.store.engine import Database, chunked, upsert
from burnish.adapters.store.pulled import news, stored_ids
from burnish.adapters.store.rows import MACHINES, PEOPLE, clean, clean_json, micros, moment
from burnish.domain.agreement import Beside, Rating
from burnish.domain.alignment.compared import Compared
from burnish.domain.evaluators.series import FailureGroup, Series
from burnish.domain.feedback import CRITERION, EvaluatorFailure, Feedback
from burnish.domain.listing import MetricSummary

__all__ = ["FeedbackStore", "feedback_rows", "write_feedback"]


_items = tables.feedback
_failures = tables.evaluator_failures
_traces = tables.traces


class FeedbackStore:
    """What evaluators and people said of traces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, items: Iterable[Feedback]) -> int:
        """Store feedback, replacing what has the same id; a failure of the same evaluator and version goes away.

        Returns how many rows there are of what was given.
        """
        rows = feedback_rows(items)
        if rows:
            with self._database.write("feedback") as connection:
                write_feedback(connection, rows)
        return len(rows)

    def add_pulled(self, items: Iterable[Feedback]) -> int:
        """Store feedback from elsewhere; what is stored and says the same stays as it is. How many were news."""
        given = list(map(clean, items))
        if not given:
            return 0
        with self._database.write("feedback") as connection:
            rows = feedback_rows(news(connection, given))
            if rows:
                write_feedback(connection, rows)
        return len(rows)

    def stored(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that feedback is stored under."""
        with self._database.read() as connection:
            return stored_ids(connection, ids)

    def count_news(self, items: Iterable[Feedback]) -> int:
        """How many `add_pulled` would store."""
        with self._database.read() as connection:
            return len(news(connection, list(map(clean, items))))

    def add_failures(self, items: Iterable[EvaluatorFailure]) -> int:
        """Record that evaluators could not say, one row a (trace, evaluator, version): a later one replaces it."""
        given = {(item.trace_id, item.evaluator, item.version): item for item in map(clean, items)}
        rows = [item.model_dump() | {"created_at": micros(item.created_at)} for item in given.values()]
        with self._database.write("feedback") as connection:
            upsert(connection, _failures, rows)
        return len(rows)

    def for_trace(self, trace_id: str) -> list[Feedback]:
        """All feedback on one trace, oldest first."""
        return self.for_traces([trace_id])[trace_id]

    def for_traces(self, trace_ids: Sequence[str]) -> dict[str, list[Feedback]]:
        """All feedback by trace, oldest first; every id asked for is a key."""
        found: dict[str, list[Feedback]] = {trace_id: [] for trace_id in trace_ids}
        with self._database.read() as connection:
            for ids in chunked(list(found)):
                query = (
                    sa.select(_items.c.trace_id, _items.c.document)
                    .where(_items.c.trace_id.in_(ids))
                    .order_by(_items.c.created_at, _items.c.id)
                )
                for trace_id, document in connection.execute(query):
                    found[trace_id].append(Feedback.model_validate_json(document))
        return found

    def failures(self, trace_ids: Sequence[str]) -> dict[str, list[EvaluatorFailure]]:
        """Evaluator failures by trace, oldest first; every id asked for is a key."""
        found: dict[str, list[EvaluatorFailure]] = {trace_id: [] for trace_id in trace_ids}
        with self._database.read() as connection:
            for ids in chunked(list(found)):
                query = (
                    sa.select(_failures)
                    .where(_failures.c.trace_id.in_(ids))
                    .order_by(_failures.c.created_at, _failures.c.evaluator)
                )
                for row in connection.execute(query).mappings():
                    failure = EvaluatorFailure(**{**row, "created_at": moment(row["created_at"])})
                    found[failure.trace_id].append(failure)
        return found

    def done(self, evaluator: str, version: str, trace_ids: Sequence[str]) -> set[str]:
        """Which of the traces this version of the evaluator has judged already."""
        found: set[str] = set()
        with self._database.read() as connection:
            for ids in chunked(trace_ids):
                query = sa.select(_items.c.trace_id).where(
                    _items.c.trace_id.in_(ids),
                    _items.c.author == evaluator,
                    _items.c.version == version,
                    _items.c.source.in_(MACHINES),
                )
                found.update(connection.execute(query).scalars())
        return found

    def results(
        self, evaluator: str, version: str, key: str, trace_ids: Sequence[str]
    ) -> dict[str, tuple[float | None, str | bool | None]]:
        """Score and value that this version gave each trace under `key`; a trace without a result is left out."""
        with self._database.read() as connection:
            return results.results(connection, evaluator, version, key, trace_ids)

    def judged_at(
        self, evaluator: str, version: str, trace_ids: Sequence[str]
    ) -> dict[str, tuple[datetime, str | None]]:
        """When this version judged each trace, and the error's name where it could not say."""
        with self._database.read() as connection:
            return results.judged_at(connection, evaluator, version, trace_ids)

    def withdraw(self, evaluator: str, version: str, trace_ids: Sequence[str]) -> None:
        """Take back what this version said of the traces, for example of a session that has a later end now."""
        if trace_ids:
            with self._database.write("feedback") as connection:
                results.withdraw(connection, evaluator, version, trace_ids)

    def heard(self, agent: str) -> set[str]:
        """The agent's production traces of which people have said anything."""
        with self._database.read() as connection:
            return results.heard(connection, agent)

    def series(
        self,
        agent: str,
        key: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        pass_at: float = 0.5,
    ) -> list[Series]:
        """Daily means with intervals, a series an evaluator and version: for charts that join no two epochs.

        Scores from `pass_at` up are passes.
        """
        with self._database.read() as connection:
            return epochs.series(connection, agent, key, since, until, pass_at)

    def failure_groups(self, agent: str) -> list[FailureGroup]:
        """Why evaluators could not judge the agent's production traces, the most frequent reason first."""
        with self._database.read() as connection:
            return epochs.failure_groups(connection, agent)

    def beside_people(self, agent: str, key: str, label_keys: Sequence[str] = ()) -> dict[str, Beside]:
        """What people and judges scored under `key` on the same production traces as a whole, in full, by trace id.

        People's scores count as in `ratings`; the judges' are those of every version.
        """
        with self._database.read() as connection:
            return beside_people(connection, agent, key, label_keys)

    def corrections(self, agent: str) -> list[Feedback]:
        """The newest correction a person gave to each of the agent's traces (not to single spans), oldest first."""
        query = (
            sa.select(_items.c.trace_id, _items.c.document)
            .join(_traces, _traces.c.trace_id == _items.c.trace_id)
            .where(_traces.c.agent == agent, _items.c.corrects, _items.c.source.in_(PEOPLE), _items.c.span_id.is_(None))
            .order_by(_items.c.created_at, _items.c.id)
        )
        newest: dict[str, Feedback] = {}
        with self._database.read() as connection:
            for trace_id, document in connection.execute(query):
                newest.pop(trace_id, None)
                newest[trace_id] = Feedback.model_validate_json(document)
        return list(newest.values())

    def criteria(self, agent: str) -> dict[str, tuple[str, ...]]:
        """What people said a good output must meet, by trace of the agent's, each text once, oldest first."""
        query = (
            sa.select(_items.c.trace_id, _items.c.document)
            .join(_traces, _traces.c.trace_id == _items.c.trace_id)
            .where(_traces.c.agent == agent, _items.c.key == CRITERION, tables.by_people)
            .order_by(_items.c.created_at, _items.c.version, _items.c.id)
        )
        found: dict[str, dict[str, None]] = {}
        with self._database.read() as connection:
            for trace_id, document in connection.execute(query):
                comment = Feedback.model_validate_json(document).comment
                if comment:
                    found.setdefault(trace_id, {})[comment] = None
        return {trace_id: tuple(texts) for trace_id, texts in found.items()}

    def ratings(
        self,
        agent: str,
        key: str,
        version: str,
        label_keys: Sequence[str] = (),
        *,
        origin: str = "production",
        uncorrected: bool = False,
        scores: Mapping[str, float] | None = None,
    ) -> dict[str, Rating]:
        """Traces that both this version of a judge and people scored as a whole, by trace id.

        People's scores under `key` count, and where a trace has none, those under `label_keys`
        (`alignment.compared.counting`). Where an expert decided there between people who disagreed, that score alone
        counts. `origin` is "production" or "experiment". `uncorrected` leaves out traces with a correction, which a
        judge that is shown corrections has read. `scores` by trace id stand in for the judge's stored ones, for a judge
        that scores pairs and not each trace.
        """
        found = self.compared(agent, key, version, label_keys, origin=origin, uncorrected=uncorrected, scores=scores)
        return {trace_id: one.rating for trace_id, one in found.items()}

    def compared(
        self,
        agent: str,
        key: str,
        version: str,
        label_keys: Sequence[str] = (),
        *,
        origin: str = "production",
        uncorrected: bool = False,
        scores: Mapping[str, float] | None = None,
    ) -> dict[str, Compared]:
        """`ratings` with when and in which session, and what people said before an expert decided."""
        with self._database.read() as connection:
            return ratings.compared(connection, agent, key, version, label_keys, origin, uncorrected, scores)

    def orders(self, agent: str, key: str, version: str) -> Counter[str]:
        """How often a pairwise judge's two orders agreed, or which place won; of all the agent's traces."""
        with self._database.read() as connection:
            return ratings.orders(connection, agent, key, version)

    def summary(self, agent: str, since: datetime | None = None) -> list[MetricSummary]:
        """Results over the agent's production traces that started at or after `since`, by key, source and version.

        An evaluator that only failed is listed with source "unknown" and count 0.
        """
        wanted = [_traces.c.agent == agent, _traces.c.origin == "production"]
        if since is not None:
            wanted.append(_traces.c.started_at >= micros(since))
        given = (
            sa.select(
                _items.c.key,
                _items.c.source,
                _items.c.author,
                _items.c.version,
                sa.func.count(),
                sa.func.count(_items.c.score),
                sa.func.sum(_items.c.score),
            )
            .join(_traces, _traces.c.trace_id == _items.c.trace_id)
            .where(*wanted)
            .group_by(_items.c.key, _items.c.source, _items.c.author, _items.c.version)
        )
        failed = (
            sa.select(_failures.c.evaluator, _failures.c.version, sa.func.count())
            .join(_traces, _traces.c.trace_id == _failures.c.trace_id)
            .where(*wanted)
            .group_by(_failures.c.evaluator, _failures.c.version)
        )
        with self._database.read() as connection:
            failures = {(name, version): count for name, version, count in connection.execute(failed)}
            rows = connection.execute(given).all()
        return _summaries(rows, failures)


def feedback_rows(items: Iterable[Feedback]) -> list[dict[str, Any]]:
    """The rows of `feedback`, one an id: of the same feedback given twice the last counts."""
    rows = (_row(*clean_json(item)) for item in items)
    return list({row["id"]: row for row in rows}.values())


def _row(item: Feedback, body: bytes) -> dict[str, Any]:
    return {
        "id": item.id,
        "trace_id": item.trace_id,
        "span_id": item.span_id,
        "key": item.key,
        "source": item.source.value,
        "author": item.author,
        "version": item.version,
        "score": item.score,
        "corrects": item.correction is not None,
        "created_at": micros(item.created_at),
        "document": body.decode(),
    }


def write_feedback(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of `feedback_rows`; failures of evaluators that have now succeeded go away."""
    upsert(connection, _items, rows)
    succeeded = {(row["trace_id"], row["author"], row["version"]) for row in rows if row["source"] in MACHINES}
    columns = _failures.c
    failed: set[tuple[str, str, str]] = set()
    for ids in chunked(sorted({trace_id for trace_id, _, _ in succeeded})):
        query = sa.select(columns.trace_id, columns.evaluator, columns.version).where(columns.trace_id.in_(ids))
        failed.update((trace_id, evaluator, version) for trace_id, evaluator, version in connection.execute(query))
    succeeded &= failed  # nearly always none: a statement a row would take longer than the rows
    if succeeded:
        statement = sa.delete(_failures).where(
            columns.trace_id == sa.bindparam("of_trace"),
            columns.evaluator == sa.bindparam("of_evaluator"),
            columns.version == sa.bindparam("of_version"),
        )
        names = ("of_trace", "of_evaluator", "of_version")
        connection.execute(statement, [dict(zip(names, one, strict=True)) for one in succeeded])


def _summaries(rows: Iterable[Any], failures: dict[tuple[str, str], int]) -> list[MetricSummary]:
    counts: dict[tuple[str, str, str], tuple[int, int, float, int]] = {}
    silent = dict(failures)
    for key, source, author, version, count, scored, total in rows:
        failed = failures.get((author, version), 0) if source in MACHINES else 0
        if source in MACHINES:
            silent.pop((author, version), None)
        # People are many authors of one key: their rows add up.
        so_far = counts.get((key, source, version), (0, 0, 0.0, 0))
        counts[key, source, version] = (
            so_far[0] + count,
            so_far[1] + scored,
            so_far[2] + (total or 0.0),
            so_far[3] + failed,
        )
    for (evaluator, version), failed in silent.items():
        counts[evaluator, "unknown", version] = (0, 0, 0.0, failed)
    return [
        MetricSummary(
            key=key,
            source=source,
            version=version,
            count=count,
            scored=scored,
            mean=total / scored if scored else None,
            failures=failed,
        )
        for (key, source, version), (count, scored, total, failed) in sorted(counts.items())
    ]
