"""New trials of a sweep."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import TooLarge
from steelyard.limits import SWEEP_TRIALS_MAX
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.sweeps.commands import write_sweep
from steelyard.server.rooms.sweeps.leases import LEASE_US
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.tables import sweep_trials


class NewTrial(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration to be run. `key` is its identity, None where repeats are wanted."""

    config: dict[str, Any]
    key: bytes | None
    kind: str
    reason: str
    mean: float | None = None
    std: float | None = None
    schedule_id: str | None = None
    trial_index: int | None = None
    phase: int | None = None
    parent_index: int | None = None
    display_name: str | None = None
    agent_id: int | None = None
    """Who gets it at once; None leaves it queued."""


class Taken(Exception):
    """The configuration is in the sweep already: another server was first, or an edit was."""


def insert_trial(
    conn: Connection, sweep: Sweep, trial: NewTrial, *, run_name: str, now_us: int
) -> Sweep:
    """The sweep with one trial more. The sweep must be locked.

    Raises Taken for a configuration that it has, TooLarge beyond SWEEP_TRIALS_MAX.
    """
    if sweep.trial_count >= SWEEP_TRIALS_MAX:
        raise TooLarge(
            "the list of trials of a sweep",
            size=sweep.trial_count + 1,
            limit=SWEEP_TRIALS_MAX,
            limit_name="SWEEP_TRIALS_MAX",
        )
    is_leased = trial.agent_id is not None
    made = conn.execute(
        insert(conn, sweep_trials)
        .values(
            sweep_id=sweep.id,
            index=sweep.trial_count,
            trial_index=trial.trial_index,
            phase=trial.phase,
            parent_index=trial.parent_index,
            display_name=trial.display_name,
            run_name=run_name,
            config=dump_json(trial.config),
            config_key=trial.key,
            config_version=sweep.config_version,
            state="leased" if is_leased else "queued",
            is_resumable=False,
            attempts=1 if is_leased else 0,
            agent_id=trial.agent_id,
            lease_until_us=now_us + LEASE_US if is_leased else None,
            started_at_us=now_us if is_leased else None,
            kind=trial.kind,
            reason=trial.reason,
            mean=trial.mean,
            std=trial.std,
            schedule_id=trial.schedule_id,
            created_at_us=now_us,
        )
        .on_conflict_do_nothing()
        .returning(sweep_trials.c.id)
    ).scalar()
    if made is None:
        raise Taken
    return write_sweep(conn, sweep, {"trial_count": sweep.trial_count + 1}, now_us=now_us)
