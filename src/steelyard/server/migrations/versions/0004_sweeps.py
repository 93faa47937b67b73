"""Sweeps, their agents and their trials; runs can be found by their sweep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from steelyard.server.db.dialect import BIGID

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("is_local", sa.Boolean(), nullable=False),
        sa.Column("is_judged", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("trial_count", sa.Integer(), nullable=False),
        sa.Column("run_count_expected", sa.BigInteger(), nullable=True),
        sa.Column("exhausted_reason", sa.Text(), nullable=True),
        sa.Column("prior_runs", sa.Text(), server_default="[]", nullable=False),
        sa.Column("controller", sa.Text(), server_default="{}", nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_sweeps_project_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sweeps_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_sweeps_project_id_name")),
    )
    op.create_index("ix_sweeps_project_id_id", "sweeps", ["project_id", "id"])
    op.create_index("ix_sweeps_state", "sweeps", ["state"])
    op.create_index(op.f("ix_sweeps_user_id"), "sweeps", ["user_id"])
    op.create_table(
        "sweep_configs",
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_configs_sweep_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sweep_configs_user_id")),
        sa.PrimaryKeyConstraint("sweep_id", "version", name=op.f("pk_sweep_configs")),
    )
    op.create_index(op.f("ix_sweep_configs_user_id"), "sweep_configs", ["user_id"])
    op.create_table(
        "sweep_agents",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_agents_sweep_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sweep_agents_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_agents")),
        sa.UniqueConstraint("sweep_id", "name", name=op.f("uq_sweep_agents_sweep_id_name")),
    )
    op.create_index("ix_sweep_agents_sweep_id_id", "sweep_agents", ["sweep_id", "id"])
    op.create_index(op.f("ix_sweep_agents_user_id"), "sweep_agents", ["user_id"])
    _create_trials()
    # Most runs are of no sweep: they cost this index nothing.
    of_sweeps = sa.text("sweep IS NOT NULL")
    op.create_index(
        "ix_runs_project_sweep",
        "runs",
        ["project_id", "sweep", "id"],
        sqlite_where=of_sweeps,
        postgresql_where=of_sweeps,
    )


def _create_trials() -> None:
    op.create_table(
        "sweep_trials",
        sa.Column("id", BIGID, nullable=False),
        sa.Column("sweep_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("run_name", sa.Text(), nullable=False),
        sa.Column("earlier_runs", sa.Text(), server_default="[]", nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("config_key", sa.LargeBinary(), nullable=True),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_resumable", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("lease_until_us", sa.BigInteger(), nullable=True),
        sa.Column("gone_at_us", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("mean", sa.Float(), nullable=True),
        sa.Column("std", sa.Float(), nullable=True),
        sa.Column("schedule_id", sa.Text(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("results", sa.Text(), nullable=True),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["sweep_agents.id"], name=op.f("fk_sweep_trials_agent_id")
        ),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_trials_sweep_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_trials")),
        sa.UniqueConstraint(
            "sweep_id", "config_key", name=op.f("uq_sweep_trials_sweep_id_config_key")
        ),
        sa.UniqueConstraint("sweep_id", "index", name=op.f("uq_sweep_trials_sweep_id_index")),
        sa.UniqueConstraint("sweep_id", "run_name", name=op.f("uq_sweep_trials_sweep_id_run_name")),
    )
    op.create_index(op.f("ix_sweep_trials_agent_id"), "sweep_trials", ["agent_id"])
    op.create_index(
        "ix_sweep_trials_sweep_id_state", "sweep_trials", ["sweep_id", "state", "index"]
    )
    op.create_index("ix_sweep_trials_sweep_id_value", "sweep_trials", ["sweep_id", "value"])
    op.create_index("ix_sweep_trials_state_lease", "sweep_trials", ["state", "lease_until_us"])
