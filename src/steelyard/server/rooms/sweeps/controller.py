"""Sweeps whose configurations a controller of the client chooses, `controller: {type: local}`.

wandb 0.31.0 wandb_controller.py: the client writes `controller`,

    {"schedule": [{"id": SCHEDULE_ID, "data": {"args": {parameter: {"value": …}}}}],
     "earlystop": [RUN_ID, …]}

and takes an entry off its list when it sees the run; the server writes `scheduler`,

    {"scheduled": [{"id": SCHEDULE_ID, "runid": RUN_ID}]}.

An entry whose args are null says that there is nothing more to try.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import SWEEP_TRIALS_MAX
from steelyard.server.rooms.runs.commands import request_stop
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.commands import make_name, write_sweep
from steelyard.server.rooms.sweeps.leases import write_trial
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.queries import find_trials_of_runs, schedule_of
from steelyard.server.rooms.sweeps.trials import NewTrial, insert_trial

#: What the server tells a controller of its schedule: the latest entries.
SCHEDULED_MAX = 1000


def apply_controller(conn: Connection, sweep: Sweep, *, now_us: int) -> Sweep:
    """Make trials of new entries in the schedule, and stop the runs named. Idempotent.

    The sweep must be locked. Raises Invalid for a document of another shape.
    """
    document = parse_json_object(sweep.controller, "the controller of a sweep")
    known = {schedule_id for schedule_id, _ in schedule_of(conn, sweep.id, limit=SWEEP_TRIALS_MAX)}
    for entry in _list_of(document, "schedule"):
        schedule_id, args = _parse_entry(entry)
        if schedule_id in known:
            continue
        if args is None:
            reason = "the controller has nothing more to try"
            sweep = write_sweep(conn, sweep, {"exhausted_reason": reason}, now_us=now_us)
            continue
        new = NewTrial(
            config=args,
            key=None,
            kind="controller",
            reason="chosen by the controller of the client",
            schedule_id=schedule_id,
        )
        sweep = insert_trial(conn, sweep, new, run_name=make_name(), now_us=now_us)
    _stop_named(conn, sweep, _list_of(document, "earlystop"), now_us)
    return sweep


def scheduler_of(conn: Connection, sweep: Sweep) -> str:
    """The document that the server keeps for the controller."""
    if not sweep.is_local:
        return "{}"
    scheduled = [
        {"id": schedule_id, "runid": run_name}
        for schedule_id, run_name in schedule_of(conn, sweep.id, limit=SCHEDULED_MAX)
    ]
    return dump_json({"scheduled": scheduled})


def _stop_named(conn: Connection, sweep: Sweep, names: list[Any], now_us: int) -> None:
    texts = [name for name in names if isinstance(name, str)]
    trials = find_trials_of_runs(conn, sweep.id, texts) if texts else []
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in trials])
    for trial in trials:
        if trial.state in ("leased", "running"):
            write_trial(conn, trial, {"stop_reason": "stopped by the controller of the client"})
            if trial.run_name in outcomes:
                request_stop(conn, outcomes[trial.run_name].id, now_us=now_us)


def _list_of(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key) or []
    if not isinstance(value, list):
        raise Invalid(f"{key!r} of the controller of a sweep must be a list, not {value!r:.80}")
    return value


def _parse_entry(entry: Any) -> tuple[str, dict[str, Any] | None]:
    """(id, {parameter: value} or None) of an entry of the schedule."""
    data = entry.get("data") if isinstance(entry, dict) else None
    schedule_id = entry.get("id") if isinstance(entry, dict) else None
    args = data.get("args") if isinstance(data, dict) else None
    is_args = args is None or (
        isinstance(args, dict)
        and all(isinstance(value, dict) and "value" in value for value in args.values())
    )
    if not isinstance(schedule_id, str) or not isinstance(data, dict) or not is_args:
        raise Invalid(
            'an entry of the schedule must be {"id": text, "data": {"args": '
            f'{{parameter: {{"value": …}}}}}}}}, not {entry!r:.120}'
        )
    if args is None:
        return schedule_id, None
    return schedule_id, {name: value["value"] for name, value in args.items()}
