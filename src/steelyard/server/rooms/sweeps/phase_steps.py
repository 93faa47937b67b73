"""From one phase of a sweep to the next.

A phase ends when its runs were handed out and all have ended: the box around the best of them is
not drawn before the last is known. Then the gate of the next phase is asked. It begins, waits for
somebody's approval, or never begins, and with it the sweep ends.
"""

from __future__ import annotations

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict
from steelyard.limits import SWEEP_TRIALS_MAX
from steelyard.search.crossval import runs_per_trial
from steelyard.search.expression import parse
from steelyard.search.phases import Range, best_first, narrow, seeds_count
from steelyard.search.problem import Phase, Problem
from steelyard.search.results import read_number
from steelyard.search.trials import Trial
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.commands import write_sweep
from steelyard.server.rooms.sweeps.events import EventKind, record_event
from steelyard.server.rooms.sweeps.model import OPEN, Sweep, SweepTrial
from steelyard.server.rooms.sweeps.overlay import (
    encode_overlay,
    overlay_of,
    phase_index,
    searched,
)
from steelyard.server.rooms.sweeps.phase_records import (
    PhaseRecord,
    count_trials_of_phase,
    find_phase,
    note_decider,
    write_phase,
)
from steelyard.server.rooms.sweeps.queries import count_trials_in, list_trials
from steelyard.server.rooms.sweeps.scoring import group_trials
from steelyard.server.rooms.sweeps.searching import search_trials

APPROVAL = "approval"


def step_phase(
    conn: Connection, sweep: Sweep, problem: Problem, *, now_us: int
) -> tuple[Sweep, bool]:
    """The sweep with the next phase begun if it is time, and whether agents have to wait.

    The sweep must be locked. Idempotent: between two phases a second call changes nothing.
    """
    place = phase_index(problem, overlay_of(sweep))
    if place is None or sweep.exhausted_reason is not None:
        return sweep, False
    phase, record = problem.phases[place], find_phase(conn, sweep.id, place)
    if record is None:
        record = _begin(conn, sweep, phase, place, {}, [], "the first phase", now_us)
    if record.state == "waiting":
        return sweep, True
    over = overlay_of(sweep).phase_over or _count_out(conn, sweep, problem, phase, place)
    if over is None:
        return sweep, False
    if place + 1 == len(problem.phases):
        finished = msgspec.structs.replace(
            record, state="finished", reason=over, finished_at_us=now_us
        )
        write_phase(conn, sweep.id, finished)
        return write_sweep(conn, sweep, {"exhausted_reason": over}, now_us=now_us), False
    if count_trials_in(conn, sweep.id, OPEN):
        return sweep, True
    ended = msgspec.structs.replace(record, state="finished", reason=over, finished_at_us=now_us)
    write_phase(conn, sweep.id, ended)
    return _ask_gate(conn, sweep, problem, place + 1, now_us)


def note_exhausted(
    conn: Connection, sweep: Sweep, problem: Problem, reason: str, *, now_us: int
) -> Sweep:
    """The search has nothing left to suggest: in this phase, or at all."""
    overlay = overlay_of(sweep)
    place = phase_index(problem, overlay)
    if place is None or place + 1 == len(problem.phases):
        return write_sweep(conn, sweep, {"exhausted_reason": reason}, now_us=now_us)
    over = msgspec.structs.replace(overlay, phase_over=reason)
    return write_sweep(conn, sweep, {"overlay": encode_overlay(over)}, now_us=now_us)


def _count_out(
    conn: Connection, sweep: Sweep, problem: Problem, phase: Phase, place: int
) -> str | None:
    """Why the phase is over by its number of runs; None while it is not."""
    if phase.runs is None:
        return None
    count = count_trials_of_phase(conn, sweep.id, place)
    if not count or count + runs_per_trial(problem.cross_validation) <= phase.runs:
        return None
    return f"all {count:,} runs of the phase {phase.name!r} were handed out"


def _ask_gate(
    conn: Connection, sweep: Sweep, problem: Problem, place: int, now_us: int
) -> tuple[Sweep, bool]:
    """What becomes of the phase `place`, now that the one before has ended."""
    phase, before = problem.phases[place], problem.phases[place - 1]
    overlay = overlay_of(sweep)
    rows = list_trials(conn, sweep.id, limit=SWEEP_TRIALS_MAX)
    _, by_phase = search_trials(problem, overlay, rows, [])
    now = searched(problem, overlay)
    best = best_first(now, [trial for at, trial in by_phase if at == place - 1])
    if not best and problem.metrics:
        reason = f"no run of the phase {before.name!r} has a value, so nothing can grow from it"
        return _refuse(conn, sweep, phase, place, reason, now_us), False
    if phase.gate is not None and phase.gate != APPROVAL:
        shut = _explain_gate(conn, sweep, problem, phase, best, rows)
        if shut is not None:
            return _refuse(conn, sweep, phase, place, shut, now_us), False
    chosen = best[: seeds_count(phase.top, phase.runs)]
    index_of = {row.run_name: row.index for row in rows}
    parents = [index_of[trial.id] for trial in chosen]
    ranges: dict[str, Range] = {}
    if phase.narrow and best:
        around = [trial.config for trial in best[: phase.top]]
        ranges = narrow(now.space, around, margin=phase.margin)
    waits = phase.gate == APPROVAL
    why = f"grown from the best {len(chosen)} of {before.name!r}" if chosen else "begun"
    reason = "waits for somebody's approval" if waits else why
    _begin(conn, sweep, phase, place, ranges, parents, reason, now_us, waits=waits)
    after = msgspec.structs.replace(overlay, phase=place, ranges=ranges, phase_over=None)
    sweep = write_sweep(conn, sweep, {"overlay": encode_overlay(after)}, now_us=now_us)
    return sweep, waits


def _begin(
    conn: Connection,
    sweep: Sweep,
    phase: Phase,
    place: int,
    ranges: dict[str, Range],
    parents: list[int],
    reason: str,
    now_us: int,
    *,
    waits: bool = False,
) -> PhaseRecord:
    record = PhaseRecord(
        index=place,
        name=phase.name,
        fraction=phase.fraction,
        state="waiting" if waits else "running",
        reason=reason,
        ranges=ranges,
        parents=parents,
        username=None,
        started_at_us=None if waits else now_us,
        finished_at_us=None,
    )
    write_phase(conn, sweep.id, record)
    kind: EventKind = "phase_waits" if waits else "phase_began"
    record_event(conn, sweep.id, kind, _details(record), now_us=now_us)
    return record


def _refuse(
    conn: Connection, sweep: Sweep, phase: Phase, place: int, reason: str, now_us: int
) -> Sweep:
    """The phase never begins, and the sweep has come to its end."""
    record = PhaseRecord(
        index=place,
        name=phase.name,
        fraction=phase.fraction,
        state="refused",
        reason=reason,
        ranges={},
        parents=[],
        username=None,
        started_at_us=None,
        finished_at_us=now_us,
    )
    write_phase(conn, sweep.id, record)
    record_event(conn, sweep.id, "phase_refused", _details(record), now_us=now_us)
    said = f"the phase {phase.name!r} does not begin: {reason}"
    return write_sweep(conn, sweep, {"exhausted_reason": said}, now_us=now_us)


def _details(record: PhaseRecord) -> dict[str, object]:
    return {"phase": record.name, "index": record.index, "reason": record.reason}


# ---- gates


def _explain_gate(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    phase: Phase,
    best: list[Trial],
    rows: list[SweepTrial],
) -> str | None:
    """Why the gate of a phase does not hold; None when it does.

    It sees what the best trial of the phase before logged (the mean of its runs), its parameters,
    and for each metric m of several runs `m.std`, how far they are apart.
    """
    assert phase.gate is not None
    if not best:
        return f"its gate {phase.gate!r} asks for a best run, and without a metric there is none"
    gate = parse(phase.gate)
    group = next(
        [rows[at] for at in places]
        for places in group_trials(rows)
        if rows[places[0]].run_name == best[0].id
    )
    outcomes = list_outcomes(conn, sweep.project_id, [row.run_name for row in group])
    summaries = [
        parse_json_object(outcomes[row.run_name].summary, "the summary of a run")
        for row in group
        if row.run_name in outcomes
    ]
    values: dict[str, object] = dict(best[0].config)
    for name in sorted(gate.names - values.keys()):
        found = [v for summary in summaries if (v := read_number(summary, name)) is not None]
        if found:
            values[name] = sum(found) / len(found)
    score = group[0].score
    if score is not None and problem.metrics:
        metric = searched(problem, overlay_of(sweep)).metrics[0].name
        values |= {f"{metric}.std": score.std, f"{metric}.mean": score.mean}
        values.setdefault(metric, score.mean)
    elif best[0].values:
        values.setdefault(problem.metrics[0].name, best[0].values[0])
    if gate.holds(values):
        return None
    known = ", ".join(
        f"{name} = {values[name]:.6g}"
        if isinstance(values.get(name), float)
        else f"{name} = {values.get(name, 'missing')}"
        for name in sorted(gate.names)
    )
    return f"its gate {phase.gate!r} does not hold for the best run {best[0].id} ({known})"


def decide_phase(
    conn: Connection, sweep: Sweep, problem: Problem, *, approved: bool, caller: Caller, now_us: int
) -> Sweep:
    """Approve the phase that waits, or refuse it and with it end the sweep, which must be locked.

    Raises Conflict when none waits.
    """
    overlay = overlay_of(sweep)
    place = phase_index(problem, overlay)
    if place is None:
        raise Conflict(f"the sweep {sweep.path} has no phases; its configuration would name them")
    record = find_phase(conn, sweep.id, place)
    if record is None or record.state != "waiting":
        raise Conflict(f"no phase of the sweep {sweep.path} waits for approval")
    phase = problem.phases[place]
    if not approved:
        said = f"{caller.username} refused it"
        sweep = _refuse(conn, sweep, phase, place, said, now_us)
    else:
        began = msgspec.structs.replace(
            record,
            state="running",
            reason=f"approved by {caller.username}",
            started_at_us=now_us,
        )
        write_phase(conn, sweep.id, began)
        record_event(conn, sweep.id, "phase_began", _details(began), now_us=now_us)
    note_decider(conn, sweep.id, place, caller.user_id)
    return sweep
