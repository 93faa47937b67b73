"""Sweeps that were worked for without a server: brought here with their trials, again and again.

The directory stays the master until somebody resumes the sweep here: what is here of it says the
same, and hands out nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from steelyard.errors import Conflict, Invalid, TooLarge
from steelyard.limits import (
    DISPLAY_NAME_CHARS_MAX,
    SWEEP_IMPORT_LEASE_S,
    SWEEP_IMPORT_TRIALS_MAX,
    SWEEP_TRIALS_MAX,
)
from steelyard.search.problem import Problem
from steelyard.search.results import fit_config
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.sweeps.commands import create_sweep, lock_sweep, write_sweep
from steelyard.server.rooms.sweeps.configuration import ParsedConfig
from steelyard.server.rooms.sweeps.model import ENDED, Sweep, SweepState, SweepTrial, TrialResults
from steelyard.server.rooms.sweeps.queries import find_sweep, list_trials
from steelyard.server.rooms.sweeps.tables import sweep_agents, sweep_trials

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: What a column holds: a seed, or microseconds since 1970.
Number = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class ImportedAgent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent that worked for the sweep elsewhere."""

    name: str
    host: str
    created_at_us: Number
    heartbeat_at_us: Number


class ImportedTrial(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A trial of such a sweep as it is now. `config` is flat, by dotted name."""

    index: Count
    run: str
    earlier_runs: list[str] = []
    config: dict[str, Any]
    state: Literal["leased", "running", "lost", "finished", "failed", "stopped"]
    is_resumable: bool = False
    attempts: Count
    agent: str
    kind: str
    reason: str
    mean: float | None = None
    std: float | None = None
    stop_reason: str | None = None
    is_judged: bool = False
    values: list[float | None] = []
    outcomes: dict[str, float] = {}
    seconds: float | None = None
    created_at_us: Number
    started_at_us: Number
    ended_at_us: Number | None = None


class ImportedSweep(msgspec.Struct, frozen=True, kw_only=True):
    """The sweep itself. `seed` and `created_at_us` tell it from another of its name."""

    name: str
    seed: Number
    state: SweepState
    exhausted_reason: str | None
    created_at_us: Number
    finished_at_us: Number | None


def import_sweep(
    conn: Connection,
    *,
    project: Project,
    caller: Caller,
    said: ImportedSweep,
    config: ParsedConfig,
    now_us: int,
) -> Sweep:
    """The sweep, locked, made where it is not there yet; paused, so that nothing is handed out.

    The caller may write to the project. Raises Conflict where another sweep has the name, or this
    one was resumed here.
    """
    if not NAME.fullmatch(said.name):
        raise Invalid(f"{said.name!r:.80} is no name of a sweep: 1 to 64 letters, digits, - and _")
    found = find_sweep(conn, project.id, said.name)
    if found is None:
        made = create_sweep(
            conn, project=project, caller=caller, config=config, seed=said.seed, now_us=now_us
        )
        values = {"name": said.name, "state": "paused", "created_at_us": said.created_at_us}
        try:
            write_sweep(conn, made, values, now_us=now_us)
        except IntegrityError:  # PostgreSQL, with two syncs of one directory
            raise Conflict(f"{said.name} is being synced by somebody else; sync it again") from None
        return lock_sweep(conn, made.id)
    sweep = lock_sweep(conn, found.id)
    if (sweep.seed, sweep.created_at_us) != (said.seed, said.created_at_us):
        raise Conflict(f"{sweep.path} is another sweep; sync to another project")
    if sweep.state in ("pending", "running") or sweep.config_version != 1:
        raise Conflict(
            f"{sweep.path} was resumed or edited on the server and goes on there; pause it to sync "
            "what the directory has, and stop the one in the directory"
        )
    return sweep


def import_agents(
    conn: Connection, sweep: Sweep, caller: Caller, agents: Sequence[ImportedAgent]
) -> dict[str, int]:
    """Agents by name, those that are new made. Raises TooLarge."""
    if len(agents) > SWEEP_IMPORT_TRIALS_MAX:
        raise TooLarge(
            "the list of agents",
            size=len(agents),
            limit=SWEEP_IMPORT_TRIALS_MAX,
            limit_name="SWEEP_IMPORT_TRIALS_MAX",
        )
    c = sweep_agents.c
    for agent in agents:
        added = insert(conn, sweep_agents).values(
            sweep_id=sweep.id,
            name=_text(agent.name)[:DISPLAY_NAME_CHARS_MAX],
            host=_text(agent.host)[:DISPLAY_NAME_CHARS_MAX],
            user_id=caller.user_id,
            created_at_us=agent.created_at_us,
            heartbeat_at_us=agent.heartbeat_at_us,
            ended_at_us=agent.heartbeat_at_us,
        )
        conn.execute(added.on_conflict_do_nothing())
    rows = conn.execute(sa.select(c.name, c.id).where(c.sweep_id == sweep.id))
    return {name: number for name, number in rows}


def import_trials(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    trials: Sequence[ImportedTrial],
    *,
    agents: dict[str, int],
    now_us: int,
) -> int:
    """Bring these trials up to date; how many were new or have changed. Idempotent.

    One that has ended here stays as it is. The sweep must be locked. Raises Conflict where the
    server has given an index, a configuration or a run to something else, Invalid, TooLarge.
    """
    if len(trials) > SWEEP_IMPORT_TRIALS_MAX:
        raise TooLarge(
            "the list of trials",
            size=len(trials),
            limit=SWEEP_IMPORT_TRIALS_MAX,
            limit_name="SWEEP_IMPORT_TRIALS_MAX",
        )
    indices = [trial.index for trial in trials]
    if not indices:
        return 0
    if max(indices) >= SWEEP_TRIALS_MAX or len(set(indices)) < len(indices):
        raise Invalid(f"indices of trials are different numbers below {SWEEP_TRIALS_MAX:,}")
    span = max(indices) - min(indices) + 1
    known = {
        trial.index: trial
        for trial in list_trials(conn, sweep.id, limit=span, after_index=min(indices) - 1)
    }
    changed = 0
    for said in trials:
        changed += _import_trial(
            conn, sweep, problem, said, known.get(said.index), agents=agents, now_us=now_us
        )
    count = max(sweep.trial_count, max(indices) + 1)
    if count != sweep.trial_count:
        write_sweep(conn, sweep, {"trial_count": count}, now_us=now_us)
    return changed


def set_imported_state(
    conn: Connection, sweep: Sweep, said: ImportedSweep, *, now_us: int
) -> Sweep:
    """Say how far the sweep is, when all of its trials are here.

    One that goes on elsewhere is paused here: a server that handed out its lost trials would hand
    out twice.
    """
    has_ended = said.state in ("finished", "canceled")
    values = {
        "state": said.state if has_ended else "paused",
        "exhausted_reason": None if said.exhausted_reason is None else _text(said.exhausted_reason),
        "finished_at_us": said.finished_at_us if has_ended else None,
    }
    if all(getattr(sweep, name) == value for name, value in values.items()):
        return sweep
    return write_sweep(conn, sweep, values, now_us=now_us)


def _import_trial(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    said: ImportedTrial,
    known: SweepTrial | None,
    *,
    agents: dict[str, int],
    now_us: int,
) -> bool:
    values = _values_of(problem, said, agents, now_us)
    if known is None:
        added = insert(conn, sweep_trials).values(
            {"sweep_id": sweep.id, "index": said.index, "config_version": 1} | values
        )
        made = conn.execute(added.on_conflict_do_nothing().returning(sweep_trials.c.id)).scalar()
        if made is None:
            raise Conflict(
                f"trial {said.index} of {sweep.path}, run {said.run!r}: the sweep has its "
                "configuration, or its run, as another trial"
            )
        return True
    names = {said.run, *said.earlier_runs}
    if known.run_name not in names or fit_config(problem.space, known.config) != fit_config(
        problem.space, said.config
    ):
        raise Conflict(
            f"trial {said.index} of {sweep.path} is another one on the server, which has gone on "
            "with the sweep by itself"
        )
    if known.state in ENDED:
        return False
    is_same = (known.state, known.run_name, known.attempts) == (said.state, said.run, said.attempts)
    if is_same and known.stop_reason == said.stop_reason:
        return False
    conn.execute(sa.update(sweep_trials).where(sweep_trials.c.id == known.id).values(values))
    return True


def _values_of(
    problem: Problem, said: ImportedTrial, agents: dict[str, int], now_us: int
) -> dict[str, Any]:
    """The columns of a trial. Raises Invalid for a configuration that the space cannot have."""
    fitted = fit_config(problem.space, said.config)
    if fitted is None or not said.run:
        raise Invalid(f"trial {said.index} has no configuration of the sweep, or no run")
    has_ended = said.state in ENDED
    results = TrialResults(values=said.values, outcomes=said.outcomes, seconds=said.seconds)
    return {
        "run_name": _text(said.run),
        "earlier_runs": dump_json(said.earlier_runs),
        "config": dump_json(said.config),
        "config_key": problem.space.key_of(fitted),
        "state": said.state,
        "is_resumable": said.is_resumable,
        "attempts": said.attempts,
        "agent_id": agents.get(said.agent),
        # Its agent is none of ours, so it is not expected to be heard of here.
        "lease_until_us": None if has_ended else now_us + SWEEP_IMPORT_LEASE_S * 1_000_000,
        "kind": _text(said.kind),
        "reason": _text(said.reason),
        "mean": said.mean,
        "std": said.std,
        "stop_reason": None if said.stop_reason is None else _text(said.stop_reason),
        "stop_kind": "judged" if said.is_judged else None,
        "value": said.values[0] if has_ended and said.values else None,
        "results": msgspec.json.encode(results).decode() if has_ended else None,
        "created_at_us": said.created_at_us,
        "started_at_us": said.started_at_us,
        "ended_at_us": said.ended_at_us,
    }


def _text(said: str) -> str:
    return said.replace("\x00", "")  # PostgreSQL cannot keep it
