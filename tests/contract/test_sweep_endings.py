"""What agents say of how their runs ended, on both databases."""

from __future__ import annotations

import pytest

from steelyard.limits import SWEEP_GONE_GRACE_S, SWEEP_LEASE_S
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.commands import mark_preempting
from tests.support.sweeps import Works


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def test_a_run_that_its_agent_gives_back_goes_on_with_the_next_agent(works: Works) -> None:
    sweep = works.create()
    first, second = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(first)
    works.start(sweep, name, config)
    works.beat(first, name)
    assert works.beat(first, ended={name: "preempted"}, wants_work=False) == []
    assert works.beat(first, ended={name: "preempted"}, wants_work=False) == []
    [command] = works.beat(second)
    assert (command.type, command.run_id) == ("resume", name)


def test_a_run_given_back_before_it_began_is_as_if_it_was_not_handed_out(works: Works) -> None:
    sweep = works.create()
    first, second = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(first)
    works.beat(first, ended={name: "preempted"}, wants_work=False)
    [command] = works.beat(second)
    assert (command.type, command.run_id) == ("run", name)
    assert {key: entry["value"] for key, entry in (command.args or {}).items()} == config


def test_a_run_given_back_before_we_heard_of_it_is_not_mixed_up_with_the_next(
    works: Works,
) -> None:
    """Its sender is slower than its agent: the run arrives when the next one is at work."""
    sweep = works.create()
    first, second = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(first)
    works.beat(first, name)
    works.beat(first, ended={name: "preempted"}, wants_work=False)
    [command] = works.beat(second)
    assert command.type == "run"
    assert command.run_id != name
    assert {key: entry["value"] for key, entry in (command.args or {}).items()} == config
    late = works.start(sweep, name, config)
    works.db.write_now(mark_preempting, late.id, now_us=works.now_us)
    assert works.beat(second, str(command.run_id)) == []
    works.end(late, exit_code=143)
    again = works.start(sweep, str(command.run_id), config)
    works.beat(second, str(command.run_id))
    works.end(again, loss=0.5)
    works.settle(sweep)
    [trial] = works.trials(sweep)
    assert (trial.state, trial.attempts, trial.earlier_runs) == ("finished", 2, [name])


def test_a_run_given_back_is_handed_on_even_when_it_says_that_it_failed(works: Works) -> None:
    """What ends every process at once, as Slurm does, leaves a run no time to say why."""
    sweep = works.create()
    first, second = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(first)
    run = works.start(sweep, name, config)
    works.beat(first, name)
    works.beat(first, ended={name: "preempted"}, wants_work=False)
    works.end(run, exit_code=143)
    works.settle(sweep)
    [command] = works.beat(second)
    assert {key: entry["value"] for key, entry in (command.args or {}).items()} == config
    works.settle(sweep)
    [trial] = works.trials(sweep)
    assert (trial.state, trial.attempts) == ("leased", 2)


def test_a_program_that_fails_before_its_run_begins_is_not_run_again(works: Works) -> None:
    sweep = works.create()
    agent = works.agent(sweep)
    name, _ = works.next_run(agent)
    [command] = works.beat(agent, ended={name: "failed"})
    assert command.run_id != name
    [failed] = [trial for trial in works.trials(sweep) if trial.run_name == name]
    assert (failed.state, failed.ended_at_us) == ("failed", works.now_us)
    assert "before a run of it began" in str(failed.stop_reason)


def test_a_run_that_ended_well_is_waited_for_when_its_sender_is_late(works: Works) -> None:
    sweep = works.create()
    agent, other = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.beat(agent, name)
    works.beat(agent, ended={name: "finished"}, wants_work=False)
    works.pass_s(SWEEP_LEASE_S + SWEEP_GONE_GRACE_S)
    works.next_run(other)
    [trial] = [trial for trial in works.trials(sweep) if trial.run_name == name]
    assert trial.state == "running"
    works.end(run, loss=0.5)
    works.settle(sweep)
    [trial] = [trial for trial in works.trials(sweep) if trial.run_name == name]
    assert (trial.state, trial.value) == ("finished", 0.5)


def test_an_agent_that_wants_no_work_gets_none_and_counts_as_finished(works: Works) -> None:
    sweep = works.create()
    agent = works.agent(sweep)
    assert works.beat(agent, wants_work=False) == []
    assert works.trials(sweep) == []
