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
    # Most runs are of no sweep: they cost this index nothing.
    sa.Index(
        "ix_runs_project_sweep",
        "project_id",
        "sweep",
        "id",
        sqlite_where=sa.text("sweep IS NOT NULL"),
        postgresql_where=sa.text("sweep IS NOT NULL"),
    ),
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

#: One row per writer of a journal: how far its journal is kept, and what later records need.
journal_writers = sa.Table(
    "journal_writers",
    metadata,
    sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),  # process | sender | fork
    sa.Column("acknowledged_bytes", sa.BigInteger, nullable=False),
    sa.Column("skipped_records", sa.BigInteger, nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("is_primary", sa.Boolean, nullable=False),
    sa.Column("ends_run", sa.Boolean, nullable=False),  # the run ends when all of these have ended
    sa.Column("had_rows", sa.Boolean, nullable=False),  # the run, before this writer
    sa.Column("step_base", sa.BigInteger, nullable=False),  # automatic steps count from here
    sa.Column("started_at_us", sa.BigInteger, nullable=False),  # by the writer's clock
    sa.Column("runtime_base_us", sa.BigInteger, nullable=False),  # of the run, before this writer
    sa.Column("heard_at_us", sa.BigInteger, nullable=False),  # by our clock
    sa.Column("exit_code", sa.Integer),  # null until it has ended
    sa.Column("is_crash", sa.Boolean, nullable=False),
    sa.Column("ended_at_us", sa.BigInteger),  # by the clock of who said so
    sa.Column("state", sa.LargeBinary),  # msgpack: its terminal, values of its step metrics
)

#: What the journals of a run have said together, beyond its row.
journal_runs = sa.Table(
    "journal_runs",
    metadata,
    sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.id"), primary_key=True),
    # Writers not heard of since are of an earlier life of the run, which goes on without them.
    sa.Column("resumed_at_us", sa.BigInteger, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False),  # JSON {name: what define_metric said}
    sa.Column("tracks", sa.Text, nullable=False),  # JSON {key: min, max, mean, … so far}
)

#: What a run costs: one row per run that began since this is counted.
run_costs = sa.Table(
    "run_costs",
    metadata,
    sa.Column("run_id", sa.BigInteger, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("gpu", sa.Text),  # the type, as its machine calls it
    sa.Column("gpu_count", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("seconds_before", sa.Float, nullable=False),  # of earlier lives, when it was resumed
    sa.Column("since_us", sa.BigInteger, nullable=False),  # when its present life began
    sa.Column("gpu_hours", sa.Float, nullable=False),
    sa.Column("tokens", sa.Float),
    sa.Column("usd", sa.Float),  # null: nothing says what its machine costs
    # JSON {key: values we put into the summary}; any other value there is the script's own.
    sa.Column("written", sa.Text, nullable=False, server_default="{}"),
    sa.Column("is_final", sa.Boolean, nullable=False),
    sa.Column("next_at_us", sa.BigInteger, nullable=False),  # of a run at work: not before that
    sa.Index("ix_run_costs_is_final_next_at", "is_final", "next_at_us"),
)
