"""How judges stand with people, and what each of their versions was fitted to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "alignments",
        sa.Column("agent", Id, nullable=False),
        sa.Column("judge", Id, nullable=False),
        sa.Column("measured_at", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("version", Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "judge", "measured_at", "version", name="pk_alignments"),
    )
    op.create_table(
        "alignment_fits",
        sa.Column("agent", Id, nullable=False),
        sa.Column("judge", Id, nullable=False),
        sa.Column("version", Id, nullable=False),
        sa.Column("trace_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("agent", "judge", "version", "trace_id", name="pk_alignment_fits"),
    )


def downgrade() -> None:
    for table in ("alignment_fits", "alignments"):
        op.drop_table(table)
