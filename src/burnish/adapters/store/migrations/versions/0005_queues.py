"""Annotation queues with their seats and skips, accounts, and wrong passwords."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "queue_items",
        sa.Column("id", Id, nullable=False),
        sa.Column("queue", Id, nullable=False),
        sa.Column("agent", Id, nullable=False),
        sa.Column("trace_id", Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("rank", sa.Float(), nullable=False),
        sa.Column("random", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("day", Id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_queue_items"),
    )
    op.create_index(
        "ix_queue_items_queue_state_profile_rank_id", "queue_items", ["queue", "state", "profile", "rank", "id"]
    )
    op.create_index("ix_queue_items_queue_day", "queue_items", ["queue", "day"])
    op.create_index("ix_queue_items_trace_id", "queue_items", ["trace_id"])
    op.create_table(
        "queue_seats",
        sa.Column("item_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("holder", Id, nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["queue_items.id"], name="fk_queue_seats_item_id_queue_items", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", "number", name="pk_queue_seats"),
    )
    op.create_index("ix_queue_seats_item_id_holder", "queue_seats", ["item_id", "holder"], unique=True)
    op.create_index("ix_queue_seats_holder_done_at", "queue_seats", ["holder", "done_at"])
    op.create_table(
        "queue_skips",
        sa.Column("item_id", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["queue_items.id"], name="fk_queue_skips_item_id_queue_items", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", "person", name="pk_queue_skips"),
    )
    op.create_table(
        "users",
        sa.Column("name", Id, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=True),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "login_failures",
        sa.Column("name", Id, nullable=False),
        sa.Column("origin", Id, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "origin", name="pk_login_failures"),
    )


def downgrade() -> None:
    for table in ("login_failures", "users", "queue_skips", "queue_seats", "queue_items"):
        op.drop_table(table)
