"""Agents that work for a sweep in a directory, as beats on a clock set by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import AgentNotFound, Conflict, MissingExtra, NotFound, SweepInvalid
from steelyard.sdk.sweeps.directory.making import create_directory_sweep
from steelyard.sdk.sweeps.directory.queue import DirectoryQueue
from steelyard.sdk.sweeps.queue import Exit, Queue, Resume, Run, Stop
from steelyard.search import Exhausted, read_config, suggest
from steelyard.search.trials import Trial
from tests.support.directory_sweeps import (
    GRID,
    Clock,
    Worker,
    WrittenRun,
    list_configs,
    list_states,
    look,
    make_sweep,
)


def test_a_grid_is_handed_out_once_and_the_sweep_is_finished(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    workers = [Worker(tmp_path), Worker(tmp_path)]
    for place in range(3):
        worker = workers[place % 2]
        command = worker.take()
        assert command is not None
        worker.work(command, 1.0 + place)
    (exit_command,) = workers[0].ask()
    assert isinstance(exit_command, Exit)
    assert "grid" in exit_command.reason or "3" in exit_command.reason
    sweep = look(tmp_path)
    assert sweep.state == "finished"
    assert list_configs(tmp_path) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [trial.values for trial in sweep.trials.values()] == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("method", ["grid", "random", "bayes"])
def test_the_sequence_is_that_of_the_search_for_the_same_seed_and_results(
    method: str, tmp_path: Path
) -> None:
    config = {
        "method": method,
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"a": {"values": [1, 2, 3]}, "b": {"values": [0.1, 0.2, 0.4]}},
        "run_cap": 7,
    }
    make_sweep(tmp_path, config, seed=7)
    problem, _ = read_config(config)
    assert problem is not None
    told: list[Trial] = []
    while (command := (worker := Worker(tmp_path)).take()) is not None:
        expected = suggest(problem, told, seed=7)
        assert not isinstance(expected, Exhausted)
        assert command.config == expected.config
        loss = command.config["a"] * command.config["b"]
        worker.work(command, 5.0, loss)
        told.append(
            Trial(id="x", config=expected.config, state="finished", values=(loss,), seconds=0.0)
        )
    assert len(told) == 7


def test_a_run_cap_ends_the_sweep_and_says_so(tmp_path: Path) -> None:
    make_sweep(tmp_path, GRID | {"run_cap": 1})
    worker = Worker(tmp_path)
    command = worker.take()
    assert command is not None
    (exit_command,) = Worker(tmp_path).ask()
    assert exit_command == Exit(reason="all 1 runs that the configuration allows were handed out")
    assert look(tmp_path).state == "running"
    worker.work(command, 1.0)
    assert look(tmp_path).state == "finished"


def test_what_was_handed_out_and_not_named_is_told_again(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    worker = Worker(tmp_path)
    assert worker.ask() == worker.ask()
    assert list_states(tmp_path) == ["leased"]


def test_an_agent_that_ends_before_it_begins_gives_its_configuration_back(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    first = Worker(tmp_path)
    command = first.take()
    first.ask(wants_work=False)
    assert list_states(tmp_path) == ["lost"]
    again = Worker(tmp_path).take()
    assert again is not None
    assert command is not None
    assert again.config == command.config
    assert again.run_name != command.run_name
    assert look(tmp_path).trials[0].earlier_runs == [command.run_name]


def test_the_configuration_of_a_silent_agent_goes_to_the_next_after_the_lease(
    tmp_path: Path,
) -> None:
    make_sweep(tmp_path)
    clock = Clock()
    silent, other = Worker(tmp_path, clock), Worker(tmp_path, clock)
    lost = silent.take()
    assert lost is not None
    silent.ask({lost.run_name: "running"})
    run = WrittenRun(tmp_path, lost.run_name)
    mine = other.take()
    assert mine is not None
    other.ask({mine.run_name: "running"})  # from here on it watches
    clock.seconds += 119
    other.ask({mine.run_name: "running"})
    assert list_states(tmp_path) == ["running", "running"]
    run.log(loss=1.0)  # the run is heard of, if not its agent
    clock.seconds += 15  # who is busy looks eight times in a lease
    other.ask({mine.run_name: "running"})
    clock.seconds += 119
    other.ask({mine.run_name: "running"})
    assert list_states(tmp_path) == ["running", "running"]
    clock.seconds += 1
    other.ask({mine.run_name: "finished"}, wants_work=False)
    assert list_states(tmp_path) == ["lost", "finished"]
    again = other.take()
    assert again is not None
    assert again.config == lost.config
    (stop,) = silent.ask({lost.run_name: "running"})
    assert isinstance(stop, Stop)
    assert "another one runs this now" in stop.reason


def test_an_agent_that_is_heard_of_again_goes_on_with_what_nobody_else_took(
    tmp_path: Path,
) -> None:
    make_sweep(tmp_path)
    clock = Clock()
    silent, other = Worker(tmp_path, clock), Worker(tmp_path, clock)
    command = silent.take()
    assert command is not None
    silent.ask({command.run_name: "running"})
    other.ask(wants_work=False)
    clock.seconds += 120
    other.ask(wants_work=False)
    assert list_states(tmp_path) == ["lost"]
    assert silent.ask({command.run_name: "running"}) == []
    assert list_states(tmp_path) == ["running"]


def test_who_has_nothing_to_do_waits_for_a_trial_that_may_be_lost(tmp_path: Path) -> None:
    """An agent that comes late, as one does that is to finish what a dead machine left."""
    make_sweep(tmp_path, GRID | {"parameters": {"a": {"values": [1]}}})
    clock = Clock()
    silent = Worker(tmp_path, clock)
    command = silent.take()
    assert command is not None
    silent.ask({command.run_name: "running"})
    [exit_command] = Worker(tmp_path, clock).ask()
    assert isinstance(exit_command, Exit)
    clock.seconds += 120 + 900 + 1
    late = Worker(tmp_path, clock)
    assert late.ask() == []
    clock.seconds += 119
    assert late.ask() == []
    clock.seconds += 1
    again = late.take()
    assert again is not None
    assert again.config == command.config


def test_a_clock_that_is_days_ahead_loses_nothing_of_others(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    worker = Worker(tmp_path, Clock())
    command = worker.take()
    assert command is not None
    worker.ask({command.run_name: "running"})
    wrong = Clock()
    wrong.seconds += 10 * 86_400
    other = Worker(tmp_path, wrong)
    mine = other.take()
    assert mine is not None
    assert mine.config == {"a": 2}
    wrong.seconds += 60
    worker.ask({command.run_name: "running"})
    other.ask({mine.run_name: "running"})
    wrong.seconds += 119
    other.ask({mine.run_name: "running"})
    assert list_states(tmp_path) == ["running", "running"]


def test_a_configuration_that_is_lost_three_times_has_failed(tmp_path: Path) -> None:
    make_sweep(tmp_path, GRID | {"parameters": {"a": {"values": [1, 2]}}})
    clock = Clock()
    watcher = Worker(tmp_path, clock)
    for _ in range(3):
        command = Worker(tmp_path, clock).take()
        assert command is not None
        assert command.config == {"a": 1}
        watcher.ask(wants_work=False)
        clock.seconds += 120
        watcher.ask(wants_work=False)
    command = Worker(tmp_path, clock).take()
    assert command is not None
    assert command.config == {"a": 2}
    assert list_states(tmp_path) == ["failed", "leased"]
    assert "lost 3 times" in str(look(tmp_path).trials[0].stop_reason)


def test_a_run_that_ended_before_its_agent_could_say_so_counts(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    clock = Clock()
    killed = Worker(tmp_path, clock)
    command = killed.take()
    assert command is not None
    killed.ask({command.run_name: "running"})
    run = WrittenRun(tmp_path, command.run_name)
    run.log(loss=0.25)
    run.finish()
    watcher = Worker(tmp_path, clock)
    watcher.ask(wants_work=False)
    clock.seconds += 120
    following = watcher.take()
    assert following is not None
    assert following.config == {"a": 2}
    assert look(tmp_path).trials[0].values == [0.25]
    assert list_states(tmp_path) == ["finished", "leased"]


def test_a_run_that_somebody_found_crashed_is_lost_and_not_failed(tmp_path: Path) -> None:
    from steelyard.wire import journal as wire

    make_sweep(tmp_path)
    clock = Clock()
    killed = Worker(tmp_path, clock)
    command = killed.take()
    assert command is not None
    killed.ask({command.run_name: "running"})
    run = WrittenRun(tmp_path, command.run_name)
    # As `steelyard sync` writes it down.
    crash = {"exit_code": 1, "is_crash": True, "writer": run.journal.writer}
    run.journal.append(wire.FINISH, crash)
    watcher = Worker(tmp_path, clock)
    watcher.ask(wants_work=False)
    clock.seconds += 120
    again = watcher.take()
    assert again is not None
    assert again.config == command.config


def test_a_preempted_run_goes_on_under_its_name(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    worker = Worker(tmp_path)
    command = worker.take()
    assert command is not None
    worker.ask({command.run_name: "running"})
    worker.ask({command.run_name: "preempted"}, wants_work=False)
    (resumed,) = Worker(tmp_path).ask()
    assert resumed == Resume(run_name=command.run_name, config={"a": 1}, program="train.py")


def test_failed_and_nan_runs_teach_the_search_and_are_not_run_again(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    worker = Worker(tmp_path)
    first = worker.take()
    assert first is not None
    worker.work(first, float("nan"))
    second = worker.take()
    assert second is not None
    worker.work(second, state="failed")
    third = worker.take()
    assert third is not None
    assert third.config == {"a": 3}
    assert list_states(tmp_path) == ["finished", "failed", "leased"]
    assert look(tmp_path).trials[0].values == [None]


def test_a_run_that_died_without_a_word_is_lost_and_one_that_never_began_has_failed(
    tmp_path: Path,
) -> None:
    make_sweep(tmp_path)
    worker = Worker(tmp_path)
    command = worker.take()
    assert command is not None
    WrittenRun(tmp_path, command.run_name).log(loss=1.0)
    worker.ask({command.run_name: "failed"}, wants_work=False)
    assert list_states(tmp_path) == ["lost"]
    again = worker.take()
    assert again is not None
    assert again.config == command.config
    worker.ask({again.run_name: "failed"}, wants_work=False)
    assert list_states(tmp_path) == ["failed"]
    assert look(tmp_path).trials[0].stop_reason == "its program ended before a run of it began"


def test_failed_runs_are_run_again_as_often_as_the_sweep_says(tmp_path: Path) -> None:
    make_sweep(tmp_path, GRID | {"retries": 1})
    worker = Worker(tmp_path)
    names = []
    for _ in range(2):
        command = worker.take()
        assert command is not None
        assert command.config == {"a": 1}
        worker.work(command, state="failed")
        names.append(command.run_name)
    assert list_states(tmp_path) == ["failed"]
    assert look(tmp_path).trials[0].earlier_runs == names[:1]
    following = worker.take()
    assert following is not None
    assert following.config == {"a": 2}


def test_the_search_is_over_when_a_run_reaches_the_target(tmp_path: Path) -> None:
    metric = {"name": "loss", "goal": "minimize", "target": 0.5}
    make_sweep(tmp_path, GRID | {"metric": metric})
    worker, other = Worker(tmp_path), Worker(tmp_path)
    command = worker.take()
    assert command is not None
    worker.ask({command.run_name: "running"})
    run = WrittenRun(tmp_path, command.run_name)
    run.log(loss=0.25)
    (exit_command,) = other.ask()
    assert isinstance(exit_command, Exit)
    assert "loss of 0.25 (target 0.5)" in exit_command.reason
    assert look(tmp_path).state == "running"
    run.finish()
    worker.ask({command.run_name: "finished"}, wants_work=False)
    assert look(tmp_path).state == "finished"


def test_a_run_that_does_badly_is_stopped_while_it_runs(tmp_path: Path) -> None:
    config = GRID | {"early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 2}}
    make_sweep(tmp_path, config)
    workers, commands = [], []
    for loss in (0.1, 0.2, 9.0):
        worker = Worker(tmp_path)
        command = worker.take()
        assert command is not None
        run = WrittenRun(tmp_path, command.run_name)
        for step in range(3):
            run.log(loss=loss + step / 100)
        worker.ask({command.run_name: "running"})
        workers.append(worker)
        commands.append(command)
    stops = [
        worker.ask({command.run_name: "running"})
        for worker, command in zip(workers, commands, strict=True)
    ]
    assert stops[:2] == [[], []]
    (stop,) = stops[2]
    assert isinstance(stop, Stop)
    workers[2].ask({stop.run_name: "stopped"}, wants_work=False)
    trial = look(tmp_path).trials[2]
    assert (trial.state, trial.values, trial.stop_reason) == ("stopped", [9.02], stop.reason)


def test_what_a_metric_was_defined_to_be_is_what_counts(tmp_path: Path) -> None:
    from steelyard.wire import journal as wire

    make_sweep(tmp_path)
    worker = Worker(tmp_path)
    command = worker.take()
    assert command is not None
    run = WrittenRun(tmp_path, command.run_name)
    run.journal.append(wire.METRIC, {"name": "loss", "summary": ["min"]})
    for loss in (3.0, 1.0, 2.0):
        run.log(loss=loss)
    run.finish()
    worker.ask({command.run_name: "finished"}, wants_work=False)
    assert look(tmp_path).trials[0].values == [1.0]


def test_bad_configurations_are_refused_and_nothing_is_made(tmp_path: Path) -> None:
    place = tmp_path / "sweep"
    bad: list[dict[str, Any]] = [
        {"method": "grid", "parameters": {"a": {"min": 3, "max": 1}}},
        GRID | {"phases": [{"name": "broad", "runs": 2}]},
        GRID | {"budget": {"usd": 3}},
        GRID | {"method": "custom"},
    ]
    for config in bad:
        with pytest.raises(SweepInvalid):
            create_directory_sweep(place, config)
    assert not place.exists()


def test_a_directory_holds_one_sweep(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    with pytest.raises(Conflict, match="there is a sweep in"):
        make_sweep(tmp_path)


def test_without_a_sweep_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="steelyard sweep --directory"):
        DirectoryQueue(tmp_path).describe()


def test_an_agent_nobody_registered_is_not_found(tmp_path: Path) -> None:
    make_sweep(tmp_path)
    with pytest.raises(AgentNotFound):
        DirectoryQueue(tmp_path).heartbeat("stranger", {}, wants_work=True)


def test_variables_of_the_environment_are_those_of_who_made_it(tmp_path: Path) -> None:
    text = "method: grid\nprogram: ${PROGRAM}\nparameters: {a: {values: [1]}}\n"
    create_directory_sweep(tmp_path, text, environment={"PROGRAM": "other.py"})
    queue: Queue = DirectoryQueue(tmp_path)
    assert queue.describe().config["program"] == "other.py"
    command = Worker(tmp_path).take()
    assert isinstance(command, Run)
    assert command.program == "other.py"


def test_runs_are_told_to_be_offline_and_to_lie_beside_the_queue(tmp_path: Path) -> None:
    make_sweep(tmp_path, project="vision", entity="team")
    info = DirectoryQueue(tmp_path).describe()
    assert info.environment == {
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(tmp_path.resolve()),
        "WANDB_PROJECT": "vision",
        "WANDB_ENTITY": "team",
    }


def test_a_run_that_lies_elsewhere_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_sweep(tmp_path)
    worker = Worker(tmp_path)
    command = worker.take()
    assert command is not None
    worker.ask({command.run_name: "finished"})
    assert "the sweep learns nothing from it" in capsys.readouterr().err
    assert list_states(tmp_path) == ["finished", "leased"]


def test_nested_parameters_come_nested(tmp_path: Path) -> None:
    make_sweep(
        tmp_path,
        {
            "method": "grid",
            "parameters": {"net": {"parameters": {"width": {"values": [8]}}}},
        },
    )
    command = Worker(tmp_path).take()
    assert command is not None
    assert command.config == {"net": {"width": 8}}


def test_bayes_without_numpy_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sweep(tmp_path, GRID | {"method": "bayes"})
    worker = Worker(tmp_path)
    for name in [*sys.modules]:
        if name.startswith("steelyard.search.bayes"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(MissingExtra, match=r"steelyard\[sweeps\]"):
        worker.ask()
