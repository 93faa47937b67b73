"""What runs cost and what things are priced; priorities, alerts and quotas of sweeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from steelyard.server.db.dialect import BIGID

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("sweeps") as sweeps:
        sweeps.add_column(sa.Column("priority", sa.Integer(), server_default="0", nullable=False))
        sweeps.add_column(sa.Column("waits_reason", sa.Text(), nullable=True))
    with op.batch_alter_table("sweep_trials") as trials:
        trials.add_column(sa.Column("stop_kind", sa.Text(), nullable=True))
    op.create_table(
        "run_costs",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("gpu", sa.Text(), nullable=True),
        sa.Column("gpu_count", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("seconds_before", sa.Float(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("gpu_hours", sa.Float(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=True),
        sa.Column("usd", sa.Float(), nullable=True),
        sa.Column("written", sa.Text(), server_default="{}", nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("next_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_costs_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_costs")),
    )
    op.create_index("ix_run_costs_is_final_next_at", "run_costs", ["is_final", "next_at_us"])
    op.create_table(
        "prices",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("usd_per_hour", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_prices")),
    )
    op.create_table(
        "sweep_alerts",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("limit_amount", sa.Float(), nullable=False),
        sa.Column("spent_amount", sa.Float(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_alerts_sweep_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_alerts")),
        sa.UniqueConstraint(
            "sweep_id",
            "kind",
            "threshold",
            "limit_amount",
            name=op.f("uq_sweep_alerts_sweep_id_kind_threshold_limit_amount"),
        ),
    )
    op.create_table(
        "sweep_quotas",
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("runs_max", sa.Integer(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_sweep_quotas_entity_id")
        ),
        sa.PrimaryKeyConstraint("entity_id", name=op.f("pk_sweep_quotas")),
    )
