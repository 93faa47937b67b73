"""What the runs of a sweep are called and grouped by, where their programs do not say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from steelyard.search.crossval import FOLD, SEED
from steelyard.server.rooms.runs.commands import lock_run, update_run
from steelyard.server.rooms.runs.model import RunChanges
from steelyard.server.rooms.runs.of_sweeps import RunOutcome
from steelyard.server.rooms.sweeps.model import Sweep, SweepTrial


def label_runs(
    conn: Connection,
    sweep: Sweep,
    trials: Sequence[SweepTrial],
    outcomes: Mapping[str, RunOutcome],
    *,
    now_us: int,
) -> None:
    """Group the runs of one configuration, and give runs the names that were chosen for them."""
    for trial in trials:
        run = outcomes.get(trial.run_name)
        if run is None or (trial.trial_index is None and trial.display_name is None):
            continue
        held = lock_run(conn, run.id)
        changes = RunChanges(id=held.id, display_name=trial.display_name)
        if trial.trial_index is not None:
            changes = RunChanges(
                id=held.id,
                display_name=trial.display_name,
                group=None if held.group else f"{sweep.name}-{trial.trial_index}",
                job_type=None if held.job_type else (FOLD if FOLD in trial.config else SEED),
            )
        update_run(conn, held, changes, now_us=now_us)
