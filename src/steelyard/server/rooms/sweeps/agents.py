"""Signs of life of agents, and what they are to do next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_ANSWER_S, SWEEP_ATTEMPTS_MAX
from steelyard.search.problem import Problem
from steelyard.server.rooms.runs.of_sweeps import RunOutcome, list_outcomes
from steelyard.server.rooms.sweeps.commands import finish_if_done
from steelyard.server.rooms.sweeps.endings import note_endings
from steelyard.server.rooms.sweeps.leases import (
    GONE_GRACE_US,
    LEASE_US,
    STOPPED_BY_HAND,
    settle_trials,
    write_trial,
)
from steelyard.server.rooms.sweeps.model import (
    AT_WORK,
    AgentCommand,
    AgentReport,
    Beat,
    Sweep,
    SweepAgent,
    SweepTrial,
)
from steelyard.server.rooms.sweeps.queries import find_trials_of_runs, list_trials_of_agent
from steelyard.server.rooms.sweeps.tables import sweep_agents


def record_beat(
    conn: Connection,
    agent: SweepAgent,
    sweep: Sweep,
    problem: Problem,
    *,
    problem_of: Callable[[SweepTrial], Problem],
    report: AgentReport,
    now_us: int,
) -> Beat:
    """Note that an agent lives and what it says of its runs; the sweep must be locked.

    The official client acts on the first command only when it runs functions, so a stop comes
    alone, before anything else. `problem_of` says what was searched when a trial was suggested.
    """
    alive = sa.update(sweep_agents).where(sweep_agents.c.id == agent.id)
    running = report.running
    is_leaving = not running and not report.wants_work
    conn.execute(alive.values(heartbeat_at_us=now_us, ended_at_us=now_us if is_leaving else None))
    mine = _renew(conn, agent, sweep, running, now_us)
    mine = note_endings(conn, sweep, mine, report.ended, now_us=now_us)
    settled = settle_trials(conn, sweep, problem, mine, now_us=now_us)
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in settled])
    stops = list_stops(sweep, settled, running, outcomes)
    if stops:
        return Beat(stops)
    if running or not report.wants_work:
        return Beat([])
    unheard = [
        trial
        for trial in settled
        if trial.state == "leased" and trial.run_name not in outcomes and is_busy_with(trial)
    ]
    if unheard and sweep.state in ("pending", "running"):
        return _tell_again(conn, unheard[0], problem_of(unheard[0]), now_us)
    if any(map(is_busy_with, settled)):
        return Beat([])
    sweep = finish_if_done(conn, sweep, now_us=now_us)
    if sweep.state in ("finished", "canceled"):
        return say_exit(conn, agent, sweep, now_us=now_us)
    return Beat([], wants_trial=sweep.state in ("pending", "running"))


def is_busy_with(trial: SweepTrial) -> bool:
    """An agent that has this trial gets no other."""
    return trial.state in AT_WORK and trial.gone_at_us is None


def _renew(
    conn: Connection, agent: SweepAgent, sweep: Sweep, running: Collection[str], now_us: int
) -> list[SweepTrial]:
    """Its trials at work, with the leases of those renewed that it names.

    One that was given up for lost and is named again is its own again, unless another agent has
    got the configuration in the meantime.
    """
    mine = list_trials_of_agent(conn, agent.id, states=AT_WORK)
    known = {trial.run_name for trial in mine}
    strangers = [name for name in running if name not in known]
    if strangers:
        found = find_trials_of_runs(conn, sweep.id, strangers)
        mine += [trial for trial in found if trial.state == "lost"]
    renewed = []
    values: dict[str, Any]
    for trial in mine:
        if trial.run_name in running:
            values = {
                "state": "running",
                "agent_id": agent.id,
                "lease_until_us": now_us + LEASE_US,
                "gone_at_us": None,
            }
        elif trial.state == "running" and trial.gone_at_us is None:
            values = {"gone_at_us": now_us, "lease_until_us": now_us + GONE_GRACE_US}
        else:
            values = {}
        renewed.append(write_trial(conn, trial, values))
    return renewed


def list_stops(
    sweep: Sweep,
    trials: Sequence[SweepTrial],
    running: Collection[str],
    outcomes: dict[str, RunOutcome],
) -> list[AgentCommand]:
    """Commands to stop those runs of an agent that are to stop."""
    stops = []
    for trial in trials:
        run = outcomes.get(trial.run_name)
        is_asked = trial.stop_reason is not None or (run is not None and run.stop_requested)
        if trial.run_name in running and (is_asked or sweep.state == "canceled"):
            asked = "the sweep was canceled" if sweep.state == "canceled" else STOPPED_BY_HAND
            reason = trial.stop_reason or asked
            is_early = trial.stop_kind == "judged" and sweep.state != "canceled"
            stops.append(
                AgentCommand(type="stop", run_id=trial.run_name, reason=reason, is_early=is_early)
            )
    return stops


def _tell_again(conn: Connection, trial: SweepTrial, problem: Problem, now_us: int) -> Beat:
    """A trial that its agent neither runs nor has begun: the answer was lost, or the program died.

    It cannot be told apart, so the agent is told again, as often as a trial is run at all. One that
    asks at once has not had the answer, and is told the same.
    """
    if now_us - (trial.started_at_us or 0) < SWEEP_ANSWER_S * 1_000_000:
        return Beat([command_of(trial, problem)])
    if trial.attempts >= SWEEP_ATTEMPTS_MAX:
        ended = {
            "state": "failed",
            "stop_reason": f"handed out {trial.attempts} times, and no run of it began",
            "lease_until_us": None,
            "ended_at_us": now_us,
        }
        write_trial(conn, trial, ended)
        return Beat([], wants_trial=True)
    values = {
        "attempts": trial.attempts + 1,
        "started_at_us": now_us,
        "lease_until_us": now_us + LEASE_US,
    }
    return Beat([command_of(write_trial(conn, trial, values), problem)])


def say_exit(conn: Connection, agent: SweepAgent, sweep: Sweep, *, now_us: int) -> Beat:
    """There is nothing left for this agent."""
    ended = sa.update(sweep_agents).where(sweep_agents.c.id == agent.id)
    conn.execute(ended.values(ended_at_us=now_us))
    reason = sweep.exhausted_reason or f"the sweep is {sweep.state}"
    return Beat([AgentCommand(type="exit", reason=reason)])


def command_of(trial: SweepTrial, problem: Problem) -> AgentCommand:
    """The command that makes an agent run the trial.

    wandb 0.31.0 wandb_agent.py, agents/pyagent.py: arguments are {name: {"value": …}}, a nested
    parameter is one value.
    """
    known = {p.name for p in problem.space.parameters}
    nested = problem.space.nest(trial.config)
    nested |= {name: value for name, value in trial.config.items() if name not in known}
    return AgentCommand(
        type="resume" if trial.is_resumable else "run",
        run_id=trial.run_name,
        program=problem.program,
        args={name: {"value": value} for name, value in nested.items()},
    )
