"""Old traces go, and those that are named, in batches that are each whole: stopped in between, the next start goes on.

Examples are rows of their own and stay, also held-out ones, whose splits and seals hang on nothing that goes: a trace
that is gone can be shown to nobody.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from itertools import chain

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import review_tables, tables
from burnish.adapters.store.engine import Database, chunked
from burnish.adapters.store.ingest import EXPERIMENT
from burnish.adapters.store.rows import micros
from burnish.domain.experiments import Run
from burnish.domain.proposals import Cluster, Proposal
from burnish.domain.retention import OPEN_PROPOSALS, Pruned, PruneRule

__all__ = ["RetentionStore"]

TRACES_A_BATCH = 500
ROWS_A_BATCH = 1_000
PAGES_A_STEP = 1_000

_traces, _feedback, _failures = tables.traces, tables.feedback, tables.evaluator_failures
_queued = review_tables.queue_items


class RetentionStore:
    """What is too old to be kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, rule: PruneRule) -> Pruned:
        """What `prune` would take, touching nothing."""
        with self._database.read() as connection:
            kept, going = self._cited(connection, rule), _old(rule)
            traces, spans = _sums(connection, *going)
            said = _said_of(connection, *going)
            cited = [
                (*_sums(connection, *going, here), _said_of(connection, *going, here))
                for ids in chunked(sorted(kept))
                for here in (_traces.c.trace_id.in_(ids),)
            ]
            nights = answers = 0
            if rule.before is not None and not rule.named:
                nights = len(_old_nights(connection, rule, rule.before))
                replies = sa.select(sa.func.count()).select_from(_old_replies(rule, rule.before).subquery())
                answers = connection.execute(replies).scalar_one()
        return Pruned(
            traces=traces - sum(count for count, _, _ in cited),
            spans=spans - sum(count for _, count, _ in cited),
            feedback=said - sum(count for _, _, count in cited),
            kept=sum(count for count, _, _ in cited),
            clusters=nights,
            replies=answers,
        )

    def prune(self, rule: PruneRule, progress: Callable[[Pruned], None] | None = None) -> Pruned:
        """Take it out, telling the sums so far after each batch. Safe to repeat and to stop at any point."""
        done = Pruned()
        for part in chain.from_iterable(self._steps(rule)):
            done += part
            if progress is not None:
                progress(done)
        with self._database.read() as connection:
            kept, _ = _sums(connection, *_old(rule))
        return done.model_copy(update={"kept": kept})

    def size(self) -> tuple[int, int]:
        """Bytes the database takes, and bytes in it that are free for new rows (0 where the server does not say)."""
        with self._database.read() as connection:
            if not self._database.is_sqlite:
                return int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()), 0
            page, pages, free = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                for name in ("page_size", "page_count", "freelist_count")
            )
            return page * pages, page * free

    def shrink(self, whole: bool = False) -> None:
        """Give free pages of SQLite back to the disk, a thousand a step so that writers come in between.

        A database made before this could be done step by step needs `whole`: SQLite then copies it, which takes as
        much disk again, and nobody may write meanwhile. PostgreSQL reuses the room by itself.
        """
        if not self._database.is_sqlite:
            return
        raw = self._database.engine.raw_connection()
        try:
            cursor = raw.cursor()
            if whole:
                cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
                cursor.execute("VACUUM")
            else:
                while cursor.execute("PRAGMA freelist_count").fetchone()[0]:
                    before = cursor.execute("PRAGMA page_count").fetchone()[0]
                    cursor.execute(f"PRAGMA incremental_vacuum({PAGES_A_STEP})").fetchall()
                    if cursor.execute("PRAGMA page_count").fetchone()[0] == before:
                        break
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            cursor.close()
        finally:
            raw.close()

    def _steps(self, rule: PruneRule) -> Iterator[Iterator[Pruned]]:
        yield self._prune_traces(rule)
        if rule.before is not None and not rule.named:
            yield self._prune_orphans(rule, rule.before)
            yield self._prune_outputs(rule, rule.before)
            yield self._prune_clusters(rule, rule.before)
            yield self._prune_replies(rule, rule.before)
        self._prune_members(rule)

    def _cited(self, connection: Connection, rule: PruneRule) -> set[str]:
        """Traces that examples and open proposals name."""
        if rule.cited:
            return set()
        behind = sa.select(tables.examples.c.trace_id).where(tables.examples.c.trace_id.is_not(None))
        proposals = sa.select(tables.proposals.c.document).where(
            tables.proposals.c.status.in_([status.value for status in OPEN_PROPOSALS])
        )
        found = set(connection.execute(behind).scalars())
        for document in connection.execute(proposals).scalars():
            found.update(Proposal.model_validate_json(document).evidence_trace_ids)
        return found

    def _prune_traces(self, rule: PruneRule) -> Iterator[Pruned]:
        with self._database.read() as connection:
            kept = self._cited(connection, rule)
        after: tuple[int, str] = (-(2**62), "")
        while True:
            order = sa.tuple_(_traces.c.started_at, _traces.c.trace_id)
            query = (
                sa.select(_traces.c.started_at, _traces.c.trace_id, _traces.c.spans)
                .where(*_old(rule), order > sa.tuple_(*map(sa.literal, after)))
                .order_by(_traces.c.started_at, _traces.c.trace_id)
                .limit(TRACES_A_BATCH)
            )
            with self._database.write("traces", "feedback", "queues") as connection:
                rows = connection.execute(query).all()
                if not rows:
                    return
                after = (rows[-1].started_at, rows[-1].trace_id)
                going = [row.trace_id for row in rows if row.trace_id not in kept]
                feedback = connection.execute(sa.delete(_feedback).where(_feedback.c.trace_id.in_(going))).rowcount
                failures = connection.execute(sa.delete(_failures).where(_failures.c.trace_id.in_(going))).rowcount
                # What reviewers said stands in their seats too, which follow; and nobody can label what is gone.
                connection.execute(sa.delete(_queued).where(_queued.c.trace_id.in_(going)))
                connection.execute(sa.delete(_traces).where(_traces.c.trace_id.in_(going)))  # spans and payloads follow
            spans = sum(row.spans for row in rows if row.trace_id not in kept)
            yield Pruned(traces=len(going), spans=spans, feedback=feedback, failures=failures)

    def _prune_orphans(self, rule: PruneRule, before: dt.datetime) -> Iterator[Pruned]:
        """Feedback whose trace never came, or went another way."""
        if rule.agent is not None:
            return
        alone = ~sa.select(sa.literal(1)).where(_traces.c.trace_id == _feedback.c.trace_id).exists()
        with self._database.write("traces", "feedback") as connection:
            old = _feedback.c.created_at < micros(before)
            gone = connection.execute(sa.delete(_feedback).where(old, alone)).rowcount
        if gone:
            yield Pruned(feedback=gone)

    def _prune_outputs(self, rule: PruneRule, before: dt.datetime) -> Iterator[Pruned]:
        """What offline runs of old experiments said; status and scores stay, for these are what was measured."""
        if not rule.experiments:
            return
        experiments, runs = tables.experiments, tables.runs
        old = sa.select(experiments.c.id).where(experiments.c.created_at < micros(before))
        if rule.agent is not None:
            old = old.where(experiments.c.agent == rule.agent)
        with self._database.read() as connection:
            ids = list(connection.execute(old).scalars())
        for one in ids:
            with self._database.write("experiments") as connection:
                emptied = 0
                rows = connection.execute(sa.select(runs).where(runs.c.experiment_id == one)).mappings().all()
                for row in rows:
                    run = Run.model_validate_json(row["document"])
                    if run.output is None and run.error is None:
                        continue
                    emptied += 1
                    bare = run.model_copy(update={"output": None, "error": None})
                    same = sa.and_(*(column == row[column.name] for column in runs.primary_key.columns))
                    connection.execute(sa.update(runs).where(same).values(document=bare.model_dump_json()))
            if emptied:
                yield Pruned(outputs=emptied)

    def _prune_clusters(self, rule: PruneRule, before: dt.datetime) -> Iterator[Pruned]:
        """Groups of old nights, save the newest a later night takes identities from."""
        nights = tables.cluster_nights
        with self._database.write("clusters") as connection:
            gone = _old_nights(connection, rule, before)
            for agent, night in gone:
                connection.execute(sa.delete(nights).where(nights.c.agent == agent, nights.c.night == night))
        if gone:
            yield Pruned(clusters=len(gone))

    def _prune_members(self, rule: PruneRule) -> None:
        """Members of clusters that are gone."""
        clusters = tables.clusters
        with self._database.write("clusters") as connection:
            query = sa.select(clusters)
            if rule.agent is not None:
                query = query.where(clusters.c.agent == rule.agent)
            for row in connection.execute(query).mappings().all():
                cluster = Cluster.model_validate_json(row["document"])
                there = _there(connection, cluster.trace_ids)
                if len(there) < len(cluster.trace_ids):
                    left = tuple(one for one in cluster.trace_ids if one in there)
                    same = sa.and_(*(column == row[column.name] for column in clusters.primary_key.columns))
                    document = cluster.model_copy(update={"trace_ids": left}).model_dump_json()
                    connection.execute(sa.update(clusters).where(same).values(document=document))

    def _prune_replies(self, rule: PruneRule, before: dt.datetime) -> Iterator[Pruned]:
        """Stored answers of models whose questions were last paid for before then; what they cost stays booked."""
        replies = tables.model_replies
        while True:
            with self._database.write("calls") as connection:
                keys = list(connection.execute(_old_replies(rule, before).limit(ROWS_A_BATCH)).scalars())
                for some in chunked(keys):
                    connection.execute(sa.delete(replies).where(replies.c.key.in_(some)))
            if not keys:
                return
            yield Pruned(replies=len(keys))


def _old(rule: PruneRule) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if rule.before is not None:
        found.append(_traces.c.started_at < micros(rule.before))
    if rule.user_id:
        found.append(_traces.c.user_id == rule.user_id)
    if rule.session_id:
        found.append(_traces.c.session_id == rule.session_id)
    if rule.trace_ids:
        found.append(_traces.c.trace_id.in_(rule.trace_ids))
    if rule.agent is not None:
        found.append(_traces.c.agent == rule.agent)
    if not rule.experiments:
        found.append(_traces.c.origin != EXPERIMENT)
    return found


def _sums(connection: Connection, *conditions: sa.ColumnElement[bool]) -> tuple[int, int]:
    """How many traces there are, and their spans."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_traces.c.spans), 0)).where(*conditions)
    traces, spans = connection.execute(query).one()
    return int(traces), int(spans)


def _said_of(connection: Connection, *conditions: sa.ColumnElement[bool]) -> int:
    """How many scores and remarks there are on these traces."""
    joined = sa.join(_feedback, _traces, _feedback.c.trace_id == _traces.c.trace_id)
    return int(connection.execute(sa.select(sa.func.count()).select_from(joined).where(*conditions)).scalar_one())


def _there(connection: Connection, ids: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    for some in chunked(ids):
        found.update(connection.execute(sa.select(_traces.c.trace_id).where(_traces.c.trace_id.in_(some))).scalars())
    return found


def _old_nights(connection: Connection, rule: PruneRule, before: dt.datetime) -> list[tuple[str, str]]:
    """Nights with clusters before the day, as (agent, night); not an agent's newest, nor its newest with any."""
    clusters, nights = tables.clusters, tables.cluster_nights
    kept = {
        (agent, night)
        for table in (nights, clusters)
        for agent, night in connection.execute(
            sa.select(table.c.agent, sa.func.max(table.c.night)).group_by(table.c.agent)
        )
    }
    query = sa.select(nights.c.agent, nights.c.night)
    if rule.agent is not None:
        query = query.where(nights.c.agent == rule.agent)
    day = before.date().isoformat()
    found = [(agent, night) for agent, night in connection.execute(query) if night.rpartition("/")[2] < day]
    return [one for one in found if one not in kept]


def _old_replies(rule: PruneRule, before: dt.datetime) -> sa.Select[tuple[str]]:
    replies, calls = tables.model_replies.c, tables.model_calls.c
    paid = sa.select(sa.literal(1)).where(calls.key == replies.key)
    old = sa.select(replies.key).where(~paid.where(calls.created_at >= micros(before)).exists())
    # Which agent a question was for is known from the night that paid for it.
    return (
        old.where(paid.where(calls.night.startswith(f"{rule.agent}/", autoescape=True)).exists()) if rule.agent else old
    )
