"""No statement of sweeps reads a table from end to end, however much is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_LEASE_S
from steelyard.search.objective import Weighting
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs import of_sweeps
from steelyard.server.rooms.sweeps import (
    controller,
    events,
    judgement,
    listing,
    phase_records,
    queries,
    removal,
    searching,
    weightings,
)
from steelyard.server.rooms.sweeps.commands import lock_sweep
from steelyard.server.tasks.sweeps import settle_sweeps
from tests.support.query_plans import Statements
from tests.support.sweeps import GRID, Works


@pytest.fixture
def statements() -> Iterator[Statements]:
    """To be asked for before `db`: statements of connections that are open already are not seen."""
    with Statements() as entered:
        yield entered


def unsought(statements: Statements, db: Database) -> list[str]:
    """Plans of statements about sweeps or their runs that read a table whole."""
    found = db.write_now(statements.list_unsought)
    return [plan for plan in found if "sweep" in plan]


def test_the_work_of_agents_finds_its_rows_by_an_index(
    statements: Statements, db: Database
) -> None:
    works = Works(db)
    sweep = works.create(GRID + "early_terminate: {type: hyperband, min_iter: 1}\n")
    first, second = works.agent(sweep), works.agent(sweep)
    works.run_one(sweep, first, loss=1.0)
    name, config = works.next_run(first)
    works.start(sweep, name, config)
    works.beat(first, name)
    lost, config = works.next_run(second)
    works.start(sweep, lost, config)
    works.pass_s(SWEEP_LEASE_S + 1)
    asyncio.run(settle_sweeps(db, works.dispatcher, now_us=works.now_us))
    works.next_run(second)
    works.beat(first, name, "unknown")
    judgement.Judge(db, works.dispatcher.problems).judge_all(now_us=works.now_us)
    db.write_now(judgement.stop_trials, sweep.id, {name: "worse"}, now_us=works.now_us)
    works.change(sweep, config=GRID + "run_cap: 5\n", description="x", prior_runs=["a"])
    works.change(sweep, state="canceled")
    assert unsought(statements, db) == []


def test_reading_sweeps_finds_rows_by_an_index(statements: Statements, db: Database) -> None:
    works = Works(db)
    sweep = works.create({"method": "custom", "parameters": {"x": {"values": [1]}}})
    agent = works.agent(sweep)
    document = '{"schedule": [{"id": "a", "data": {"args": {"x": {"value": 1}}}}]}'
    held = works.change(sweep, controller=document)
    db.write_now(controller.apply_controller, held, now_us=works.now_us)
    db.read_now(controller.scheduler_of, held)
    db.read_now(queries.find_sweep, sweep.project_id, sweep.name)
    db.read_now(listing.find_sweeps, sweep.project_id, limit=5, before_id=10**6)
    db.read_now(listing.count_matching, sweep.project_id)
    db.read_now(queries.list_configs, sweep.id)
    db.read_now(queries.best_values, sweep.id)
    db.read_now(queries.find_agent, sweep.id, agent.name)
    db.read_now(queries.list_agents, sweep.id, limit=5, after_id=1)
    db.read_now(queries.agent_names, [agent.id])
    db.read_now(queries.count_agents, sweep.id)
    db.read_now(queries.last_heartbeat_us, sweep.id)
    db.read_now(queries.list_trials, sweep.id, limit=5, after_index=1)
    db.read_now(queries.list_run_names_of_agent, agent.id)
    db.read_now(queries.count_trials, sweep.id)
    trials = works.trials(sweep)
    db.read_now(searching.list_priors, held, trials)
    db.read_now(of_sweeps.list_runs_of_sweep, sweep.project_id, sweep.name, limit=5, after_id=1)
    db.read_now(of_sweeps.count_runs_of_sweeps, sweep.project_id, [sweep.name])
    assert unsought(statements, db) == []


def test_folds_phases_weightings_and_events_find_their_rows_by_an_index(
    statements: Statements, db: Database
) -> None:
    works = Works(db)
    config = GRID + "cross_validation: {folds: 2}\nphases: {a: {runs: 2}, b: {top: 1, runs: 2}}\n"
    sweep = works.create(config)
    problem = works.dispatcher.problems.get(sweep)
    agent = works.agent(sweep)
    weighting = Weighting(name="double", expression="2*loss", goal="minimize")

    def put(conn: Connection) -> None:
        held = lock_sweep(conn, sweep.id)
        weightings.put_weighting(
            conn, held, problem, weighting, is_default=True, caller=works.caller, now_us=1
        )

    for _ in range(2):
        works.run_one(sweep, agent, loss=1.0)
    db.write_now(put)
    for _ in range(2):
        works.run_one(sweep, agent, loss=1.0)
    works.beat(agent)
    held = works.look(sweep)
    assert held.state == "finished"
    [stored] = db.read_now(weightings.list_weightings, held, problem)
    assert stored.metric is not None
    db.read_now(weightings.rank_trials, held, problem, stored.metric)
    db.read_now(events.list_events, sweep.id, limit=5, after_id=1)
    assert len(db.read_now(phase_records.list_phases, sweep.id)) == 2
    db.write_now(removal.delete_sweep, sweep.id)
    assert unsought(statements, db) == []


def test_removing_sweeps_finds_rows_by_an_index(statements: Statements, db: Database) -> None:
    works = Works(db)
    sweep = works.create(GRID)
    works.run_one(sweep, works.agent(sweep))
    db.write_now(removal.forget_user, works.caller.user_id)
    assert db.write_now(removal.delete_some_sweeps, [sweep.project_id], count=5) == 1
    assert db.write_now(removal.delete_some_sweeps, [sweep.project_id], count=5) == 0
    assert unsought(statements, db) == []
