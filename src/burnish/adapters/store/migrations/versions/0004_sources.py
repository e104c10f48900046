"""Positions of sources, read files, annotations written back, redactions counted, when a trace last changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("traces", sa.Column("changed_at", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "source_positions",
        sa.Column("agent", Id, nullable=False),
        sa.Column("source", Id, nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=True),
        sa.Column("feedback_since", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "source", name="pk_source_positions"),
    )
    op.create_table(
        "annotations",
        sa.Column("agent", Id, nullable=False),
        sa.Column("source", Id, nullable=False),
        sa.Column("feedback_id", Id, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "source", "feedback_id", name="pk_annotations"),
    )
    op.create_table(
        "redactions",
        sa.Column("agent", Id, nullable=False),
        sa.Column("date", Id, nullable=False),
        sa.Column("detector", Id, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "date", "detector", name="pk_redactions"),
    )
    op.create_table(
        "read_files",
        sa.Column("agent", Id, nullable=False),
        sa.Column("source", Id, nullable=False),
        sa.Column("path", Id, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "source", "path", name="pk_read_files"),
    )


def downgrade() -> None:
    op.drop_table("read_files")
    op.drop_table("redactions")
    op.drop_table("annotations")
    op.drop_table("source_positions")
    op.drop_column("traces", "changed_at")
