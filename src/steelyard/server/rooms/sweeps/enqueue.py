"""Runs that somebody chose by hand: the next agent gets them, before any suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, Invalid
from steelyard.limits import DISPLAY_NAME_CHARS_MAX
from steelyard.search.problem import Problem
from steelyard.server.rooms.sweeps.commands import make_name
from steelyard.server.rooms.sweeps.model import ACTIVE, Sweep
from steelyard.server.rooms.sweeps.overlay import overlay_of, phase_index
from steelyard.server.rooms.sweeps.trials import NewTrial, insert_trial


def enqueue_run(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    config: Mapping[str, Any],
    *,
    display_name: str | None,
    now_us: int,
) -> str:
    """Queue a run with this configuration; its name. The sweep must be locked.

    Keys that the sweep does not search are handed to the run as they are. Raises Conflict for a
    sweep that has ended, Invalid for a name that is too long.
    """
    if sweep.state not in ACTIVE:
        raise Conflict(f"the sweep {sweep.path} is {sweep.state}; resume it to run more")
    if display_name is not None and len(display_name) > DISPLAY_NAME_CHARS_MAX:
        raise Invalid(
            f"the name of a run has at most {DISPLAY_NAME_CHARS_MAX} characters, "
            f"not {len(display_name):,}"
        )
    name = make_name()
    new = NewTrial(
        config={**config, **problem.space.flatten(config)},
        key=None,
        kind="enqueued",
        reason="chosen by hand",
        phase=phase_index(problem, overlay_of(sweep)),
        display_name=display_name or None,
    )
    insert_trial(conn, sweep, new, run_name=name, now_us=now_us)
    return name
