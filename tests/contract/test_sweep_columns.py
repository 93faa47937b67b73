"""What the pages of sweeps are drawn from: columns of all trials, and the figures of a list."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import create_api_key
from steelyard.server.rooms.runs.commands import lock_run, update_run
from steelyard.server.rooms.runs.model import Run, RunChanges
from steelyard.server.rooms.runs.shown_runs import list_shown_runs
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.overview import count_suggestions, progress_of
from steelyard.server.rooms.sweeps.queries import agent_places, get_sweep_by_id
from steelyard.server.rooms.sweeps.shown_trials import whole_trials
from steelyard.server.rooms.sweeps.trial_columns import TrialColumns, columns_of
from tests.support.accounts import NOW_US, make_caller
from tests.support.app_server import AppServer
from tests.support.many_trials import CONFIG, fill_sweep
from tests.support.query_plans import Statements
from tests.support.sweeps import GRID, RANDOM, Works

SPACE = """
method: random
metric: {name: loss, goal: minimize}
parameters:
  lr: {distribution: log_uniform_values, min: 1.0e-4, max: 0.1}
  depth: {distribution: q_uniform, min: 2, max: 24, q: 2}
  noise: {distribution: normal, mu: 0, sigma: 1}
  kind: {values: [a, 1, null]}
  fixed: {value: 3}
"""


@pytest.fixture
def statements() -> Iterator[Statements]:
    """To be asked for before `db`: statements of connections that are open already are not seen."""
    with Statements() as entered:
        yield entered


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def read_columns(works: Works, sweep: Sweep) -> TrialColumns:
    held = works.settle(sweep)
    trials = works.trials(held)
    runs = works.db.read_now(list_shown_runs, held.project_id, [trial.run_name for trial in trials])
    ids = sorted({trial.agent_id for trial in trials if trial.agent_id is not None})
    agents = works.db.read_now(agent_places, ids)
    problem = works.dispatcher.problems.get(held)
    total = works.db.read_now(count_suggestions, held)
    return columns_of(held, problem, trials, runs, agents, total=total, next_cursor=None)


def say(works: Works, run: Run, *, summary: Any, config: Any) -> None:
    changes = RunChanges(summary=json.dumps(summary), config=json.dumps(config))
    works.db.write_now(
        lambda conn: update_run(conn, lock_run(conn, run.id), changes, now_us=works.now_us) and None
    )


def test_parameters_say_how_they_are_drawn_and_have_a_value_in_every_trial(works: Works) -> None:
    sweep = works.create(SPACE)
    agent = works.agent(sweep)
    tried = [works.run_one(sweep, agent, loss=1.0)[1] for _ in range(3)]
    columns = read_columns(works, sweep)
    facts = {each.name: (each.kind, each.scale, each.low, each.high) for each in columns.parameters}
    assert list(facts) == ["lr", "depth", "noise", "kind", "fixed"]
    assert facts["lr"][:2] == ("number", "log")
    assert facts["lr"][2:] == pytest.approx((1e-4, 0.1))
    assert facts["depth"] == ("integer", "linear", 2, 24)
    assert facts["noise"] == ("number", "linear", None, None)
    assert facts["kind"] == ("category", "linear", None, None)
    assert facts["fixed"][0] == "constant"
    assert columns.parameters[3].values == ["a", 1, None]
    assert columns.parameters[0].cells == [config["lr"] for config in tried]


def test_a_parameter_that_was_edited_away_is_still_there_for_the_trials_that_had_it(
    works: Works,
) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    works.run_one(sweep, agent, loss=1.0)
    works.change(sweep, config=GRID.replace("x:", "z:"))
    works.run_one(sweep, agent, loss=2.0)
    columns = read_columns(works, sweep)
    by_name = {each.name: each for each in columns.parameters}
    assert list(by_name) == ["z", "y", "x"]
    assert by_name["x"].distribution is None
    assert by_name["x"].cells[1] is None
    assert by_name["z"].cells[0] is None
    assert columns.trial_config_version == [1, 2]


def test_trials_have_what_they_ended_with_and_those_at_work_what_they_logged_so_far(
    works: Works,
) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    works.run_one(sweep, agent, loss=math.nan)
    works.run_one(sweep, agent, loss=0.25, **{"cost.usd": 1.5, "cost.gpu_hours": 0.5})
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.beat(agent, name)
    facts = {"gpu": "H100", "slurm": {"array_job_id": "4711", "array_task_id": "3"}}
    stored: dict[str, Any] = {key: {"value": value} for key, value in config.items()}
    say(
        works,
        run,
        summary={"loss": 0.75},
        config=stored | {"_wandb": {"value": {"e": {"w": facts}}}},
    )
    columns = read_columns(works, sweep)
    assert columns.metrics[0].cells == [None, 0.25, 0.75]
    assert columns.state == ["finished", "finished", "running"]
    assert columns.usd == [None, 1.5, None]
    assert columns.gpu_hours == [None, 0.5, None]
    assert columns.gpu == [None, None, "H100"]
    assert (columns.slurm_job[2], columns.slurm_task[2]) == ("4711", "3")
    assert columns.host == ["host1"] * 3
    assert columns.run_state[2] == "running"
    assert columns.duration_s[0] is not None


def test_the_runs_of_folds_are_one_trial_with_their_mean_and_spread(works: Works) -> None:
    sweep = works.create(RANDOM + "cross_validation: {folds: 3}\n")
    agent = works.agent(sweep)
    names = [
        works.run_one(sweep, agent, loss=loss, **{"cost.usd": 1.0})[0] for loss in (1.0, 2.0, 3.0)
    ]
    works.run_one(sweep, agent, loss=5.0)
    columns = read_columns(works, sweep)
    assert columns.fold_runs is not None
    assert columns.fold_runs[0] == names
    assert (len(columns.index), columns.total) == (2, 2)
    assert columns.metrics[0].cells == [2.0, 5.0]
    assert columns.metrics[0].spread == [1.0, None]
    assert columns.state[0] == "finished"
    assert columns.ended_at_us[1] is None
    assert columns.usd[0] == 3.0
    assert [each.name for each in columns.parameters] == ["x"]


def test_a_page_ends_where_a_trial_ends(works: Works) -> None:
    sweep = works.create(RANDOM + "cross_validation: {folds: 2}\n")
    agent = works.agent(sweep)
    for _ in range(3):
        works.run_one(sweep, agent, loss=1.0)
    rows = works.trials(sweep)
    assert [row.index for row in whole_trials(rows[:3], has_more=True)] == [0, 1]
    assert [row.index for row in whole_trials(rows[:1], has_more=True)] == [0]
    assert len(whole_trials(rows, has_more=False)) == 4


def test_columns_and_lists_need_as_many_statements_for_many_trials_as_for_few(
    statements: Statements, db: Database
) -> None:
    works = Works(db)
    few, many = works.create(GRID), works.create(CONFIG)
    works.run_one(few, works.agent(few), loss=1.0)
    works.settle(few)
    fill_sweep(db, many.name, 60)
    columns = read_columns(works, db.read_now(get_sweep_by_id, many.id))
    assert len(columns.index) == 60
    assert columns.run[59] == f"{many.name}-0059"
    held = [db.read_now(get_sweep_by_id, sweep.id) for sweep in (few, many)]
    one, other = db.read_now(progress_of, works.dispatcher.problems, held)
    assert (one.best, sum(one.trial_counts.values())) == (1.0, 1)
    assert other.best == min(value for value in columns.metrics[0].cells if value is not None)
    assert sum(other.trial_counts.values()) == 60
    assert other.budget == {}
    # `fill_sweep` is of the tests, and looks for a name in all projects.
    found = [
        plan
        for plan in db.write_now(statements.list_unsought)
        if ("sweep" in plan or "runs" in plan) and "sweeps.name = " not in plan
    ]
    assert found == []


def test_pages_of_columns_follow_one_another_and_lists_have_their_figures(
    tmp_path: Path, database_url: str
) -> None:
    with AppServer(tmp_path / "data", database_url) as server:
        made = server.db.write_now(make_caller)
        key = server.db.write_now(
            create_api_key, user_id=made.user_id, name="test", now_us=NOW_US
        ).key

        def ask(method: str, path: str, content: Any = None) -> Any:
            answer = server.request(
                method, "/api/v1/-/works/sweeps" + path, key=key, content=content
            )
            assert answer.status < 300, answer.data
            return json.loads(answer.data)

        name = ask("POST", "", {"config": GRID})["name"]
        for host in ("here", "there"):
            agent = ask("POST", f"/{name}/agents", {"host": host})["name"]
            ask("POST", f"/{name}/agents/{agent}/next", {})
        first = ask("GET", f"/{name}/columns?limit=1")
        second = ask("GET", f"/{name}/columns?limit=1&cursor={first['next_cursor']}")
        assert (first["index"], second["index"]) == ([0], [1])
        assert (first["total"], second["next_cursor"]) == (2, None)
        assert (first["host"], second["host"]) == (["here"], ["there"])
        [listed] = ask("GET", ":overview")["items"]
        assert listed["progress"]["metric"] == "loss"
        assert listed["progress"]["trial_counts"] == {"leased": 2}
        assert ask("GET", ":overview?state=paused")["items"] == []
        checked = ask("POST", ":check", {"config": "method: bayes\nparameters: {}\n"})
        assert checked["is_valid"] is False
        assert {each["severity"] for each in checked["remarks"]} >= {"error"}
        narrowed = ask("POST", f"/{name}/narrowed", {"parameters": {"x": {"values": [1, 3]}}})
        assert "x: {values: [1, 3]}" in narrowed["config"]
        assert ask("GET", f"/{name}")["config"] == GRID
