"""Trials of several runs; weightings, phases and events of sweeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from steelyard.server.db.dialect import BIGID

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("sweeps") as sweeps:
        sweeps.add_column(sa.Column("overlay", sa.Text(), server_default="{}", nullable=False))
    with op.batch_alter_table("sweep_trials") as trials:
        trials.add_column(sa.Column("trial_index", sa.Integer(), nullable=True))
        trials.add_column(sa.Column("phase", sa.Integer(), nullable=True))
        trials.add_column(sa.Column("parent_index", sa.Integer(), nullable=True))
        trials.add_column(sa.Column("display_name", sa.Text(), nullable=True))
        trials.add_column(sa.Column("score", sa.Text(), nullable=True))
    op.create_table(
        "sweep_weightings",
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("expression", sa.Text(), nullable=True),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.Column("goal", sa.Text(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_weightings_sweep_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sweep_weightings_user_id")
        ),
        sa.PrimaryKeyConstraint("sweep_id", "name", name=op.f("pk_sweep_weightings")),
    )
    op.create_index(op.f("ix_sweep_weightings_user_id"), "sweep_weightings", ["user_id"])
    op.create_table(
        "sweep_phases",
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fraction", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at_us", sa.BigInteger(), nullable=True),
        sa.Column("finished_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_phases_sweep_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sweep_phases_user_id")),
        sa.PrimaryKeyConstraint("sweep_id", "index", name=op.f("pk_sweep_phases")),
    )
    op.create_index(op.f("ix_sweep_phases_user_id"), "sweep_phases", ["user_id"])
    op.create_table(
        "sweep_events",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_events_sweep_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_events")),
    )
    op.create_index("ix_sweep_events_sweep_id_id", "sweep_events", ["sweep_id", "id"])
