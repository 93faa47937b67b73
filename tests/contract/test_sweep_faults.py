"""Sweeps when things go wrong: servers that die, clocks that disagree, metrics that never come."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from steelyard.errors import AgentNotFound, Forbidden
from steelyard.server.db.interface import Database
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.runs.commands import finish_run, update_run, upsert_run
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.model import RunChanges
from steelyard.server.rooms.sweeps import controller
from steelyard.server.rooms.sweeps.commands import lock_sweep
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.model import AgentReport, Sweep
from steelyard.server.rooms.sweeps.serving import Seat, serve
from tests.support.accounts import make_caller
from tests.support.sweeps import RANDOM, Works

BAYES = """
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  x: {min: 0.0, max: 1.0}
  y: {min: 0.0, max: 1.0}
  kind: {values: [a, b, c]}
"""


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def loss_of(config: dict[str, Any]) -> float:
    return float((config["x"] - 0.3) ** 2 + (config["y"] - 0.6) ** 2 + (config["kind"] != "b"))


def run_some(works: Works, sweep: Sweep, count: int, *, restart: bool = False) -> list[Any]:
    """Configurations of the next runs; with `restart` the server is another process before each."""
    agent = works.agent(sweep)
    configs = []
    for _ in range(count):
        if restart:
            works.dispatcher = Dispatcher(works.db)
        name, config = works.next_run(agent)
        works.end(works.start(sweep, name, config), loss=loss_of(config))
        configs.append(config)
    return configs


def test_after_a_restart_the_same_suggestions_follow(works: Works) -> None:
    undisturbed = run_some(works, works.create(BAYES, seed=5), 8)
    restarted = run_some(works, works.create(BAYES, seed=5), 8, restart=True)
    assert restarted == undisturbed
    assert run_some(works, works.create(BAYES, seed=6), 3) != undisturbed[:3]


def test_a_hand_out_that_a_dead_server_did_not_finish_is_made_again(works: Works) -> None:
    sweep = works.create(BAYES, seed=5)
    agent = works.agent(sweep)
    told = works.beat(agent)  # the answer is lost with the server
    works.dispatcher = Dispatcher(works.db)
    assert works.beat(agent) == told
    assert len(works.trials(sweep)) == 1


def test_agents_that_ask_at_once_of_two_servers_get_different_runs(works: Works) -> None:
    sweep = works.create(BAYES, seed=5)
    run_some(works, sweep, 8)
    other = Works(works.db, works.caller)
    asked = [(place, place.agent(sweep)) for place in [works, other] * 8]
    gate = threading.Barrier(len(asked))
    given: list[str] = []

    def ask(place: Works, agent: Any) -> None:
        gate.wait()
        while not (commands := place.beat(agent)):
            pass
        given.append(json.dumps(commands[0].args, sort_keys=True))

    threads = [threading.Thread(target=ask, args=each) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == len(asked)
    trials = works.trials(sweep)[8:]
    queued = [trial for trial in trials if trial.state == "queued"]
    assert len(trials) == len(asked) + len(queued)
    together = [trial for trial in trials if "for agents that asked at once" in trial.reason]
    assert all(trial.kind in ("model", "start") for trial in together)


def test_two_controllers_of_one_sweep_make_every_entry_once(works: Works) -> None:
    sweep = works.create({"method": "custom", "parameters": {"x": {"values": [1, 2, 3]}}})

    def write(names: list[str]) -> None:
        schedule = [
            {"id": name, "data": {"args": {"x": {"value": int(name[-1])}}}} for name in names
        ]
        document = dump_json({"schedule": schedule})

        def apply(conn: Connection) -> None:
            held = lock_sweep(conn, sweep.id)
            controller.apply_controller(conn, held, now_us=works.now_us)

        works.change(sweep, controller=document)
        works.db.write_now(apply)

    write(["one1", "one2"])
    write(["two3"])  # the other one has not heard of them, and writes its own document
    write(["one1", "one2", "one3"])
    write(["two3"])
    trials = works.trials(sweep)
    assert [trial.schedule_id for trial in trials] == ["one1", "one2", "two3", "one3"]
    agents = [works.agent(sweep) for _ in trials]
    assert len({works.next_run(agent)[0] for agent in agents}) == len(trials)


@pytest.mark.parametrize("skew_s", [-86_400, 86_400])
def test_a_server_whose_clock_jumps_loses_no_run_of_an_agent_that_is_heard(
    works: Works, skew_s: int
) -> None:
    sweep = works.create(RANDOM)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.beat(agent, name)
    works.pass_s(skew_s)
    works.beat(agent, name)
    works.settle(sweep)
    [trial] = works.trials(sweep)
    assert (trial.state, trial.run_name, trial.attempts) == ("running", name, 1)
    works.end(run, loss=0.5)
    works.beat(agent)
    assert works.trials(sweep)[0].value == 0.5
    results = works.trials(sweep)[0].results
    assert results is not None
    assert (results.seconds or 0) >= 0


@pytest.mark.parametrize("skew_s", [-86_400, 86_400])
def test_a_run_whose_clock_is_a_day_off_ends_when_it_ends(works: Works, skew_s: int) -> None:
    sweep = works.create(BAYES + "cost: seconds\nbudget: {gpu_hours: 100}\n", seed=5)
    agent = works.agent(sweep)
    for _ in range(2):
        name, config = works.next_run(agent)
        run = works.start(sweep, name, config)
        works.beat(agent, name)
        works.pass_s(60)
        told_us = works.now_us + skew_s * 1_000_000
        works.db.write_now(finish_run, run.id, 0, now_us=works.now_us, finished_at_us=told_us)
        works.beat(agent)
    ended = [trial for trial in works.trials(sweep) if trial.state == "finished"]
    assert len(ended) == 2
    assert all(trial.results and (trial.results.seconds or 0) >= 0 for trial in ended)


@pytest.mark.parametrize(
    "end",
    [lambda works, run: works.end(run), lambda works, run: works.end(run, exit_code=1)],
    ids=["a metric that is never reported", "runs that all fail"],
)
def test_a_search_without_any_value_goes_on_with_new_configurations_until_its_cap(
    works: Works, end: Callable[[Works, Any], None]
) -> None:
    sweep = works.create(BAYES + "run_cap: 8\n", seed=5)
    agent = works.agent(sweep)
    configs = []
    for _ in range(8):
        name, config = works.next_run(agent)
        end(works, works.start(sweep, name, config))
        configs.append(dump_json(config))
    assert len(set(configs)) == 8
    assert [command.type for command in works.beat(agent)] == ["exit"]
    assert works.look(sweep).state == "finished"
    assert {trial.value for trial in works.trials(sweep)} == {None}


def test_runs_that_all_fail_are_not_run_again_for_ever(works: Works) -> None:
    sweep = works.create(BAYES + "run_cap: 3\nretries: 1\n", seed=5)
    agent = works.agent(sweep)
    begun = 0
    while works.look(sweep).state != "finished":
        [command] = works.beat(agent)
        if command.type == "exit":
            continue
        begun += 1
        assert begun <= 6
        works.end(works.start(sweep, command.run_id or ""), exit_code=1)
    assert begun == 6
    assert [trial.state for trial in works.trials(sweep)] == ["failed"] * 3


def test_a_thousand_finished_runs_of_forty_parameters_are_learnt_from(works: Works) -> None:
    names = [f"p{number:02}" for number in range(40)]
    config = {
        "method": "bayes",
        "metric": {"name": "loss"},
        "parameters": {name: {"min": 0.0, "max": 1.0} for name in names},
    }
    sweep = works.create(config, seed=5)

    def fill(conn: Connection) -> None:
        project, _ = ensure_project(
            conn, caller=works.caller, entity="", name="works", now_us=works.now_us
        )
        for number in range(1000):
            values = {name: (number * (at + 7) % 1009) / 1009 for at, name in enumerate(names)}
            stored = dump_json({name: {"value": value} for name, value in values.items()})
            run, _ = upsert_run(
                conn,
                project=project,
                caller=works.caller,
                changes=RunChanges(name=f"seen{number}", sweep=sweep.name, config=stored),
                now_us=works.now_us,
            )
            loss = dump_json({"loss": sum((value - 0.5) ** 2 for value in values.values())})
            update_run(conn, run, RunChanges(id=run.id, summary=loss), now_us=works.now_us)
            finish_run(conn, run.id, 0, now_us=works.now_us)

    works.db.write_now(fill)
    agent = works.agent(sweep)
    name, suggested = works.next_run(agent)
    assert suggested.keys() == set(names)
    [trial] = works.trials(sweep)
    assert (trial.run_name, trial.kind) == (name, "model")
    assert trial.mean is not None


def test_an_agent_of_others_is_not_served(works: Works) -> None:
    sweep = works.create(RANDOM)
    agent = works.agent(sweep)
    stranger = works.db.write_now(make_caller)
    with pytest.raises((AgentNotFound, Forbidden)):
        serve(
            works.db,
            works.dispatcher,
            stranger,
            [Seat(agent.id, AgentReport())],
            now_us=works.now_us,
        )
