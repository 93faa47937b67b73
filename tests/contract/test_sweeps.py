"""Sweeps: what agents are told, whatever becomes of them, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from steelyard.errors import AgentNotFound, Conflict, Forbidden, Invalid, SweepInvalid
from steelyard.limits import SWEEP_ATTEMPTS_MAX, SWEEP_GONE_GRACE_S, SWEEP_LEASE_S
from steelyard.server.db.interface import Database
from steelyard.server.rooms.offboarding.commands import delete_project, delete_user
from steelyard.server.rooms.runs.commands import mark_crashed, mark_preempting
from steelyard.server.rooms.sweeps.queries import find_sweep_by_id
from steelyard.server.rooms.sweeps.removal import delete_sweep
from tests.support.accounts import make_caller
from tests.support.sweeps import GRID, RANDOM, Works


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def freeze(config: dict[str, Any]) -> bytes:
    return msgspec.json.encode(config, order="sorted")


def test_a_grid_is_run_once_each_and_then_the_sweep_is_finished(works: Works) -> None:
    sweep = works.create(GRID)
    assert (sweep.state, sweep.run_count_expected) == ("pending", 9)
    agent = works.agent(sweep)
    assert works.look(sweep).state == "running"
    configs = [works.run_one(sweep, agent, loss=0.5)[1] for _ in range(9)]
    assert len(set(map(freeze, configs))) == 9
    assert [command.type for command in works.beat(agent)] == ["exit"]
    done = works.look(sweep)
    assert done.state == "finished"
    assert done.exhausted_reason
    assert {trial.state for trial in works.trials(sweep)} == {"finished"}


def test_a_run_that_is_at_work_is_neither_handed_out_again_nor_followed_by_another(
    works: Works,
) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    works.start(sweep, name, config)
    for _ in range(3):
        works.pass_s(5)
        assert works.beat(agent, name) == []
    assert len(works.trials(sweep)) == 1


def test_an_answer_that_was_lost_is_given_again_for_the_same_run(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    first, again = works.next_run(agent), works.next_run(agent)
    assert first == again
    assert works.next_run(agent) == first
    assert len(works.trials(sweep)) == 1


def test_an_agent_that_asks_twice_at_once_gets_one_configuration(works: Works) -> None:
    """A client whose first request takes too long sends it again."""
    sweep = works.create(RANDOM)
    agent = works.agent(sweep)
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: works.next_run(agent), range(8)))
    assert len({name for name, _ in given}) == 1
    assert len(works.trials(sweep)) == 1


def test_an_agent_at_work_is_told_nothing_of_another_trial_of_its_own(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    assert works.beat(agent, "another run") == []
    assert works.next_run(agent) == (name, config)


def test_a_program_that_never_begins_its_run_is_tried_a_few_times_only(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    names = []
    for _ in range(SWEEP_ATTEMPTS_MAX + 1):
        names.append(works.next_run(agent)[0])
        works.pass_s(5)
    assert len(set(names[:-1])) == 1
    assert names[-1] != names[0]
    assert works.trials(sweep)[0].state == "failed"


def test_sixty_four_agents_at_once_get_no_configuration_twice(works: Works) -> None:
    sweep = works.create(RANDOM)
    agents = [works.agent(sweep) for _ in range(64)]
    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(works.next_run, agents))
    assert len({name for name, _ in given}) == 64
    assert len({freeze(config) for _, config in given}) == 64
    assert [trial.index for trial in works.trials(sweep)] == list(range(64))


def test_two_servers_on_one_sweep_hand_out_no_configuration_twice(works: Works) -> None:
    other = Works(works.db, works.caller)
    sweep = works.create(RANDOM)
    places = [(each, each.agent(sweep)) for each in (works, other) * 8]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda place: place[0].next_run(place[1]), places))
    assert len({freeze(config) for _, config in given}) == 16
    assert [trial.index for trial in works.trials(sweep)] == list(range(16))


def test_the_same_seed_goes_on_with_the_same_suggestions_after_a_restart(works: Works) -> None:
    def configs(*, restarts: bool) -> list[dict[str, Any]]:
        sweep, found = works.create(RANDOM, seed=11), []
        agent = works.agent(sweep)
        for _ in range(4):
            place = Works(works.db, works.caller) if restarts else works
            place.now_us = works.now_us
            found.append(place.run_one(sweep, agent, loss=0.25)[1])
        return found

    assert configs(restarts=True) == configs(restarts=False)


def test_a_silent_agent_loses_its_configuration_to_the_next_one(works: Works) -> None:
    sweep = works.create(GRID)
    lost, other = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(lost)
    works.start(sweep, name, config)
    assert works.beat(lost, name) == []
    works.pass_s(SWEEP_LEASE_S + 1)
    new_name, new_config = works.next_run(other)
    assert (new_name != name, new_config) == (True, config)
    [trial] = works.trials(sweep)
    assert (trial.earlier_runs, trial.attempts) == ([name], 2)


def test_a_run_that_is_heard_of_keeps_its_configuration_without_its_agent(works: Works) -> None:
    sweep = works.create(GRID)
    left, other = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(left)
    works.start(sweep, name, config)
    works.beat(left, name)
    works.pass_s(SWEEP_LEASE_S - 1)
    works.start(sweep, name, config)  # a sign of life of the run
    works.pass_s(2)
    assert works.next_run(other)[1] != config
    assert works.trials(sweep)[0].state == "running"


def test_a_run_that_ends_after_its_agent_has_left_is_finished_and_never_handed_on(
    works: Works,
) -> None:
    sweep = works.create(GRID)
    left, other = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(left)
    run = works.start(sweep, name, config)
    works.beat(left, name)
    works.end(run, loss=0.125)
    works.pass_s(10 * SWEEP_LEASE_S)
    assert works.next_run(other)[1] != config
    first = works.trials(sweep)[0]
    assert (first.state, first.value, first.attempts) == ("finished", 0.125, 1)


def test_a_lost_run_that_comes_back_is_taken_up_again_by_its_agent(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    works.start(sweep, name, config)
    works.beat(agent, name)
    works.pass_s(SWEEP_LEASE_S + 1)
    works.settle(sweep)
    assert works.trials(sweep)[0].state == "lost"
    assert works.beat(agent, name) == []
    assert works.trials(sweep)[0].state == "running"


def test_a_lost_run_that_turns_out_finished_is_not_handed_on(works: Works) -> None:
    sweep = works.create(GRID)
    agent, other = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.beat(agent, name)
    works.pass_s(SWEEP_LEASE_S + 1)
    works.settle(sweep)
    works.end(run, loss=1.0)
    assert works.next_run(other)[1] != config
    assert works.trials(sweep)[0].state == "finished"


def test_a_run_its_agent_no_longer_names_is_given_up_after_a_while(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    works.start(sweep, name, config)
    works.beat(agent, name)
    works.pass_s(5)
    other_name, other_config = works.next_run(agent)  # it is not kept waiting for the first
    assert other_config != config
    works.start(sweep, other_name, other_config)
    works.pass_s(SWEEP_GONE_GRACE_S + 1)
    works.settle(sweep)
    assert [trial.state for trial in works.trials(sweep)] == ["lost", "running"]


def test_a_configuration_is_lost_a_few_times_and_then_failed(works: Works) -> None:
    sweep = works.create(GRID)
    first = None
    for _ in range(SWEEP_ATTEMPTS_MAX):
        name, config = works.next_run(works.agent(sweep))
        assert config == (first := first or config)
        works.start(sweep, name, config)
        works.pass_s(SWEEP_LEASE_S + 1)
    assert works.next_run(works.agent(sweep))[1] != first
    trial = works.trials(sweep)[0]
    assert (trial.state, len(trial.earlier_runs)) == ("failed", SWEEP_ATTEMPTS_MAX - 1)


def test_a_failed_run_is_not_tried_again(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    works.end(works.start(sweep, name, config), exit_code=1)
    assert works.next_run(agent)[1] != config
    assert works.trials(sweep)[0].state == "failed"


def test_a_crashed_run_goes_to_the_next_agent(works: Works) -> None:
    sweep = works.create(GRID)
    name, config = works.next_run(works.agent(sweep))
    works.start(sweep, name, config)
    works.pass_s(400)
    works.db.write_now(mark_crashed, now_us=works.now_us, silent_for_us=300_000_000)
    assert works.next_run(works.agent(sweep))[1] == config


def test_a_preempted_run_goes_on_under_its_name(works: Works) -> None:
    sweep = works.create(GRID)
    name, config = works.next_run(works.agent(sweep))
    run = works.start(sweep, name, config)
    works.db.write_now(mark_preempting, run.id, now_us=works.now_us)
    works.end(run, exit_code=1)
    works.pass_s(5)
    other = works.agent(sweep)
    [command] = works.beat(other)
    assert (command.type, command.run_id) == ("resume", name)
    works.pass_s(5)
    works.settle(sweep)  # its earlier end is not the end of this life
    assert works.trials(sweep)[0].state == "leased"
    works.start(sweep, name, config)
    assert works.beat(other, name) == []
    works.end(run, loss=2.0)
    works.settle(sweep)
    assert works.trials(sweep)[0].state == "finished"


def test_run_cap_is_kept_and_the_sweep_is_finished_when_the_last_run_ends(works: Works) -> None:
    sweep = works.create(RANDOM + "run_cap: 2\n")
    assert sweep.run_count_expected == 2
    first, second, third = (works.agent(sweep) for _ in range(3))
    name, config = works.next_run(first)
    works.run_one(sweep, second, loss=1.0)
    assert [command.type for command in works.beat(third)] == ["exit"]
    assert works.look(sweep).state == "running"
    run = works.start(sweep, name, config)
    works.end(run, loss=2.0)
    assert works.settle(sweep).state == "finished"


def test_a_paused_sweep_hands_out_nothing_until_it_is_resumed(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    works.change(sweep, state="PAUSED")
    assert works.beat(agent) == []
    works.change(sweep, state="RUNNING")
    assert works.next_run(agent)


def test_a_stopped_sweep_lets_its_runs_end_by_themselves(works: Works) -> None:
    sweep = works.create(GRID)
    agent, idle = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.change(sweep, state="FINISHED")
    assert works.beat(agent, name) == []
    assert [command.type for command in works.beat(idle)] == ["exit"]
    works.end(run, loss=0.5)
    assert [command.type for command in works.beat(agent)] == ["exit"]
    assert works.trials(sweep)[0].state == "finished"


def test_a_canceled_sweep_stops_its_runs_and_then_its_agents(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.change(sweep, state="canceled")
    [command] = works.beat(agent, name)
    assert (command.type, command.run_id) == ("stop", name)
    works.end(run, exit_code=255, loss=0.5)
    assert [command.type for command in works.beat(agent)] == ["exit"]
    [trial] = works.trials(sweep)
    assert (trial.state, trial.stop_reason) == ("stopped", "the sweep was canceled")


def test_states_that_cannot_follow_are_refused(works: Works) -> None:
    sweep = works.create(GRID)
    works.change(sweep, state="canceled")
    with pytest.raises(Conflict, match="canceled and cannot become paused"):
        works.change(sweep, state="paused")
    with pytest.raises(Invalid, match="no state of a sweep"):
        works.change(sweep, state="dancing")
    assert works.change(sweep, state="running").state == "running"


def test_another_configuration_is_a_new_version_and_what_was_tried_stays(works: Works) -> None:
    sweep = works.create("method: grid\nparameters: {x: {values: [1, 2]}}\n")
    agent = works.agent(sweep)
    tried = [works.run_one(sweep, agent)[1] for _ in range(2)]
    works.beat(agent)
    assert works.look(sweep).state == "finished"
    edited = works.change(sweep, config="method: grid\nparameters: {x: {values: [1, 2, 3]}}\n")
    assert (edited.state, edited.config_version, edited.run_count_expected) == ("running", 2, 3)
    tried.append(works.run_one(sweep, works.agent(sweep))[1])
    assert [config["x"] for config in tried] == [1, 2, 3]
    assert [trial.config_version for trial in works.trials(sweep)] == [1, 1, 2]


def test_nested_parameters_arrive_as_one_value(works: Works) -> None:
    sweep = works.create(
        "method: grid\nparameters:\n  optimizer: {parameters: {lr: {values: [0.5]}}}\n"
        "  epochs: {value: 3}\n"
    )
    _, config = works.next_run(works.agent(sweep))
    assert config == {"optimizer": {"lr": 0.5}, "epochs": 3}


def test_a_configuration_that_cannot_be_searched_says_why_and_makes_nothing(works: Works) -> None:
    with pytest.raises(SweepInvalid) as refused:
        works.create("method: grid\nparameters: {x: {min: 3, max: 1, distribution: uniform}}\n")
    assert any("parameters.x" in str(each["path"]) for each in refused.value.diagnostics)


@pytest.mark.parametrize("key", ["cross_validation: {folds: 5}", "phases: [{name: a}]"])
def test_what_a_controller_of_the_client_cannot_carry_out_is_refused(
    works: Works, key: str
) -> None:
    with pytest.raises(SweepInvalid) as refused:
        works.create(f"method: custom\nparameters: {{x: {{min: 0.0, max: 1.0}}}}\n{key}\n")
    errors = [each for each in refused.value.diagnostics if each["severity"] == "error"]
    assert [each["path"] for each in errors] == [key.partition(":")[0]]


def test_runs_that_join_a_sweep_and_prior_runs_are_learnt_from(works: Works) -> None:
    before = works.start(works.create(GRID), "before", {"x": 1, "y": "a"})
    works.end(before, loss=0.5)
    sweep = works.create(GRID, prior_runs=["before"])
    joined = works.start(sweep, "joined", {"x": 1, "y": "b"})
    works.end(joined, loss=0.5)
    agent = works.agent(sweep)
    configs = [works.run_one(sweep, agent)[1] for _ in range(7)]
    assert {"x": 1, "y": "a"} not in configs
    assert {"x": 1, "y": "b"} not in configs
    assert [command.type for command in works.beat(agent)] == ["exit"]


def test_values_that_are_no_numbers_are_missing(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    for loss in (float("nan"), float("inf"), "text", True, {"min": 0.25, "max": 9}):
        works.run_one(sweep, agent, loss=loss)
    works.beat(agent)
    assert [trial.value for trial in works.trials(sweep)[:5]] == [None, None, None, None, 0.25]


def test_agents_of_others_and_of_deleted_sweeps_are_refused(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    stranger = Works(works.db, works.db.write_now(make_caller))
    with pytest.raises((AgentNotFound, Forbidden)):
        stranger.beat(agent)
    works.db.write_now(delete_sweep, sweep.id)
    with pytest.raises(AgentNotFound):
        works.beat(agent)


def test_a_project_and_its_author_can_be_removed_with_their_sweeps(works: Works) -> None:
    sweep = works.create(GRID)
    works.run_one(sweep, works.agent(sweep), loss=1.0)
    works.db.write_now(delete_project, sweep.project_id, now_us=works.now_us)
    assert works.db.read_now(find_sweep_by_id, sweep.id) is None
    again = works.create(GRID)
    works.run_one(again, works.agent(again), loss=1.0)
    assert sweep.username is not None
    works.db.write_now(delete_user, sweep.username, now_us=works.now_us)
    assert works.db.read_now(find_sweep_by_id, again.id) is None
