"""Charging runs, and asking for budgets and queues, reads no table from end to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from steelyard.server.db.interface import Database
from steelyard.server.rooms.costs.commands import set_price
from steelyard.server.rooms.sweeps.admission import check_quota, set_quota
from steelyard.server.rooms.sweeps.budget import report_budget
from steelyard.server.rooms.sweeps.depth import read_depth
from steelyard.server.rooms.sweeps.forecast import forecast
from steelyard.server.tasks.costs import Bookkeeper
from tests.support.query_plans import Statements
from tests.support.sweeps import RANDOM, Works


@pytest.fixture
def statements() -> Iterator[Statements]:
    """To be asked for before `db`: statements of connections that are open already are not seen."""
    with Statements() as entered:
        yield entered


def test_costs_and_budgets_find_their_rows_by_an_index(
    statements: Statements, db: Database
) -> None:
    works = Works(db)
    text = RANDOM.replace("minimize", "minimize, target: -1") + "budget: {usd: 10, hours: 4}\n"
    sweep = works.create(text)
    db.write_now(set_price, kind="host", name="*", usd_per_hour=1.0, now_us=works.now_us)
    db.write_now(set_quota, sweep.entity_id, 3, now_us=works.now_us)
    agent = works.agent(sweep)
    works.run_one(sweep, agent, loss=1.0, tokens=5)
    bookkeeper = Bookkeeper(db)
    assert asyncio.run(bookkeeper.charge_all(now_us=works.now_us)) == 1
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.beat(agent, name)
    assert asyncio.run(bookkeeper.charge_all(now_us=works.now_us)) == 1
    assert asyncio.run(bookkeeper.charge_all(now_us=works.now_us)) == 0
    works.end(run, loss=1.0)
    assert asyncio.run(bookkeeper.charge_all(now_us=works.now_us)) == 1
    works.start(sweep, name, config)
    assert asyncio.run(bookkeeper.charge_all(now_us=works.now_us)) == 1
    works.settle(sweep)
    found = works.look(sweep)
    problem = works.dispatcher.problems.get(found)
    db.write_now(check_quota, found, now_us=works.now_us)
    db.read_now(report_budget, found, problem, now_us=works.now_us)
    db.read_now(read_depth, found, problem, replicas_max=None, now_us=works.now_us)
    db.read_now(forecast, found.project_id, problem)
    unsought = db.write_now(statements.list_unsought)
    about = ("run_costs", "sweep_alerts", "sweep_quotas", "sweep_trials", "sweep_agents", "runs")
    assert [plan for plan in unsought if any(name in plan for name in about)] == []
