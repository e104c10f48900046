"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:

    op.create_table(
        "cluster_nights",
        sa.Column("agent", Id, nullable=False),
        sa.Column("night", Id, nullable=False),
        sa.PrimaryKeyConstraint("agent", "night", name="pk_cluster_nights"),
    )
    op.create_table(
        "datasets",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
    )
    op.create_index("ix_datasets_agent", "datasets", ["agent"], unique=False)
    op.create_table(
        "evaluator_failures",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("evaluator", Id, nullable=False),
        sa.Column("version", Id, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "evaluator", "version", name="pk_evaluator_failures"),
    )
    op.create_table(
        "experiments",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent", Id, nullable=False),
        sa.Column("night", Id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
    )
    op.create_index("ix_experiments_agent_created_at", "experiments", ["agent", "created_at"], unique=False)
    op.create_index("ix_experiments_night", "experiments", ["night"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("id", Id, nullable=False),
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("span_id", Id, nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("corrects", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index(
        "ix_feedback_corrections",
        "feedback",
        ["trace_id"],
        unique=False,
        sqlite_where=sa.text("corrects = 1"),
        postgresql_where=sa.text("corrects"),
    )
    op.create_index("ix_feedback_key_score", "feedback", ["key", "score"], unique=False)
    op.create_index("ix_feedback_trace_id_key_created_at", "feedback", ["trace_id", "key", "created_at"], unique=False)
    op.create_table(
        "model_calls",
        sa.Column("night", Id, nullable=False),
        sa.Column("key", Id, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("night", "key", name="pk_model_calls"),
    )
    op.create_table(
        "model_replies",
        sa.Column("key", Id, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_model_replies"),
    )
    op.create_table(
        "nights",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent", Id, nullable=False),
        sa.Column("date", Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_holder", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nights"),
    )
    op.create_index("ix_nights_agent_date", "nights", ["agent", "date"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent", Id, nullable=False),
        sa.Column("night", Id, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )
    op.create_index("ix_proposals_agent_created_at", "proposals", ["agent", "created_at"], unique=False)
    op.create_index("ix_proposals_night", "proposals", ["night"], unique=False)
    op.create_table(
        "pull_requests",
        sa.Column("id", Id, nullable=False),
        sa.Column("agent", Id, nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pull_requests"),
    )
    op.create_index("ix_pull_requests_agent_branch", "pull_requests", ["agent", "branch"], unique=False)
    op.create_table(
        "traces",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("agent", Id, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("session_id", Id, nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("prompt_version", sa.Text(), nullable=True),
        sa.Column("spans", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=True),
        sa.Column("input_preview", sa.Text(), nullable=False),
        sa.Column("output_preview", sa.Text(), nullable=False),
        sa.Column("example_id", Id, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", name="pk_traces"),
    )
    op.create_index(
        "ix_traces_agent_started_at_trace_id_origin",
        "traces",
        ["agent", "started_at", "trace_id", "origin"],
        unique=False,
    )
    op.create_index(
        "ix_traces_session_id_started_at_trace_id", "traces", ["session_id", "started_at", "trace_id"], unique=False
    )
    op.create_index(
        "ix_traces_started_at_trace_id_origin", "traces", ["started_at", "trace_id", "origin"], unique=False
    )
    op.create_table(
        "verdicts",
        sa.Column("proposal_id", Id, nullable=False),
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("proposal_id", "experiment_id", name="pk_verdicts"),
    )
    op.create_table(
        "clusters",
        sa.Column("agent", Id, nullable=False),
        sa.Column("night", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent", "night"],
            ["cluster_nights.agent", "cluster_nights.night"],
            name="fk_clusters_agent_night",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agent", "night", "id", name="pk_clusters"),
    )
    op.create_index("ix_clusters_id_night", "clusters", ["id", "night"], unique=False)
    op.create_table(
        "examples",
        sa.Column("dataset_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("trace_id", Id, nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_examples_dataset_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dataset_id", "id", name="pk_examples"),
    )
    op.create_index("ix_examples_id_split", "examples", ["id", "split"], unique=False)
    op.create_index("ix_examples_trace_id_split", "examples", ["trace_id", "split"], unique=False)
    op.create_table(
        "night_stages",
        sa.Column("night_id", Id, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_night_stages_night_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("night_id", "stage", name="pk_night_stages"),
    )
    op.create_table(
        "runs",
        sa.Column("experiment_id", Id, nullable=False),
        sa.Column("arm", Id, nullable=False),
        sa.Column("example_id", Id, nullable=False),
        sa.Column("repetition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name="fk_runs_experiment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment_id", "arm", "example_id", "repetition", name="pk_runs"),
    )
    op.create_table(
        "spans",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("span_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.trace_id"], name="fk_spans_trace_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace_id", "span_id", name="pk_spans"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trace_payloads",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.trace_id"], name="fk_trace_payloads_trace_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", name="pk_trace_payloads"),
    )
    op.create_table(
        "span_payloads",
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("span_id", Id, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id", "span_id"],
            ["spans.trace_id", "spans.span_id"],
            name="fk_span_payloads_trace_id_span_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("trace_id", "span_id", name="pk_span_payloads"),
    )


def downgrade() -> None:
    for table in [
        "span_payloads",
        "trace_payloads",
        "spans",
        "runs",
        "night_stages",
        "examples",
        "clusters",
        "verdicts",
        "traces",
        "pull_requests",
        "proposals",
        "nights",
        "model_replies",
        "model_calls",
        "feedback",
        "experiments",
        "evaluator_failures",
        "datasets",
        "cluster_nights",
    ]:
        op.drop_table(table)
