"""What trials are ranked by: formulas over many runs, weights, weightings chosen after the fact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from steelyard.errors import Invalid, NotFound, SweepInvalid
from steelyard.search.objective import Weighting
from steelyard.server.columns.tail import encode_lines
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.ingest import RunPath, SentLines, Upload, accept_upload
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.server.rooms.sweeps.commands import lock_sweep
from steelyard.server.rooms.sweeps.events import list_events
from steelyard.server.rooms.sweeps.judgement import Judge
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.overlay import objective, overlay_of
from steelyard.server.rooms.sweeps.searching import load_search
from steelyard.server.rooms.sweeps.weightings import (
    delete_weighting,
    list_weightings,
    put_weighting,
    rank_trials,
)
from tests.support.sweeps import Works

SPACE = "method: random\nparameters: {x: {min: 0.0, max: 1.0}}\n"
#: A formula that names itself, as people write it.
SCORE = "score = 0.6*accuracy + 0.3*(1/avg_latency) + 0.1*(1/training_cost)"
FORMULA = SPACE + f'metric: {{goal: maximize, expression: "{SCORE}"}}\n'
TWO = SPACE + ("metrics: [{name: accuracy, goal: maximize}, {name: latency, goal: minimize}]\n")


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def run_all(works: Works, sweep: Sweep, summaries: Sequence[dict[str, Any]]) -> None:
    agent = works.agent(sweep)
    for summary in summaries:
        works.run_one(sweep, agent, **summary)
    works.settle(sweep)


def put(works: Works, sweep: Sweep, *, is_default: bool = False, **what: Any) -> Sweep:
    def write(conn: Any) -> Sweep:
        held = lock_sweep(conn, sweep.id)
        return put_weighting(
            conn,
            held,
            works.dispatcher.problems.get(held),
            Weighting(**what),
            is_default=is_default,
            caller=works.caller,
            now_us=works.now_us,
        )

    return works.db.write_now(write)


def order(works: Works, sweep: Sweep, weighting: str | None = None) -> list[int]:
    """Indexes of the trials, best first."""
    sweep = works.look(sweep)
    problem = works.dispatcher.problems.get(sweep)
    metric = objective(problem, overlay_of(sweep))[0]
    for each in works.db.read_now(list_weightings, sweep, problem):
        if each.weighting.name == weighting:
            assert each.metric is not None
            metric = each.metric
    ranking = works.db.read_now(rank_trials, sweep, problem, metric)
    return [each.scored.rows[0].index for each in ranking.placed if each.value is not None]


def test_a_formula_is_computed_by_the_server_and_division_by_zero_is_said(works: Works) -> None:
    sweep = works.create(FORMULA)
    good = {"accuracy": 0.9, "avg_latency": 0.5, "training_cost": 10.0}
    run_all(works, sweep, [good, good | {"avg_latency": 0}, {"accuracy": 1.0}])
    first, zero, partial = works.trials(sweep)
    assert first.value == pytest.approx(0.6 * 0.9 + 0.3 * 2 + 0.1 * 0.1)
    assert first.results is not None and first.results.warnings == []
    assert zero.results is not None and partial.results is not None
    assert (zero.value, zero.results.values) == (None, [None])
    assert "division by zero" in zero.results.warnings[0]
    assert "the run logged no 'avg_latency', 'training_cost'" in partial.results.warnings[0]
    ranking = works.db.read_now(
        rank_trials,
        sweep,
        works.dispatcher.problems.get(sweep),
        works.dispatcher.problems.get(sweep).metrics[0],
    )
    assert [each.value is None for each in ranking.placed] == [False, True, True]
    assert any("division by zero" in warning for warning in ranking.warnings)


def test_a_score_that_the_program_computes_is_taken_as_it_is(works: Works) -> None:
    sweep = works.create(SPACE + "metric: {name: composite_score, goal: maximize}\n")
    score = 0.5 * 0.89 + 0.3 * (1.0 - min(245 / 1000, 1.0)) + 0.2 * (1.0 - min(0.012 / 0.05, 1.0))
    parts = {"accuracy": 0.89, "latency_ms": 245, "cost_per_1k_tokens": 0.012}
    run_all(works, sweep, [parts | {"composite_score": score}])
    assert works.trials(sweep)[0].value == pytest.approx(0.8235, abs=1e-9)


def test_values_that_compare_runs_change_when_another_run_ends(works: Works) -> None:
    formula = "zscore(accuracy) - zscore(latency)"
    sweep = works.create(SPACE + f'metric: {{goal: maximize, expression: "{formula}"}}\n')
    run_all(works, sweep, [{"accuracy": 0.5, "latency": 1.0}])
    assert [trial.value for trial in works.trials(sweep)] == [0.0]
    run_all(works, sweep, [{"accuracy": 0.7, "latency": 3.0}, {"accuracy": 0.9, "latency": 1.0}])
    values = [trial.value for trial in works.trials(sweep)]
    shown = [trial.results.values[0] for trial in works.trials(sweep) if trial.results]
    assert values == pytest.approx(shown)
    # By hand: accuracy has mean 0.7 and std 0.1633, latency mean 5/3 and std 0.9428.
    assert values == pytest.approx([-1.2247 + 0.7071, -1.4142, 1.2247 + 0.7071], abs=1e-4)
    problem = works.dispatcher.problems.get(sweep)
    search = works.db.read_now(load_search, works.look(sweep), problem)
    assert [trial.values[0] for trial in search.trials] == pytest.approx(values)


def test_weights_of_the_configuration_make_one_number_of_several_metrics(works: Works) -> None:
    weighted = TWO.replace("maximize}", "maximize, weight: 3}")
    sweep = works.create(weighted)
    run_all(works, sweep, [{"accuracy": 0.9, "latency": 9.0}, {"accuracy": 0.1, "latency": 1.0}])
    assert order(works, sweep) == [0, 1]
    assert [trial.value for trial in works.trials(sweep)] == pytest.approx([2.0, -2.0])
    problem = works.dispatcher.problems.get(sweep)
    search = works.db.read_now(load_search, works.look(sweep), problem)
    assert [metric.name for metric in search.problem.metrics] == ["weighted"]
    assert [trial.values for trial in search.trials] == [(2.0,), (-2.0,)]
    assert [trial.results.values for trial in works.trials(sweep) if trial.results] == [
        [0.9, 9.0],
        [0.1, 1.0],
    ]


def test_a_weighting_ranks_anew_and_only_the_default_one_changes_the_search(works: Works) -> None:
    sweep = works.create(FORMULA)
    run_all(
        works,
        sweep,
        [
            {"accuracy": 0.9, "avg_latency": 1.0, "training_cost": 1.0, "energy": 8.0},
            {"accuracy": 0.1, "avg_latency": 0.2, "training_cost": 1.0, "energy": 4.0},
        ],
    )
    assert order(works, sweep) == [1, 0]
    put(works, sweep, name="accurate", expression="accuracy")
    put(works, sweep, name="by summand", expression=SCORE[8:], weights={"accuracy": 100.0})
    put(works, sweep, name="frugal", expression="energy", goal="minimize")
    assert order(works, sweep, "accurate") == [0, 1]
    assert order(works, sweep, "by summand") == [0, 1]
    assert order(works, sweep, "frugal") == [1, 0]
    assert order(works, sweep) == [1, 0]
    problem = works.dispatcher.problems.get(sweep)
    put(works, sweep, name="frugal", expression="energy", goal="minimize", is_default=True)
    assert [trial.value for trial in works.trials(sweep)] == [8.0, 4.0]
    search = works.db.read_now(load_search, works.look(sweep), problem)
    assert [(m.name, m.goal) for m in search.problem.metrics] == [("frugal", "minimize")]
    run_all(works, sweep, [{"accuracy": 0.5, "energy": 1.0}])  # later runs are judged by it, too
    assert works.trials(sweep)[-1].value == 1.0
    assert order(works, sweep) == [2, 1, 0]
    works.db.write_now(
        lambda conn: delete_weighting(
            conn, lock_sweep(conn, sweep.id), problem, "frugal", now_us=works.now_us
        )
    )
    assert order(works, sweep) == [1, 0]
    events = works.db.read_now(list_events, sweep.id, limit=9)
    assert [event.details["name"] for event in events] == ["frugal", None]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"name": "", "expression": "accuracy"}, "needs a name"),
        ({"name": "a", "weights": {"acuracy": 1.0}}, "no metric of the sweep"),
        ({"name": "a", "weights": {"accuracy": 0.0}}, "every weight is 0"),
        ({"name": "a", "expression": "accuracy +"}, "ends where a value"),
        ({"name": "a", "expression": "accuracy", "weights": {"loss": 1.0}}, "no summand"),
        ({"name": "a", "weights": {"accuracy": 1.0}, "goal": "minimize"}, "is maximized"),
    ],
)
def test_a_weighting_that_does_not_fit_is_refused(
    works: Works, what: dict[str, Any], said: str
) -> None:
    sweep = works.create(TWO)
    with pytest.raises(Invalid, match=said):
        put(works, sweep, **what)
    problem = works.dispatcher.problems.get(sweep)
    assert works.db.read_now(list_weightings, sweep, problem) == []
    with pytest.raises(NotFound):
        works.db.write_now(
            lambda conn: delete_weighting(conn, sweep, problem, "a", now_us=works.now_us)
        )


def test_a_metric_that_no_formula_can_name_has_no_weight(works: Works) -> None:
    odd = TWO.replace("name: latency", 'name: "la`tency", weight: 2')
    with pytest.raises(SweepInvalid, match="cannot be weighed"):
        works.create(odd)


def test_another_formula_in_the_configuration_judges_what_was_tried(works: Works) -> None:
    sweep = works.create(FORMULA)
    whole = {"avg_latency": 1.0, "training_cost": 1.0}
    run_all(works, sweep, [{"accuracy": 0.2} | whole, {"accuracy": 0.4} | whole])
    works.change(sweep, config=FORMULA.replace("0.6*accuracy", "6*accuracy"))
    assert [trial.value for trial in works.trials(sweep)] == pytest.approx([1.6, 2.8])


# ---- early termination


def log_rows(works: Works, run: Run, rows: Sequence[str]) -> None:
    """Rows of history as the file stream brings them."""
    works.db.write_now(
        accept_upload,
        caller=works.caller,
        path=RunPath(run.entity, run.project, run.name),
        upload=Upload(history=SentLines(0, encode_lines(iter(rows)))),
        now_us=works.now_us,
    )


@pytest.mark.parametrize(
    "formula", ["0.6*accuracy + 0.3*(1/avg_latency)", "zscore(accuracy) + zscore(1/avg_latency)"]
)
def test_curves_of_formulas_stop_the_runs_that_do_badly(works: Works, formula: str) -> None:
    config = f'metric: {{goal: maximize, expression: "{formula}"}}\n'
    sweep = works.create(
        SPACE + config + "early_terminate: {type: hyperband, min_iter: 2, eta: 2}\n"
    )
    runs = []
    for accuracy in (0.9, 0.8, 0.85, 0.1):
        agent = works.agent(sweep)
        name, given = works.next_run(agent)
        run = works.start(sweep, name, given)
        works.beat(agent, name)
        # The latency is known from the first step on and logged no more.
        rows = [f'{{"_step": 0, "accuracy": {accuracy}, "avg_latency": 2.0}}']
        rows += [f'{{"_step": {step}, "accuracy": {accuracy}}}' for step in range(1, 5)]
        log_rows(works, run, rows)
        runs.append(run)
    assert Judge(works.db, works.dispatcher.problems).judge_all(now_us=works.now_us) >= 1
    stopped = []
    for run in runs:
        found = works.db.read_now(find_run_by_id, run.id)
        assert found is not None
        stopped.append(found.stop_requested)
    assert stopped[3]
    assert not stopped[0]
