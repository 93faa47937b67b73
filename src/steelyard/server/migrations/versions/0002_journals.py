"""Journals: how far each writer's is kept, and what the journals of a run said together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "journal_writers",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("acknowledged_bytes", sa.BigInteger(), nullable=False),
        sa.Column("skipped_records", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("ends_run", sa.Boolean(), nullable=False),
        sa.Column("had_rows", sa.Boolean(), nullable=False),
        sa.Column("step_base", sa.BigInteger(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("runtime_base_us", sa.BigInteger(), nullable=False),
        sa.Column("heard_at_us", sa.BigInteger(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("is_crash", sa.Boolean(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_journal_writers_run_id")),
        sa.PrimaryKeyConstraint("run_id", "writer", name=op.f("pk_journal_writers")),
    )
    op.create_table(
        "journal_runs",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("resumed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("tracks", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_journal_runs_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_journal_runs")),
    )
