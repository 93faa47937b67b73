"""The loop of an agent, against a queue in memory."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from steelyard.errors import AgentNotFound, SweepNotFound, Unavailable
from steelyard.sdk.sweeps.agent import exit_code_of
from steelyard.sdk.sweeps.loop import Agent, Heart, Leaving, Patience, Work
from steelyard.sdk.sweeps.queue import Command, Exit, Run, RunState, SweepInfo

INFO = SweepInfo(path="ada/works/s1", name="s1", config={})


class ListQueue:
    """Hands out so many runs, and remembers what it was told. `faults` come first."""

    def __init__(self, runs: int, *faults: Exception) -> None:
        self.left = [Run(run_name=f"run{index}", config={"x": index}) for index in range(runs)]
        self.faults = list(faults)
        self.ended: dict[str, RunState] = {}
        self.registered = 0
        self.last_wish: bool | None = None

    def describe(self) -> SweepInfo:
        return INFO

    def register(self, host: str) -> str:
        self.registered += 1
        return f"agent{self.registered}"

    def heartbeat(
        self, agent: str, run_states: Mapping[str, RunState], *, wants_work: bool
    ) -> list[Command]:
        if self.faults:
            raise self.faults.pop(0)
        self.last_wish = wants_work
        self.ended |= {name: state for name, state in run_states.items() if state != "running"}
        if not wants_work:
            return []
        return [self.left.pop(0)] if self.left else [Exit(reason="that was all")]


def work(
    queue: ListQueue,
    *states: RunState,
    count: int | None = None,
    leaving: Leaving | None = None,
    patience: Patience = Patience(),  # noqa: B008  # a frozen Struct
) -> tuple[Agent, str]:
    """An agent whose runs end as `states` say, then well, and how it ended itself."""
    ends = list(states)

    def perform(_work: Work, heart: Heart) -> RunState:
        heart.beat(wants_work=False)
        return ends.pop(0) if ends else "finished"

    agent = Agent(
        queue, INFO, perform, count=count, patience=patience, leaving=leaving or Leaving()
    )
    return agent, agent.run()


def test_an_agent_works_until_nothing_is_left_and_says_how_each_run_ended() -> None:
    queue = ListQueue(3)
    agent, outcome = work(queue, "finished", "failed", "stopped")
    assert queue.ended == {"run0": "finished", "run1": "failed", "run2": "stopped"}
    assert (outcome, agent.tally.ended, agent.tally.failed) == ("done", 3, 1)
    assert queue.last_wish is False


def test_an_agent_with_a_count_leaves_the_rest_to_others() -> None:
    queue = ListQueue(3)
    _, outcome = work(queue, count=1)
    assert (outcome, len(queue.left), queue.ended) == ("done", 2, {"run0": "finished"})


def test_a_queue_that_is_away_is_asked_again_and_loses_no_ending(
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue = ListQueue(2, Unavailable("nobody listens"), Unavailable("nobody listens"))
    _, outcome = work(queue)
    assert (outcome, queue.ended) == ("done", {"run0": "finished", "run1": "finished"})
    assert capsys.readouterr().err.count("nobody listens") == 1


def test_an_agent_that_the_server_forgot_registers_again() -> None:
    queue = ListQueue(1, AgentNotFound("agent1"))
    _, outcome = work(queue)
    assert (outcome, queue.registered) == ("done", 2)


def test_a_sweep_that_is_gone_ends_the_agent() -> None:
    _, outcome = work(ListQueue(1, SweepNotFound("ada/works/s1")))
    assert outcome == "gone"


@pytest.mark.parametrize(
    ("states", "patience", "ended"),
    [
        (["failed"] * 9, Patience(), 3),
        (["finished", "failed", "failed", "finished", "failed"], Patience(), 5),
        (["failed"] * 9, Patience(has_flapping_check=False), 5),
        (["failed"] * 9, Patience(has_flapping_check=False, initial_failures_max=2), 2),
        (
            ["finished", *["failed"] * 9],
            Patience(has_flapping_check=False, failures_in_a_row_max=4),
            5,
        ),
    ],
)
def test_an_agent_whose_runs_all_fail_gives_up(
    states: list[RunState], patience: Patience, ended: int
) -> None:
    agent, outcome = work(ListQueue(10), *states, patience=patience)
    assert (outcome, agent.tally.ended) == ("gave up", ended)


def test_failures_are_no_reason_to_give_up_where_they_are_allowed() -> None:
    patience = Patience(has_flapping_check=False, initial_failures_max=100)
    agent, outcome = work(ListQueue(10), *["failed"] * 10, patience=patience)  # type: ignore[list-item]
    assert (outcome, agent.tally.failed) == ("done", 10)


def test_an_agent_that_is_told_to_leave_gives_back_what_it_was_just_given() -> None:
    queue, leaving = ListQueue(2), Leaving()

    class Told(ListQueue):
        def heartbeat(
            self, agent: str, run_states: Mapping[str, RunState], *, wants_work: bool
        ) -> list[Command]:
            leaving.ask("SIGTERM", is_urgent=True)
            return super().heartbeat(agent, run_states, wants_work=wants_work)

    queue = Told(2)
    agent, outcome = work(queue, leaving=leaving)
    assert (outcome, queue.ended, agent.tally.ended) == ("left", {"run0": "preempted"}, 0)


def test_exit_codes_say_how_an_agent_ended() -> None:
    calm, urgent = Leaving(), Leaving()
    urgent.ask("SIGTERM", is_urgent=True)
    assert exit_code_of("done", calm, failed=0, is_counted=True) == 0
    assert exit_code_of("done", calm, failed=1, is_counted=True) == 1
    assert exit_code_of("done", calm, failed=1, is_counted=False) == 0
    assert exit_code_of("gave up", calm, failed=3, is_counted=False) == 1
    assert exit_code_of("gone", calm, failed=0, is_counted=False) == 1
    assert exit_code_of("left", calm, failed=0, is_counted=False) == 130
    assert exit_code_of("left", urgent, failed=0, is_counted=False) == 143
