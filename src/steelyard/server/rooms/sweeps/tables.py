"""Sweeps, the configurations they had, their agents, and the trials handed out."""

import sqlalchemy as sa

from steelyard.server.db.dialect import BIGID, metadata

sweeps = sa.Table(
    "sweeps",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("project_id", sa.BigInteger, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # what clients call its id; runs name it
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), index=True),
    sa.Column("display_name", sa.Text),
    sa.Column("description", sa.Text),
    # pending | running | paused | finished | canceled
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("config_version", sa.Integer, nullable=False),
    sa.Column("is_local", sa.Boolean, nullable=False),  # a controller of the client suggests
    sa.Column("is_judged", sa.Boolean, nullable=False),  # runs that do badly are stopped early
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("trial_count", sa.Integer, nullable=False),
    sa.Column("run_count_expected", sa.BigInteger),
    sa.Column("exhausted_reason", sa.Text),  # why there is nothing left to suggest
    sa.Column("prior_runs", sa.Text, nullable=False, server_default="[]"),  # JSON list of names
    sa.Column("controller", sa.Text, nullable=False, server_default="{}"),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waits_reason", sa.Text),  # why agents get nothing for now
    sa.Column("overlay", sa.Text, nullable=False, server_default="{}"),  # JSON: see overlay.py
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
    sa.Column("finished_at_us", sa.BigInteger),
    sa.UniqueConstraint("project_id", "name"),
    sa.Index("ix_sweeps_project_id_id", "project_id", "id"),
    sa.Index("ix_sweeps_state", "state"),
)

#: Every configuration a sweep had: trials say which one they came from.
sweep_configs = sa.Table(
    "sweep_configs",
    metadata,
    sa.Column("sweep_id", sa.BigInteger, sa.ForeignKey("sweeps.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),  # YAML as it was sent
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), index=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)

sweep_agents = sa.Table(
    "sweep_agents",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("sweep_id", sa.BigInteger, sa.ForeignKey("sweeps.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), index=True),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("heartbeat_at_us", sa.BigInteger, nullable=False),
    sa.Column("ended_at_us", sa.BigInteger),  # when it was told to exit
    sa.UniqueConstraint("sweep_id", "name"),
    sa.Index("ix_sweep_agents_sweep_id_id", "sweep_id", "id"),
)

#: One suggestion is one row, or one for each of its folds and seeds. Whatever becomes of its runs,
#: the configuration is here once.
sweep_trials = sa.Table(
    "sweep_trials",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("sweep_id", sa.BigInteger, sa.ForeignKey("sweeps.id"), nullable=False),
    sa.Column("index", sa.Integer, nullable=False),
    sa.Column("trial_index", sa.Integer),  # of the first row of the same suggestion, if several
    sa.Column("phase", sa.Integer),  # its place in the configuration; null: there are none
    sa.Column("parent_index", sa.Integer),  # the row of an earlier phase that it repeats
    sa.Column("display_name", sa.Text),  # what its run is to be called
    sa.Column("run_name", sa.Text, nullable=False),
    sa.Column("earlier_runs", sa.Text, nullable=False, server_default="[]"),  # lost ones, JSON
    sa.Column("config", sa.Text, nullable=False),  # JSON, flat by dotted name
    sa.Column("config_key", sa.LargeBinary),  # its identity; null where a client chose it
    sa.Column("config_version", sa.Integer, nullable=False),
    # queued | leased | running | lost | finished | failed | stopped
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("is_resumable", sa.Boolean, nullable=False),  # preempted: its run goes on
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("agent_id", sa.BigInteger, sa.ForeignKey("sweep_agents.id"), index=True),
    sa.Column("lease_until_us", sa.BigInteger),
    sa.Column("gone_at_us", sa.BigInteger),  # when its agent stopped naming it
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # why this configuration
    sa.Column("mean", sa.Float),
    sa.Column("std", sa.Float),
    sa.Column("schedule_id", sa.Text),  # the controller's name for it
    sa.Column("stop_reason", sa.Text),  # why it was stopped early
    sa.Column("stop_kind", sa.Text),  # judged | budget | null: by hand, or it was not
    sa.Column("value", sa.Float),  # what the trial is ranked by, on its first row
    sa.Column("score", sa.Text),  # JSON: what its runs say together, if several; on its first row
    sa.Column("results", sa.Text),  # JSON: values, outcomes, seconds; null until it has ended
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("started_at_us", sa.BigInteger),
    sa.Column("ended_at_us", sa.BigInteger),
    sa.UniqueConstraint("sweep_id", "index"),
    sa.UniqueConstraint("sweep_id", "config_key"),
    sa.UniqueConstraint("sweep_id", "run_name"),
    sa.Index("ix_sweep_trials_sweep_id_state", "sweep_id", "state", "index"),
    sa.Index("ix_sweep_trials_sweep_id_value", "sweep_id", "value"),
    sa.Index("ix_sweep_trials_state_lease", "state", "lease_until_us"),
)

#: What people are told once: a limit of the budget is used up to so many percent.
sweep_alerts = sa.Table(
    "sweep_alerts",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("sweep_id", sa.BigInteger, sa.ForeignKey("sweeps.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # runs | hours | gpu_hours | usd
    sa.Column("threshold", sa.Integer, nullable=False),  # percent
    sa.Column("limit_amount", sa.Float, nullable=False),
    sa.Column("spent_amount", sa.Float, nullable=False),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.UniqueConstraint(
        "sweep_id",
        "kind",
        "threshold",
        "limit_amount",
        name="uq_sweep_alerts_sweep_id_kind_threshold_limit_amount",
    ),
)

#: How many runs of its sweeps an entity may have at work at once; none without a row.
sweep_quotas = sa.Table(
    "sweep_quotas",
    metadata,
    sa.Column("entity_id", sa.BigInteger, sa.ForeignKey("entities.id"), primary_key=True),
    sa.Column("runs_max", sa.Integer, nullable=False),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
)

#: Other weights for the metrics, chosen after the fact. The default one is in the overlay, too.
sweep_weightings = sa.Table(
    "sweep_weightings",
    metadata,
    sa.Column("sweep_id", sa.BigInteger, sa.ForeignKey("sweeps.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("expression", sa.Text),
    sa.Column("weights", sa.Text, nullable=False),  # JSON: name to weight
    sa.Column("goal", sa.Text),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), index=True),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
)

#: The phases that a sweep came to.
sweep_phases = sa.Table(
    "sweep_phases",
    metadata,
    sa.Column("sweep_id", sa.BigInteger, sa.ForeignKey("sweeps.id"), primary_key=True),
    sa.Column("index", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("fraction", sa.Float, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # running | finished | waiting | refused
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("ranges", sa.Text, nullable=False),  # JSON: what is left of the space
    sa.Column("parents", sa.Text, nullable=False),  # JSON: indexes of trials it grew from
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), index=True),  # who decided
    sa.Column("started_at_us", sa.BigInteger),
    sa.Column("finished_at_us", sa.BigInteger),
)

sweep_events = sa.Table(
    "sweep_events",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("sweep_id", sa.BigInteger, sa.ForeignKey("sweeps.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),  # JSON
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Index("ix_sweep_events_sweep_id_id", "sweep_id", "id"),
)
