"""Agents in any order, dying at any point: each configuration is held by one, and all are run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.sdk.sweeps.queue import Resume, Run, RunState
from tests.support.directory_sweeps import (
    GRID,
    Clock,
    Worker,
    WrittenRun,
    list_states,
    look,
    make_sweep,
)

CONFIGS = 4
AGENTS = 3
STEPS = st.tuples(st.integers(0, AGENTS - 1), st.sampled_from(["ask", "run", "end", "die", "wait"]))


class Player:
    """An agent, and what it has at work."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.worker = Worker(directory, clock)
        self.held: Run | Resume | None = None
        self.run: WrittenRun | None = None

    def states(self) -> dict[str, RunState]:
        return {self.held.run_name: "running"} if self.held and self.run else {}

    def beat(self, *, wants_work: bool) -> None:
        for command in self.worker.ask(self.states(), wants_work=wants_work):
            if isinstance(command, Run | Resume):
                assert self.held in (None, command)
                self.held = command

    def begin(self) -> None:
        if self.held is not None and self.run is None:
            self.run = WrittenRun(self.worker.directory, self.held.run_name)
            self.beat(wants_work=True)

    def end(self) -> None:
        if self.held is not None and self.run is not None:
            self.run.log(loss=float(self.held.config["a"]))
            self.run.finish()
            name, self.held, self.run = self.held.run_name, None, None
            self.worker.ask({name: "finished"}, wants_work=False)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, max_size=25))
def test_each_configuration_is_held_by_one_living_agent_and_all_of_them_are_run(
    steps: list[tuple[int, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory, clock = Path(folder), Clock()
        make_sweep(directory, GRID | {"parameters": {"a": {"values": list(range(CONFIGS))}}})
        players = [Player(directory, clock) for _ in range(AGENTS)]
        for place, step in steps:
            player = players[place]
            match step:
                case "ask":
                    player.beat(wants_work=True)
                case "run":
                    player.begin()
                case "end":
                    player.end()
                case "die":
                    players[place] = Player(directory, clock)
                case "wait":
                    clock.seconds += 61
                    for each in players:
                        # One that holds something not begun asks for it again.
                        each.beat(wants_work=each.held is not None)
            held = [each.held.config["a"] for each in players if each.held]
            assert len(set(held)) == len(held)
        for each in players:
            each.begin()
            each.end()
        last = players[0]
        for _ in range(20):
            last.beat(wants_work=True)
            last.begin()
            last.end()
            clock.seconds += 61
        sweep = look(directory)
        assert sweep.state == "finished"
        assert sorted(trial.config["a"] for trial in sweep.trials.values()) == [*range(CONFIGS)]
        assert set(list_states(directory)) <= {"finished", "failed"}
        for trial in sweep.trials.values():
            assert (trial.state == "failed") <= (trial.attempts == 3)
