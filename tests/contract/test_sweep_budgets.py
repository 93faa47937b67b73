"""Budgets: a sweep begins no run that it cannot pay, stops at its limit, and says so before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.server.db.interface import Database
from steelyard.server.rooms.costs.commands import charge_runs, remove_price, set_price
from steelyard.server.rooms.costs.queries import list_prices
from steelyard.server.rooms.runs.commands import lock_run, record_activity, update_run
from steelyard.server.rooms.runs.model import Run, RunChanges
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.server.rooms.sweeps.budget import report_budget
from steelyard.server.rooms.sweeps.budget_report import Amounts, BudgetReport
from steelyard.server.rooms.sweeps.judgement import stop_trials
from steelyard.server.rooms.sweeps.model import Sweep, SweepAgent
from tests.support.sweeps import RANDOM, Works

HOUR_S = 3600
TEN_DOLLARS = RANDOM + "budget: {usd: 10}\n"


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def usd(amount: float) -> dict[str, Any]:
    """What a script logs that knows what it costs."""
    return {"cost.usd": amount}


def look(works: Works, sweep: Sweep) -> BudgetReport:
    found = works.look(sweep)
    problem = works.dispatcher.problems.get(found)
    return works.db.read_now(report_budget, found, problem, now_us=works.now_us)


def price(works: Works, usd_per_hour: float, name: str = "h100") -> None:
    works.db.write_now(
        set_price, kind="gpu", name=name, usd_per_hour=usd_per_hour, now_us=works.now_us
    )


def start_on_gpus(works: Works, sweep: Sweep, name: str, count: int = 1) -> Run:
    """A run begins on a machine with GPUs, and says so as its client does."""
    run = works.start(sweep, name)
    facts = {"host": f"node-{name}", "gpu": "NVIDIA H100 80GB HBM3", "gpu_count": count}
    config = json.dumps({"_wandb": {"value": {"e": {"writer": facts}}}})
    change(works, run, config=config)
    return run


def change(works: Works, run: Run, **values: Any) -> None:
    def write(conn: Any) -> None:
        changes = RunChanges(id=run.id, **values)
        update_run(conn, lock_run(conn, run.id), changes, now_us=works.now_us)

    works.db.write_now(write)


def live(works: Works, run: Run) -> None:
    """A heartbeat."""
    works.db.write_now(record_activity, run.id, now_us=works.now_us)


def charge(works: Works, *runs: Run) -> None:
    ids = [run.id for run in runs]
    prices = works.db.read_now(list_prices)
    works.db.write_now(charge_runs, ids, prices, now_us=works.now_us)


def summary_of(works: Works, run: Run) -> dict[str, Any]:
    found = works.db.read_now(find_run_by_id, run.id)
    assert found is not None
    return found.parse_summary()


def beat_all(works: Works, sweep: Sweep, agents: list[SweepAgent]) -> list[str]:
    """Runs that the idle agents get."""
    return [
        command.run_id
        for agent in agents
        for command in works.beat(agent)
        if command.type == "run" and command.run_id is not None
    ]


def test_of_runs_of_three_dollars_a_budget_of_ten_begins_three(works: Works) -> None:
    sweep = works.create(TEN_DOLLARS)
    agent = works.agent(sweep)
    for _ in range(3):
        works.run_one(sweep, agent, loss=1.0, **usd(3))
    [command] = works.beat(agent)
    assert command.type == "exit"
    assert command.reason is not None
    assert "9.00 USD are spent" in command.reason
    assert "one more run is expected to need 3.00 USD" in command.reason
    assert works.look(sweep).state == "finished"
    report = look(works, sweep)
    assert (report.state, report.reason) == ("spent", command.reason)
    assert (report.spent.runs, report.spent.usd) == (3, 9)
    raised = works.change(sweep, config=TEN_DOLLARS.replace("10", "12"))
    assert (raised.state, raised.exhausted_reason) == ("running", None)
    works.run_one(sweep, agent, loss=1.0, **usd(3))
    assert works.beat(agent)[0].type == "exit"


def test_agents_that_come_together_begin_no_more_than_can_be_paid(works: Works) -> None:
    sweep = works.create(TEN_DOLLARS)
    agents = [works.agent(sweep) for _ in range(5)]
    [first] = beat_all(works, sweep, agents)  # nobody knows what a run costs: one shows it
    assert "the first one shows it" in (works.look(sweep).waits_reason or "")
    run = works.start(sweep, first)
    works.beat(agents[0], first)
    works.end(run, loss=1.0, **usd(3))
    begun = beat_all(works, sweep, agents)
    assert len(begun) == 2
    report = look(works, sweep)
    assert (report.state, report.committed.usd, report.per_run.usd) == ("waits", 6, 3)
    assert "2 runs at work will need 6.00 USD more" in (report.reason or "")
    # One of them turns out cheaper: there is room for another.
    works.end(works.start(sweep, begun[0]), loss=1.0, **usd(1.5))
    assert len(set(beat_all(works, sweep, agents)) - {begun[1]}) == 1


def test_runs_are_charged_by_gpus_time_and_price(works: Works) -> None:
    price(works, 2.5)
    price(works, 99.0, name="h1")  # the longer name says more
    sweep = works.create(TEN_DOLLARS)
    agent = works.agent(sweep)
    name, _ = works.next_run(agent)
    run = start_on_gpus(works, sweep, name, count=2)
    charge(works, run)
    works.pass_s(HOUR_S / 2)
    change(works, run, summary='{"loss": 2.0, "tokens": 12000}')
    live(works, run)
    works.beat(agent, name)
    charge(works, run)
    assert summary_of(works, run) == {
        "loss": 2.0, "tokens": 12000,
        "cost.gpu_hours": 1.0, "cost.tokens": 12000.0, "cost.usd": 2.5,
    }  # fmt: skip
    works.pass_s(HOUR_S / 2)
    change(works, run, summary='{"loss": 1.0}')  # the client sends its summary as a whole
    works.end(run, loss=1.0)
    works.beat(agent)
    summary = summary_of(works, run)
    assert (summary["cost.gpu_hours"], summary["cost.usd"]) == (2.0, 5.0)
    report = look(works, sweep)
    assert (report.spent.gpu_hours, report.spent.usd) == (2.0, 5.0)
    charge(works, run)
    assert summary_of(works, run) == summary


def test_a_run_that_is_resumed_costs_both_its_lives(works: Works) -> None:
    price(works, 1.0)
    sweep = works.create(RANDOM)
    run = start_on_gpus(works, sweep, "again")
    works.pass_s(HOUR_S)
    works.end(run, loss=1.0)
    charge(works, run)
    works.pass_s(5 * HOUR_S)  # nobody works on it
    start_on_gpus(works, sweep, "again")
    change(works, run, summary=json.dumps(summary_of(works, run)))  # its client goes on with that
    charge(works, run)
    works.pass_s(HOUR_S)
    works.end(run, loss=1.0, **usd(1.0))
    charge(works, run)
    assert summary_of(works, run)["cost.usd"] == 2.0


def test_a_budget_that_nobody_can_count_waits_for_a_price(works: Works) -> None:
    sweep = works.create(TEN_DOLLARS)
    agent = works.agent(sweep)
    name, _ = works.next_run(agent)
    run = start_on_gpus(works, sweep, name)
    works.pass_s(HOUR_S)
    works.end(run, loss=1.0)
    assert works.beat(agent) == []
    report = look(works, sweep)
    assert (report.state, report.unpriced_runs, report.spent.usd) == ("waits", 1, None)
    assert "steelyard prices set" in (report.reason or "")
    price(works, 3.0)
    charge(works, run)  # an admin who sets a price has runs charged anew
    works.run_one(sweep, agent, loss=1.0)
    works.db.write_now(remove_price, "gpu", "h100")


def test_at_the_limit_runs_at_work_are_stopped_with_the_reason(works: Works) -> None:
    price(works, 4.0)
    sweep = works.create(RANDOM + "budget: {gpu_hours: 3}\n")
    agent, other = works.agent(sweep), works.agent(sweep)
    name, _ = works.next_run(agent)
    run = start_on_gpus(works, sweep, name)
    charge(works, run)
    works.pass_s(60)
    live(works, run)
    charge(works, run)
    assert works.beat(other) == []
    for _ in range(4):
        works.pass_s(HOUR_S)
        live(works, run)
        charge(works, run)
        works.beat(agent, name)
        works.settle(sweep)
    [stop] = works.beat(agent, name)
    assert (stop.type, stop.run_id) == ("stop", name)
    assert "the budget of 3 GPU hours is used up" in (stop.reason or "")
    found = works.db.read_now(find_run_by_id, run.id)
    assert found is not None
    assert found.stop_requested
    works.end(run, exit_code=1)
    assert works.beat(agent)[0].type == "exit"
    assert works.look(sweep).state == "finished"
    [trial] = works.trials(sweep)
    assert (trial.state, trial.stop_kind) == ("stopped", "budget")
    report = look(works, sweep)
    assert [(a.kind, a.threshold) for a in report.alerts] == [
        ("gpu_hours", 50), ("gpu_hours", 80), ("gpu_hours", 100)
    ]  # fmt: skip


def test_runs_at_work_may_end_where_the_budget_says_so(works: Works) -> None:
    sweep = works.create(RANDOM + "budget: {hours: 2, stop_running: false}\n")
    agent, other = works.agent(sweep), works.agent(sweep)
    name, _ = works.next_run(agent)
    run = works.start(sweep, name)
    works.pass_s(3 * HOUR_S)
    works.beat(agent, name)
    works.settle(sweep)
    assert works.beat(agent, name) == []
    assert works.beat(other)[0].type == "exit"
    works.end(run, loss=1.0)
    works.beat(agent)
    [trial] = works.trials(sweep)
    assert trial.state == "finished"


def test_alerts_are_raised_once_each_and_again_for_another_limit(works: Works) -> None:
    sweep = works.create(TEN_DOLLARS)
    agent = works.agent(sweep)
    said = []
    for _ in range(3):
        works.run_one(sweep, agent, loss=1.0, **usd(2.7))
        works.settle(sweep)
        works.settle(sweep)
        said.append([alert.threshold for alert in look(works, sweep).alerts])
    assert said == [[], [50], [50, 80]]
    restarted = Works(works.db, works.caller)  # another server process
    restarted.now_us = works.now_us
    restarted.settle(sweep)
    assert [alert.threshold for alert in look(works, sweep).alerts] == [50, 80]
    works.change(sweep, config=TEN_DOLLARS.replace("10", "16"))
    works.settle(sweep)
    assert [(a.limit, a.threshold) for a in look(works, sweep).alerts] == [
        (10, 50), (10, 80), (16, 50)
    ]  # fmt: skip


def test_what_early_stopping_saved_is_told(works: Works) -> None:
    price(works, 2.0)
    sweep = works.create(RANDOM)
    agent = works.agent(sweep)
    for hours in (4, 4, 1):
        name, _ = works.next_run(agent)
        run = start_on_gpus(works, sweep, name)
        works.beat(agent, name)
        works.pass_s(hours * HOUR_S)
        works.beat(agent, name)
        if hours == 1:
            works.db.write_now(stop_trials, sweep.id, {name: "worse"}, now_us=works.now_us)
            works.end(run, exit_code=1)
        else:
            works.end(run, loss=1.0)
        charge(works, run)
    works.settle(sweep)
    report = look(works, sweep)
    assert report.saved == Amounts(runs=1, hours=3.0, gpu_hours=3.0, usd=6.0)
    assert report.spent.usd == 18.0
    assert report.state == "unlimited"


def test_a_projection_says_when_and_with_what_the_sweep_ends(works: Works) -> None:
    price(works, 1.0)
    sweep = works.create(RANDOM + "run_cap: 5\n")
    agent = works.agent(sweep)
    for _ in range(2):
        name, _ = works.next_run(agent)
        run = start_on_gpus(works, sweep, name)
        works.pass_s(HOUR_S)
        works.end(run, loss=1.0)
        charge(works, run)
    report = look(works, sweep)
    assert report.projected_spend == Amounts(runs=5, hours=5.0, gpu_hours=5.0, usd=5.0)
    assert report.projected_end_at_us == works.now_us + 3 * HOUR_S * 1_000_000
