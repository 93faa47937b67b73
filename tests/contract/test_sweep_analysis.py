"""What the server says about the results of sweeps, on both databases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.errors import Invalid
from steelyard.search.pareto import hypervolume
from steelyard.search.problem import Goal
from steelyard.server.columns.tail import encode_lines
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import create_api_key
from steelyard.server.rooms.runs.ingest import RunPath, SentLines, Upload, accept_upload
from steelyard.server.rooms.sweeps import analysis, brackets, fronts
from steelyard.server.rooms.sweeps.judgement import stop_trials
from steelyard.server.rooms.sweeps.model import Sweep
from tests.support.accounts import NOW_US
from tests.support.app_server import AppServer
from tests.support.query_plans import Statements
from tests.support.sweeps import RANDOM, Works

TWO = """
method: random
metrics:
  - {name: accuracy, goal: maximize}
  - {name: latency, goal: minimize}
parameters:
  lr: {min: 0.0, max: 1.0}
  width: {min: 0.0, max: 1.0}
  kind: {values: [a, b]}
"""
GOALS: list[Goal] = ["maximize", "minimize"]
LIMITED = TWO + "constraints: ['gpu_hours <= 2']\n"


@pytest.fixture
def statements() -> Iterator[Statements]:
    """To be asked for before `db`: statements of connections that are open already are not seen."""
    with Statements() as entered:
        yield entered


@pytest.fixture
def works(statements: Statements, db: Database) -> Works:
    return Works(db)


def analyses_of(works: Works) -> analysis.Analyses:
    return analysis.Analyses(works.db, works.dispatcher.problems)


def run_some(works: Works, sweep: Sweep, count: int) -> None:
    """Trials whose accuracy is decided by lr alone; every fifth breaks."""
    agent = works.agent(sweep)
    for place in range(count):
        name, config = works.next_run(agent)
        works.pass_s(60)
        run = works.start(sweep, name, config)
        if place % 5 == 4:
            works.end(run, exit_code=1, accuracy=0.99)
        else:
            accuracy = 1.0 - (config["lr"] - 0.5) ** 2
            works.end(run, accuracy=accuracy, latency=config["lr"] + 1.0, gpu_hours=place / 4)
    works.settle(sweep)


def test_the_parameter_that_decides_is_found_and_answers_are_kept_until_a_trial_ends(
    works: Works,
) -> None:
    sweep = works.create(TWO)
    run_some(works, sweep, 14)
    analyses = analyses_of(works)
    answer = analyses.importance(sweep, None)
    assert (answer.metric, answer.goal) == ("accuracy", "maximize")
    assert answer.metrics == ["accuracy", "latency", "seconds"]
    assert answer.importances.items[0].name == "lr"
    assert answer.importances.runs == 12  # what a failed run logged does not count
    assert {item.name for item in answer.importances.items} == {"lr", "width", "kind"}
    assert analyses.importance(sweep, "accuracy") is answer
    run_some(works, sweep, 1)
    assert analyses.importance(sweep, None).importances.runs == 13
    [means] = analyses.surface(sweep, None, "lr", None).surface.mean
    ends, middle = [means[0], means[-1]], means[len(means) // 2]
    assert all(end is not None and middle is not None and middle > end for end in ends)
    contour = analyses.surface(sweep, "latency", "lr", "kind").surface
    assert [len(row) for row in contour.mean] == [24, 24]
    with pytest.raises(Invalid, match="there are 'accuracy', 'latency', 'seconds'"):
        analyses.importance(sweep, "acuracy")


def test_a_front_leaves_out_what_broke_a_constraint_and_is_measured_from_a_shown_point(
    works: Works,
) -> None:
    sweep = works.create(LIMITED)
    run_some(works, sweep, 12)
    analyses = analyses_of(works)
    answer = fronts.find_front(analyses, sweep, [], [], feasible_only=True)
    everything = fronts.find_front(analyses, sweep, [], [], feasible_only=False)
    assert (answer.runs, answer.infeasible) == (8, 2)
    assert (answer.lacking, everything.runs, everything.infeasible) == (2, 10, 0)
    assert answer.reference is not None
    volume = hypervolume([run.values for run in answer.front], GOALS, answer.reference)
    assert answer.hypervolume == pytest.approx(volume)
    volumes = [step.hypervolume for step in answer.history]
    assert volumes == sorted(volumes)
    assert volumes[-1] == answer.hypervolume
    assert answer.history[-1].ended == 10
    three = fronts.find_front(
        analyses,
        sweep,
        ["accuracy", "latency", "gpu_hours"],
        ["maximize", "minimize", "maximize"],
        feasible_only=False,
    )
    assert len(three.front) >= len(everything.front)
    wrong: list[tuple[list[str], list[Goal], str]] = [
        (["accuracy", "accuracy"], [], "twice"),
        (["accuracy", "latency", "gpu_hours", "seconds"], [], "up to 3"),
        (["accuracy"], ["minimize", "minimize"], "1 metrics and 2 goals"),
        (["nothing"], [], "no metric 'nothing'"),
        (["nothing"], ["minimize"], "no metric 'nothing'"),
    ]
    for names, goals, says in wrong:
        with pytest.raises(Invalid, match=says):
            fronts.find_front(analyses, sweep, names, goals, feasible_only=True)


def test_sweeps_are_compared_from_one_point_and_one_without_the_metric_says_so(
    works: Works,
) -> None:
    first, second = works.create(TWO), works.create(TWO, seed=8)
    other = works.create(RANDOM)
    run_some(works, first, 6)
    run_some(works, second, 10)
    analyses = analyses_of(works)
    answer = fronts.compare_sweeps(analyses, [first, second, other], [], [])
    assert answer.reference is not None
    one, two, none = answer.sweeps
    assert (one.ended, two.ended, none.ended) == (6, 10, 0)
    assert none.missing == ["accuracy", "latency"]
    assert (none.front, none.best, none.hypervolume) == ([], [], 0.0)
    for each in (one, two):
        assert each.hypervolume == pytest.approx(
            hypervolume(
                [run.values for run in each.front], ["maximize", "minimize"], answer.reference
            )
        )
        values = [step.value for step in each.best]
        assert values == sorted(values)
        assert each.best[-1].ended == each.ended
        assert each.best[-1].run_hours > 0


def test_after_an_edit_trials_are_measured_by_the_metrics_that_it_names(works: Works) -> None:
    sweep = works.create(TWO)
    run_some(works, sweep, 3)
    turned = TWO.replace("name: accuracy, goal: maximize", "name: gpu_hours, goal: minimize")
    changed = works.change(sweep, config=turned)
    results = analyses_of(works).results(changed)
    assert sorted(value for value in results.column("gpu_hours") if value is not None) == [
        0.0,
        0.25,
        0.5,
    ]
    assert None not in results.column("latency")
    assert results.goal_of("gpu_hours") == "minimize"


def test_folds_of_a_configuration_are_one_trial_with_their_mean(works: Works) -> None:
    sweep = works.create(RANDOM + "cross_validation: {folds: 2}\n")
    agent = works.agent(sweep)
    for loss in (1.0, 3.0, 5.0):  # the last one is a trial that waits for its other fold
        name, config = works.next_run(agent)
        works.end(works.start(sweep, name, config), loss=loss)
    works.settle(sweep)
    [trial] = analyses_of(works).results(sweep).trials
    assert trial.values["loss"] == 2.0
    logged = works.db.read_now(analysis.list_logged, sweep, ["loss"])
    assert (logged.runs, logged.values) == ([trial.run], {"loss": [2.0]})


def test_an_empty_sweep_and_one_without_a_metric_have_answers(works: Works) -> None:
    sweep = works.create(RANDOM)
    analyses = analyses_of(works)
    assert analyses.importance(sweep, None).importances.items == ()
    assert analyses.surface(sweep, None, "x", None).surface.mean == []
    front = fronts.find_front(analyses, sweep, [], [], feasible_only=True)
    assert (front.front, front.reference, front.hypervolume) == ([], None, 0.0)
    bare = works.create({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}})
    with pytest.raises(Invalid, match="has no metric; say which"):
        analyses.importance(bare, None)
    shown = brackets.show_brackets(works.db, works.dispatcher.problems, analyses, sweep)
    assert (shown.rule, shown.brackets, shown.stopped) == (None, [], [])


def log(works: Works, sweep: Sweep, name: str, losses: Sequence[float]) -> None:
    lines = encode_lines(
        f'{{"_step": {step}, "loss": {"NaN" if math.isnan(loss) else loss}}}'
        for step, loss in enumerate(losses)
    )
    works.db.write_now(
        accept_upload,
        caller=works.caller,
        path=RunPath(sweep.entity, sweep.project, name),
        upload=Upload(history=SentLines(0, lines)),
        now_us=works.now_us,
    )


def test_brackets_name_who_was_stopped_where_and_why(works: Works) -> None:
    sweep = works.create(RANDOM + "early_terminate: {type: hyperband, min_iter: 2, eta: 2}\n")
    agent = works.agent(sweep)
    for curve in ([0.5, 0.4, 0.3, 0.2, 0.1], [0.6, math.nan, 0.5], [9.0, 9.0, 9.0]):
        name, config = works.next_run(agent)
        run = works.start(sweep, name, config)
        works.beat(agent, name)
        log(works, sweep, name, curve)
        if curve[0] == 9.0:
            works.db.write_now(stop_trials, sweep.id, {name: "too bad"}, now_us=works.now_us)
        works.end(run, loss=curve[-1])
    works.settle(sweep)
    analyses = analyses_of(works)
    shown = brackets.show_brackets(works.db, works.dispatcher.problems, analyses, sweep)
    assert (shown.rule, shown.metric, shown.is_continuous) == ("hyperband", "loss", False)
    assert [(b.iteration, b.reached, b.passed, b.stopped) for b in shown.brackets] == [
        (2, 3, 2, 1),
        (4, 1, 1, 0),
        (8, 0, 0, 0),
    ]
    [gone] = shown.stopped
    assert (gone.bracket, gone.iterations, gone.last, gone.reason) == (2, 3, 9.0, "too bad")
    assert (shown.iterations_run, shown.iterations_saved, shown.longest) == (10, 2, 5)
    assert brackets.show_brackets(works.db, works.dispatcher.problems, analyses, sweep) is shown


def test_every_analysis_finds_its_rows_by_an_index(statements: Statements, works: Works) -> None:
    sweep = works.create(RANDOM + "early_terminate: {type: hyperband, min_iter: 1}\n")
    works.run_one(sweep, works.agent(sweep), loss=1.0)
    analyses = analyses_of(works)
    analyses.importance(sweep, None)
    works.db.read_now(analysis.list_logged, sweep, ["loss"])
    brackets.show_brackets(works.db, works.dispatcher.problems, analyses, sweep)
    plans = works.db.write_now(statements.list_unsought)
    assert [plan for plan in plans if "sweep" in plan] == []


def test_pages_get_every_analysis_as_json_and_bad_questions_a_reason(
    tmp_path: Path, database_url: str
) -> None:
    with AppServer(tmp_path / "data", database_url) as server:
        works = Works(server.db)
        sweep = works.create(TWO)
        run_some(works, sweep, 10)
        key = server.db.write_now(
            create_api_key, user_id=works.caller.user_id, name="test", now_us=NOW_US
        ).key
        project = f"/api/v1/{sweep.entity}/{sweep.project}"
        place = f"{project}/sweeps/{sweep.name}"

        def ask(path: str, status: int = 200) -> Any:
            answer = server.request("GET", path, key=key)
            assert answer.status == status, answer.data
            return msgspec.json.decode(answer.data)

        assert ask(f"{place}/importance")["importances"]["runs"] == 8
        assert len(ask(f"{place}/surface?x=lr")["surface"]["mean"]) == 1
        front = ask(f"{place}/pareto?metric=accuracy&metric=latency")
        assert front["metrics"][1] == {"name": "latency", "goal": "minimize"}
        assert ask(f"{place}/brackets")["rule"] is None
        logged = ask(f"{place}/logged?name=latency&name=nothing")
        assert logged["known"] == ["accuracy", "gpu_hours", "latency"]
        assert len(logged["runs"]) == len(set(logged["runs"])) == 10
        assert sum(value is not None for value in logged["values"]["latency"]) == 8
        assert logged["values"]["nothing"] == [None] * 10
        ask(f"{place}/logged?" + "&".join(f"name=n{i}" for i in range(65)), 400)
        compared = ask(f"{project}/sweep-comparison?sweep={sweep.name}&metric=latency")
        assert [each["name"] for each in compared["sweeps"]] == [sweep.name]
        assert ask(f"{place}/surface?x=rl", 400)["code"] == "invalid"
        ask(f"{place}/surface", 400)
        ask(f"{place}/pareto?metric=accuracy&goal=up", 400)
        ask(f"{project}/sweep-comparison", 400)
        ask(f"{project}/sweep-comparison?sweep={sweep.name}&sweep={sweep.name}", 400)
        ask(f"{project}/sweep-comparison?sweep=nothing", 404)
