"""Trials of several runs: folds and seeds on different agents, judged together."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.errors import SweepInvalid
from steelyard.limits import SWEEP_LEASE_S
from steelyard.search.trials import Trial
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.queries import best_values
from steelyard.server.rooms.sweeps.searching import load_search
from tests.support.sweeps import GRID, RANDOM, Works

THREE = "cross_validation: {folds: 3, penalty: 0.5}\n"


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def learned(works: Works, sweep: Sweep) -> list[Trial]:
    """What the next suggestion would learn from."""
    problem = works.dispatcher.problems.get(sweep)
    return works.db.read_now(load_search, works.look(sweep), problem).trials


def test_the_folds_of_a_configuration_are_handed_to_different_agents(works: Works) -> None:
    sweep = works.create(RANDOM + THREE)
    given = [works.next_run(works.agent(sweep)) for _ in range(4)]
    assert [(c["fold"], c["folds"]) for _, c in given] == [(0, 3), (1, 3), (2, 3), (0, 3)]
    assert len({c["x"] for _, c in given[:3]}) == 1
    assert given[3][1]["x"] != given[0][1]["x"]
    trials = works.trials(sweep)
    assert [trial.trial_index for trial in trials] == [0, 0, 0, 3, 3, 3]
    assert [trial.state for trial in trials] == ["leased"] * 4 + ["queued"] * 2


def test_a_configuration_is_judged_by_the_mean_and_the_spread_of_its_folds(works: Works) -> None:
    sweep = works.create(RANDOM + THREE)
    agent = works.agent(sweep)
    for fold, loss in enumerate([1.0, 2.0, 3.0]):
        assert [t.values for t in learned(works, sweep)] in ([], [(None,)])
        name, config = works.next_run(agent)
        assert config["fold"] == fold
        run = works.start(sweep, name, config)
        works.beat(agent, name)
        works.end(run, loss=loss)
        works.settle(sweep)
        kept = works.db.read_now(find_run_by_id, run.id)
        assert kept is not None
        assert (kept.group, kept.job_type) == (f"{sweep.name}-0", "fold")
    first, *others = works.trials(sweep)
    assert first.score is not None
    assert (first.score.mean, first.score.std, first.score.n) == (2.0, 1.0, 3)
    assert first.value == 2.5  # mean + 0.5 * std: it is minimised
    assert [trial.value for trial in others] == [None, None]
    [trial] = learned(works, sweep)
    assert (trial.state, trial.values) == ("finished", (2.5,))
    assert works.db.read_now(best_values, sweep.id) == (2.5, 2.5)


def test_a_lost_fold_goes_to_the_next_agent_and_the_others_keep_their_results(
    works: Works,
) -> None:
    sweep = works.create(GRID + "cross_validation: {folds: 2}\n")
    lost, other = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(lost)
    works.start(sweep, name, config)
    works.run_one(sweep, other, loss=4.0)
    works.pass_s(SWEEP_LEASE_S + 1)
    again, same = works.run_one(sweep, other, loss=2.0)
    assert (again != name, same) == (True, config)
    works.settle(sweep)
    first = works.trials(sweep)[0]
    assert first.earlier_runs == [name]
    assert first.value == 3.0
    assert first.score is not None
    assert first.score.std == pytest.approx(2**0.5)


def test_a_trial_whose_runs_fail_in_part_is_judged_by_the_rest_or_fails(works: Works) -> None:
    sweep = works.create(RANDOM + "cross_validation: {seeds: [7, 8, 9]}\n")
    agent = works.agent(sweep)
    for seed, exit_code in ((7, 0), (8, 1), (9, 0), (7, 1), (8, 0), (9, 1)):
        name, config = works.next_run(agent)
        assert config["seed"] == seed
        assert "fold" not in config
        works.end(works.start(sweep, name, config), exit_code=exit_code, loss=float(seed))
    works.settle(sweep)
    good, bad = [trial for trial in works.trials(sweep) if trial.score is not None]
    assert good.score is not None and bad.score is not None
    assert (good.value, good.score.failed) == (8.0, 1)
    assert (bad.value, bad.score.state) == (None, "failed")
    assert [trial.state for trial in learned(works, sweep)] == ["finished", "failed"]


def test_a_configuration_that_spreads_too_much_is_never_the_best(works: Works) -> None:
    sweep = works.create(RANDOM + "cross_validation: {folds: 2, max_std: 0.5}\n")
    agent = works.agent(sweep)
    for loss in (0.0, 2.0, 3.0, 3.1):
        works.run_one(sweep, agent, loss=loss)
    works.settle(sweep)
    wild, calm = [trial for trial in works.trials(sweep) if trial.score is not None]
    assert wild.score is not None and calm.score is not None
    assert (wild.score.accepted, wild.value) == (False, None)
    assert calm.score.accepted
    assert calm.value == pytest.approx(3.05)
    outcomes = [trial.outcomes["loss.std"] for trial in learned(works, sweep)]
    assert outcomes == [pytest.approx(2**0.5), pytest.approx(0.1 / 2**0.5)]
    problem = works.db.read_now(
        load_search, works.look(sweep), works.dispatcher.problems.get(sweep)
    ).problem
    assert [each.text for each in problem.space.outcome_constraints] == ["`loss.std` <= 0.5"]


def test_a_limit_counts_runs_and_begins_no_configuration_that_does_not_fit(works: Works) -> None:
    sweep = works.create(GRID + THREE + "run_cap: 8\n")
    assert sweep.run_count_expected == 8
    agent = works.agent(sweep)
    for _ in range(6):
        works.run_one(sweep, agent, loss=1.0)
    assert [command.type for command in works.beat(agent)] == ["exit"]
    done = works.look(sweep)
    assert done.state == "finished"
    assert done.exhausted_reason == (
        "6 of 8 runs were handed out, and another configuration needs 3"
    )


def test_a_grid_of_folds_is_run_to_its_end(works: Works) -> None:
    grid = GRID.replace("[a, b, c]", "[a]").replace("[1, 2, 3]", "[1, 2]")
    sweep = works.create(grid + "cross_validation: {folds: 2, seeds: [1, 2]}\n")
    assert sweep.run_count_expected == 8
    agent = works.agent(sweep)
    seen = []
    for _ in range(8):
        _, config = works.run_one(sweep, agent, loss=1.0)
        seen.append((config["x"], config["fold"], config["seed"]))
    assert len(set(seen)) == 8
    assert [command.type for command in works.beat(agent)] == ["exit"]
    assert works.look(sweep).state == "finished"


def test_a_trial_that_the_end_of_the_sweep_cuts_short_is_judged_by_what_there_is(
    works: Works,
) -> None:
    sweep = works.create(RANDOM + "cross_validation: {folds: 2}\n")
    works.run_one(sweep, works.agent(sweep), loss=1.0)
    works.settle(sweep)
    works.change(sweep, state="finished")
    first, second = works.trials(sweep)
    assert (first.state, second.state) == ("finished", "stopped")
    assert first.score is not None
    assert (first.score.state, first.score.n, first.value) == ("stopped", 1, 1.0)


def test_bayes_learns_from_folds(works: Works) -> None:
    config = RANDOM.replace("random", "bayes") + "cross_validation: {folds: 2}\n"
    sweep = works.create(config)
    agent = works.agent(sweep)
    for _ in range(12):
        name, given = works.next_run(agent)
        loss = (given["x"] - 0.3) ** 2 + 0.01 * given["fold"]
        works.end(works.start(sweep, name, given), loss=loss)
    trials = works.trials(sweep)
    assert {trial.kind for trial in trials} >= {"start", "model"}
    assert len({trial.config["x"] for trial in trials}) == 6


@pytest.mark.parametrize(
    "config",
    [
        {"method": "custom", "cross_validation": {"folds": 2}},
        {"method": "random", "controller": {"type": "local"}, "phases": [{"runs": 2}, {}]},
    ],
)
def test_what_a_controller_of_the_client_cannot_do_is_refused(
    works: Works, config: dict[str, Any]
) -> None:
    whole = config | {"metric": {"name": "loss"}, "parameters": {"x": {"values": [1, 2]}}}
    with pytest.raises(SweepInvalid, match="needs a search of the server"):
        works.create(whole)
