"""Sweeps for tests that work on a database without a server: agents, runs and the clock."""

from __future__ import annotations

import itertools
import json
from typing import Any

from sqlalchemy.engine import Connection

from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.runs.commands import finish_run, lock_run, update_run, upsert_run
from steelyard.server.rooms.runs.model import Run, RunChanges
from steelyard.server.rooms.sweeps import commands
from steelyard.server.rooms.sweeps.configuration import parse_sweep_config
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.model import (
    AgentCommand,
    AgentReport,
    Ending,
    Sweep,
    SweepAgent,
    SweepChanges,
    SweepTrial,
)
from steelyard.server.rooms.sweeps.queries import get_sweep_by_id, list_trials
from tests.support.accounts import NOW_US, make_caller

GRID = """
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [1, 2, 3]}
  y: {values: [a, b, c]}
"""
RANDOM = """
method: random
metric: {name: loss, goal: minimize}
parameters:
  x: {min: 0.0, max: 1.0}
"""
SECOND_US = 1_000_000


class Works:
    """A project with sweeps, and a clock that the test moves."""

    def __init__(self, db: Database, caller: Caller | None = None) -> None:
        self.db = db
        self.caller = caller or db.write_now(make_caller)
        self.dispatcher = Dispatcher(db)
        self.now_us = NOW_US
        self._hosts = itertools.count(1)

    def pass_s(self, seconds: float) -> None:
        self.now_us += int(seconds * SECOND_US)

    def create(
        self, config: str | dict[str, Any] = GRID, *, seed: int = 7, **changes: Any
    ) -> Sweep:
        parsed = parse_sweep_config(config)

        def create(conn: Connection) -> Sweep:
            project, _ = ensure_project(
                conn, caller=self.caller, entity="", name="works", now_us=self.now_us
            )
            return commands.create_sweep(
                conn,
                project=project,
                caller=self.caller,
                config=parsed,
                changes=SweepChanges(**changes),
                seed=seed,
                now_us=self.now_us,
            )

        return self.db.write_now(create)

    def change(self, sweep: Sweep, *, config: str | None = None, **changes: Any) -> Sweep:
        parsed = None if config is None else parse_sweep_config(config)

        def change(conn: Connection) -> Sweep:
            return commands.update_sweep(
                conn,
                commands.lock_sweep(conn, sweep.id),
                SweepChanges(**changes),
                config=parsed,
                caller=self.caller,
                now_us=self.now_us,
            )

        return self.db.write_now(change)

    def agent(self, sweep: Sweep) -> SweepAgent:
        def create(conn: Connection) -> SweepAgent:
            return commands.create_agent(
                conn,
                commands.lock_sweep(conn, sweep.id),
                caller=self.caller,
                host=f"host{next(self._hosts)}",
                now_us=self.now_us,
            )

        return self.db.write_now(create)

    def beat(
        self,
        agent: SweepAgent,
        *running: str,
        ended: dict[str, Ending] | None = None,
        wants_work: bool = True,
    ) -> list[AgentCommand]:
        """What the agent is told, having these runs at work."""
        report = AgentReport(running=frozenset(running), ended=ended or {}, wants_work=wants_work)
        return self.dispatcher.beat(self.caller, agent.id, report, now_us=self.now_us)

    def next_run(self, agent: SweepAgent) -> tuple[str, dict[str, Any]]:
        """The name and configuration of the run the idle agent is to begin."""
        [command] = self.beat(agent)
        assert command.type in ("run", "resume"), command
        assert command.run_id is not None
        return command.run_id, {k: v["value"] for k, v in (command.args or {}).items()}

    def start(self, sweep: Sweep, name: str, config: dict[str, Any] | None = None) -> Run:
        """The process of a run begins, as `init` says it."""
        stored = json.dumps({key: {"value": value} for key, value in (config or {}).items()})

        def start(conn: Connection) -> Run:
            project, _ = ensure_project(
                conn, caller=self.caller, entity="", name="works", now_us=self.now_us
            )
            changes = RunChanges(name=name, sweep=sweep.name, config=stored)
            return upsert_run(
                conn, project=project, caller=self.caller, changes=changes, now_us=self.now_us
            )[0]

        return self.db.write_now(start)

    def end(self, run: Run, *, exit_code: int = 0, **summary: Any) -> None:
        """The process of a run ends."""

        def end(conn: Connection) -> None:
            changes = RunChanges(id=run.id, summary=json.dumps(summary))
            update_run(conn, lock_run(conn, run.id), changes, now_us=self.now_us)
            finish_run(conn, run.id, exit_code, now_us=self.now_us)

        self.db.write_now(end)

    def run_one(
        self, sweep: Sweep, agent: SweepAgent, **summary: Any
    ) -> tuple[str, dict[str, Any]]:
        """The agent's next run from its begin to its end."""
        name, config = self.next_run(agent)
        self.end(self.start(sweep, name, config), **summary)
        return name, config

    def settle(self, sweep: Sweep) -> Sweep:
        """What the background task does."""
        return self.db.write_now(self.dispatcher.settle, sweep.id, now_us=self.now_us)

    def look(self, sweep: Sweep) -> Sweep:
        return self.db.read_now(get_sweep_by_id, sweep.id)

    def trials(self, sweep: Sweep) -> list[SweepTrial]:
        return self.db.read_now(list_trials, sweep.id, limit=10_000)
