"""The log of attempts at the gate."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "gate_attempts",
        sa.Column("agent", Id, nullable=False),
        sa.Column("night", Id, nullable=False),
        sa.Column("proposal_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "night", "proposal_id", name="pk_gate_attempts"),
        sa.UniqueConstraint("agent", "number", name="uq_gate_attempts_agent_number"),
    )


def downgrade() -> None:
    op.drop_table("gate_attempts")
