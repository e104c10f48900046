"""Versions of datasets, uses of held-out examples, and examples taken out of use."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("examples", sa.Column("retired_at", sa.BigInteger(), nullable=True))
    op.add_column("examples", sa.Column("retired_for", sa.Text(), nullable=True))
    op.create_table(
        "dataset_versions",
        sa.Column("dataset_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_versions_dataset_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "number", name="pk_dataset_versions"),
    )
    op.create_table(
        "example_uses",
        sa.Column("dataset_id", Id, nullable=False),
        sa.Column("example_id", Id, nullable=False),
        sa.Column("night", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id", "example_id"],
            ["examples.dataset_id", "examples.id"],
            name="fk_example_uses_dataset_id_example_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dataset_id", "example_id", "night", name="pk_example_uses"),
    )
    op.create_index("ix_example_uses_dataset_id_night", "example_uses", ["dataset_id", "night"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_example_uses_dataset_id_night", table_name="example_uses")
    op.drop_table("example_uses")
    op.drop_table("dataset_versions")
    op.drop_column("examples", "retired_for")
    op.drop_column("examples", "retired_at")
