"""Runs and the alerts they raise."""

import sqlalchemy as sa

from steelyard.server.db.dialect import BIGID, metadata

#: JSON columns hold text in Python's dialect of JSON (bare NaN and Infinity are values), which the
#: JSON types of SQLite and PostgreSQL refuse.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("project_id", sa.BigInteger, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("users.id"), index=True),
    sa.Column("display_name", sa.Text, nullable=False),
    # running | finished | failed | crashed | killed | preempting | preempted | pending
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stop_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("exit_code", sa.Integer),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
    sa.Column("updated_at_us", sa.BigInteger, nullable=False),
    sa.Column("heartbeat_at_us", sa.BigInteger, nullable=False),
    sa.Column("finished_at_us", sa.BigInteger),
    sa.Column("change_seq", sa.BigInteger, nullable=False),
    sa.Column("config", sa.Text, nullable=False, server_default="{}"),  # {key: {"value": …}}
    sa.Column("summary", sa.Text, nullable=False, server_default="{}"),
    sa.Column("tags", sa.Text, nullable=False, server_default="[]"),
    sa.Column("notes", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("run_group", sa.Text),
    sa.Column("job_type", sa.Text),
    sa.Column("host", sa.Text),
    sa.Column("program", sa.Text),
    sa.Column("commit", sa.Text),
    sa.Column("repo", sa.Text),
    sa.Column("sweep", sa.Text),
    sa.Column("color", sa.Text),
    sa.Column("forked_from", sa.Text),  # "RUN?_step=N"
    sa.UniqueConstraint("project_id", "name"),
    sa.Index("ix_runs_project_created", "project_id", "created_at_us", "id"),
    sa.Index("ix_runs_project_change", "project_id", "change_seq"),
    # No index holds the heartbeat: every upload would write it, for lists of the few runs at work.
    sa.Index("ix_runs_state", "state"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.id"), nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),  # INFO | WARN | ERROR
    sa.Column("wait_duration_ms", sa.BigInteger, nullable=False),
    sa.Column("created_at_us", sa.BigInteger, nullable=False),
)
