"""Revision 0005: sweeps of before go on, without priority and without costs of what was."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.db.open import open_database
from steelyard.server.migrations import create_schema
from steelyard.server.rooms.sweeps.budget import report_budget
from steelyard.server.rooms.sweeps.queries import find_sweep
from steelyard.server.tasks.costs import Bookkeeper
from tests.support.accounts import NOW_US, make_caller, make_run
from tests.support.sweeps import GRID, Works


def test_a_sweep_of_before_goes_on(empty_database_url: str) -> None:
    db = open_database(empty_database_url)
    try:
        create_schema(db, revision="0004")
        caller = db.write_now(make_caller)
        run = db.write_now(make_run, caller, project="works", name="run")

        def insert(conn: Connection) -> None:
            row = {"project": run.project_id, "now": NOW_US, "text": GRID}
            conn.execute(
                sa.text(
                    "INSERT INTO sweeps (id, project_id, name, state, method, config_version, "
                    "is_local, is_judged, seed, trial_count, created_at_us, updated_at_us) VALUES "
                    "(5, :project, 'old', 'running', 'grid', 1, false, false, 7, 0, :now, :now)"
                ),
                row,
            )
            conn.execute(
                sa.text(
                    "INSERT INTO sweep_configs (sweep_id, version, text, created_at_us) "
                    "VALUES (5, 1, :text, :now)"
                ),
                row,
            )

        db.write_now(insert)
        create_schema(db)
        sweep = db.read_now(find_sweep, run.project_id, "old")
        assert sweep is not None
        assert (sweep.priority, sweep.waits_reason) == (0, None)
        works = Works(db, caller)
        works.run_one(sweep, works.agent(sweep), loss=1.0)
        assert asyncio.run(Bookkeeper(db).charge_all(now_us=works.now_us)) >= 1
        problem = works.dispatcher.problems.get(sweep)
        found = db.read_now(report_budget, works.look(sweep), problem, now_us=works.now_us)
        assert (found.spent.runs, found.state) == (1, "unlimited")
    finally:
        db.close()
