"""The tables. Lists read the narrow ones; what agents said and saw lies in `*_payloads`, read only on demand.

Times are microseconds since 1970 (see `rows.micros`). A `document` is the whole value as JSON; the columns beside it
are those that queries need.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from burnish.adapters.store.rows import PEOPLE

__all__ = [
    "annotations",
    "by_people",
    "cluster_nights",
    "clusters",
    "dataset_versions",
    "datasets",
    "evaluator_failures",
    "example_uses",
    "examples",
    "experiments",
    "feedback",
    "gate_attempts",
    "metadata",
    "model_calls",
    "model_replies",
    "night_stages",
    "nights",
    "proposals",
    "pull_requests",
    "redactions",
    "runs",
    "source_positions",
    "span_payloads",
    "spans",
    "trace_payloads",
    "traces",
    "verdicts",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# Ids sort by their bytes on both databases, so that prefixes are ranges and "newest night" is a maximum.
Id = Text().with_variant(Text(collation="C"), "postgresql")


def _required(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


traces = Table(
    "traces",
    metadata,
    Column("trace_id", Id, primary_key=True),
    _required("agent", Id),
    _required("origin", Text),
    _required("source", Text),
    _required("name", Text),
    _required("started_at", BigInteger),
    Column("ended_at", BigInteger),
    _required("status", Text),
    Column("status_message", Text),
    Column("session_id", Id),
    Column("user_id", Text),
    Column("environment", Text),
    Column("release", Text),
    Column("prompt_version", Text),
    Column("model", Text),
    _required("spans", Integer),
    _required("tokens", BigInteger),
    Column("cost_usd", Float),
    _required("input_preview", Text),
    _required("output_preview", Text),
    # The id an example made of this input would have: a second trace of the same question is sealed with the first.
    _required("example_id", Id),
    _required("digest", Text),
    Column("changed_at", BigInteger, nullable=False, server_default="0"),  # when something of it last came in
    # What follows `trace_id` is filtered inside the index, without a look at the rows; lists keep their order.
    Index(None, "agent", "started_at", "trace_id", "origin", "release", "model"),
    Index(None, "started_at", "trace_id", "origin", "release", "model"),
    Index(None, "session_id", "started_at", "trace_id"),
)

trace_payloads = Table(
    "trace_payloads",
    metadata,
    Column("trace_id", Id, ForeignKey("traces.trace_id", ondelete="CASCADE"), primary_key=True),
    _required("body", LargeBinary),
)

spans = Table(
    "spans",
    metadata,
    Column("trace_id", Id, ForeignKey("traces.trace_id", ondelete="CASCADE"), primary_key=True),
    Column("span_id", Id, primary_key=True),
    _required("position", Integer),
    _required("name", Text),
    _required("kind", Text),
    _required("status", Text),
    _required("started_at", BigInteger),
    Column("ended_at", BigInteger),
    _required("digest", Text),
    sqlite_with_rowid=False,
)

span_payloads = Table(
    "span_payloads",
    metadata,
    Column("trace_id", Id, primary_key=True),
    Column("span_id", Id, primary_key=True),
    _required("body", LargeBinary),
    sa.ForeignKeyConstraint(["trace_id", "span_id"], ["spans.trace_id", "spans.span_id"], ondelete="CASCADE"),
)

_BY_PEOPLE = sa.text("source IN ('human', 'user')")

# No foreign key to traces: a user's thumb may arrive before the trace it is on.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    _required("trace_id", Id),
    Column("span_id", Id),
    _required("key", Text),
    _required("source", Text),
    _required("author", Text),
    _required("version", Text),
    Column("score", Float),
    _required("corrects", Boolean),
    _required("created_at", BigInteger),
    _required("document", Text),
    Index(None, "trace_id", "key", "created_at"),
    Index(None, "key", "score"),
    # What people say is rare among what evaluators say under the same key; asked for with `by_people`.
    Index("ix_feedback_people", "key", "trace_id", sqlite_where=_BY_PEOPLE, postgresql_where=_BY_PEOPLE),
    Index(
        "ix_feedback_corrections",
        "trace_id",
        sqlite_where=sa.text("corrects = 1"),
        postgresql_where=sa.text("corrects"),
    ),
)

# Written out in the statement: a database takes an index with a condition only where it sees that the condition holds.
by_people = feedback.c.source.in_(sa.bindparam("people", PEOPLE, expanding=True, literal_execute=True))

evaluator_failures = Table(
    "evaluator_failures",
    metadata,
    Column("trace_id", Id, primary_key=True),
    Column("evaluator", Id, primary_key=True),
    Column("version", Id, primary_key=True),
    _required("error", Text),
    _required("message", Text),
    _required("created_at", BigInteger),
)

# A night that found nothing to group is known too, so that "newest" is not yesterday's.
cluster_nights = Table(
    "cluster_nights",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("night", Id, primary_key=True),
)

clusters = Table(
    "clusters",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("night", Id, primary_key=True),
    Column("id", Id, primary_key=True),
    _required("size", Integer),
    _required("document", Text),
    sa.ForeignKeyConstraint(["agent", "night"], ["cluster_nights.agent", "cluster_nights.night"], ondelete="CASCADE"),
    Index(None, "id", "night"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Id, primary_key=True),
    _required("agent", Id),
    _required("name", Text),
    _required("fingerprint", Text),
    Index(None, "agent"),
)

examples = Table(
    "examples",
    metadata,
    Column("dataset_id", Id, ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Id, primary_key=True),
    _required("position", Integer),
    _required("split", Text),
    _required("group", Text),
    Column("trace_id", Id),
    _required("document", Text),
    Column("retired_at", BigInteger),
    Column("retired_for", Text),
    Index(None, "trace_id", "split"),
    Index(None, "id", "split"),
)

# The document holds ids of held-out examples too: only `versions.py` reads it, and tells counts.
dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset_id", Id, ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _required("created_at", BigInteger),
    _required("fingerprint", Text),
    _required("document", Text),
)

# One row an example and night of the gate, so that a night started again counts once.
example_uses = Table(
    "example_uses",
    metadata,
    Column("dataset_id", Id, primary_key=True),
    Column("example_id", Id, primary_key=True),
    Column("night", Id, primary_key=True),
    sa.ForeignKeyConstraint(["dataset_id", "example_id"], ["examples.dataset_id", "examples.id"], ondelete="CASCADE"),
    Index(None, "dataset_id", "night"),
)

experiments = Table(
    "experiments",
    metadata,
    Column("id", Id, primary_key=True),
    _required("agent", Id),
    _required("night", Id),
    _required("created_at", BigInteger),
    _required("document", Text),
    Index(None, "agent", "created_at"),
    Index(None, "night"),
)

runs = Table(
    "runs",
    metadata,
    Column("experiment_id", Id, ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("arm", Id, primary_key=True),
    Column("example_id", Id, primary_key=True),
    Column("repetition", Integer, primary_key=True, autoincrement=False),
    _required("status", Text),
    _required("document", Text),
)

proposals = Table(
    "proposals",
    metadata,
    Column("id", Id, primary_key=True),
    _required("agent", Id),
    _required("night", Id),
    _required("status", Text),
    _required("status_reason", Text),
    _required("created_at", BigInteger),
    _required("document", Text),
    Index(None, "agent", "created_at"),
    Index(None, "night"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("proposal_id", Id, primary_key=True),
    Column("experiment_id", Id, primary_key=True),
    _required("outcome", Text),
    _required("created_at", BigInteger),
    _required("document", Text),
)

# Every proposal that was held against the sealed split, and the level it was given; `number` counts an agent's.
gate_attempts = Table(
    "gate_attempts",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("night", Id, primary_key=True),
    Column("proposal_id", Id, primary_key=True),
    _required("number", Integer),
    _required("level", Float),
    Column("p_value", Float),
    Column("outcome", Text),
    _required("document", Text),
    sa.UniqueConstraint("agent", "number"),
)

pull_requests = Table(
    "pull_requests",
    metadata,
    Column("id", Id, primary_key=True),
    _required("agent", Id),
    _required("branch", Text),
    Column("number", Integer),
    _required("state", Text),
    _required("created_at", BigInteger),
    _required("document", Text),
    Index(None, "agent", "branch"),
)

model_replies = Table(
    "model_replies",
    metadata,
    Column("key", Id, primary_key=True),
    _required("body", LargeBinary),
)

# What was paid, one row a question and night: the same question asked again in a night adds to its row.
model_calls = Table(
    "model_calls",
    metadata,
    Column("night", Id, primary_key=True),
    Column("key", Id, primary_key=True),
    _required("purpose", Text),
    _required("model", Text),
    _required("calls", Integer),
    _required("input_tokens", BigInteger),
    _required("output_tokens", BigInteger),
    _required("cost_usd", Float),
    _required("seconds", Float),
    _required("created_at", BigInteger),
)

nights = Table(
    "nights",
    metadata,
    Column("id", Id, primary_key=True),
    _required("agent", Id),
    _required("date", Id),
    _required("state", Text),
    _required("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("lease_holder", Text),
    Column("lease_until", BigInteger),
    Index(None, "agent", "date"),
)

night_stages = Table(
    "night_stages",
    metadata,
    Column("night_id", Id, ForeignKey("nights.id", ondelete="CASCADE"), primary_key=True),
    Column("stage", Text, primary_key=True),
    _required("saved_at", BigInteger),
    _required("document", Text),
)

# How far each source has been read. `high` is the newest start that is known to be stored.
source_positions = Table(
    "source_positions",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("source", Id, primary_key=True),
    Column("high", BigInteger),
    Column("feedback_since", BigInteger),
    _required("updated_at", BigInteger),
)

# What was written back to a source, so that it is never written twice; `digest` tells a changed score from a known one.
annotations = Table(
    "annotations",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("source", Id, primary_key=True),
    Column("feedback_id", Id, primary_key=True),
    _required("digest", Text),
    Column("remote_id", Text),
    _required("written_at", BigInteger),
)

# What was taken out of traces before they were stored: how often, never what.
redactions = Table(
    "redactions",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("date", Id, primary_key=True),
    Column("detector", Id, primary_key=True),
    _required("count", BigInteger),
)

# Files that were read whole, in the state in which they were.
read_files = Table(
    "read_files",
    metadata,
    Column("agent", Id, primary_key=True),
    Column("source", Id, primary_key=True),
    Column("path", Id, primary_key=True),
    _required("size", BigInteger),
    _required("mtime_ns", BigInteger),
    _required("read_at", BigInteger),
)
