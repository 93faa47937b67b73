"""Which sweep gets the next slot, what is run again, and when a search is over."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.errors import Invalid
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.sweeps.admission import set_quota
from steelyard.server.rooms.sweeps.depth import QueueDepth, read_depth
from steelyard.server.rooms.sweeps.model import AgentReport, Sweep, SweepAgent
from steelyard.server.rooms.sweeps.serving import Seat, serve
from tests.support.sweeps import GRID, RANDOM, Works


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def allow(works: Works, sweep: Sweep, runs_max: int | None) -> None:
    works.db.write_now(set_quota, sweep.entity_id, runs_max, now_us=works.now_us)


def depth(works: Works, sweep: Sweep, replicas_max: int | None = None) -> QueueDepth:
    found = works.look(sweep)
    problem = works.dispatcher.problems.get(found)
    return works.db.read_now(
        read_depth, found, problem, replicas_max=replicas_max, now_us=works.now_us
    )


def begin(works: Works, sweep: Sweep, agent: SweepAgent) -> tuple[Any, str]:
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.beat(agent, name)
    return run, name


class Floor:
    """Agents of several sweeps, those at work with their runs."""

    def __init__(self, works: Works) -> None:
        self.works = works
        self.agents: list[tuple[Sweep, SweepAgent]] = []
        self.at_work: dict[int, tuple[Sweep, SweepAgent, Run]] = {}
        self.begun: list[str] = []

    def add(self, sweep: Sweep, count: int) -> None:
        self.agents += [(sweep, self.works.agent(sweep)) for _ in range(count)]

    def ask_all(self) -> None:
        """Every agent says what it has, or asks for work."""
        for sweep, agent in self.agents:
            if agent.id in self.at_work:
                self.works.beat(agent, self.at_work[agent.id][2].name)
                continue
            for command in self.works.beat(agent):
                if command.type == "run" and command.run_id is not None:
                    run = self.works.start(sweep, command.run_id)
                    self.works.beat(agent, command.run_id)
                    self.at_work[agent.id] = (sweep, agent, run)
                    self.begun.append(sweep.name)

    def end_one(self) -> None:
        """The run that is at work for longest ends."""
        first = min(self.at_work, key=lambda key: self.at_work[key][2].id)
        self.works.end(self.at_work.pop(first)[2], loss=1.0)


def test_of_two_sweeps_that_share_four_slots_the_one_with_priority_is_drained_first(
    works: Works,
) -> None:
    low = works.create(RANDOM + "priority: 1\nrun_cap: 9\n")
    allow(works, low, 4)
    floor = Floor(works)
    floor.add(low, 4)
    floor.ask_all()
    high = works.create(GRID + "priority: 10\nrun_cap: 5\n")
    floor.add(high, 3)
    floor.ask_all()
    assert floor.begun == [low.name] * 4
    assert "4 of 4 runs are at work" in (works.look(high).waits_reason or "")
    while floor.at_work:
        floor.end_one()
        works.pass_s(5)
        floor.ask_all()
        assert len(floor.at_work) <= 4
    # Three agents of `high` take three slots as they come free, and `low` the fourth.
    after = floor.begun[4:]
    assert after[:3] == [high.name] * 3
    assert sorted(after) == sorted([high.name] * 5 + [low.name] * 5)
    assert after[-3:] == [low.name] * 3
    assert works.look(high).state == works.look(low).state == "finished"


def test_sweeps_of_one_priority_share_the_slots_and_a_quota_can_be_lifted(works: Works) -> None:
    one, other = works.create(RANDOM), works.create(RANDOM)
    allow(works, one, 4)
    floor = Floor(works)
    floor.add(one, 4)
    floor.ask_all()
    floor.add(other, 4)
    for _ in range(6):
        floor.ask_all()
        floor.end_one()
        works.pass_s(5)
    floor.ask_all()
    at_work = [sweep.name for sweep, _, _ in floor.at_work.values()]
    assert (at_work.count(one.name), at_work.count(other.name)) == (2, 2)
    allow(works, one, None)
    floor.ask_all()
    assert len(floor.at_work) == 8
    with pytest.raises(Invalid, match="use 1 to"):
        allow(works, one, 0)


def test_an_agent_of_several_sweeps_works_for_the_first_until_it_is_done(works: Works) -> None:
    low = works.create(GRID + "run_cap: 2\n")
    high = works.create(GRID + "priority: 5\nrun_cap: 2\n")
    seats = {sweep.name: works.agent(sweep) for sweep in (low, high)}
    done = []
    for _ in range(6):
        asked = [Seat(agent.id, AgentReport()) for agent in seats.values()]
        served = serve(works.db, works.dispatcher, works.caller, asked, now_us=works.now_us)
        runs = [
            (each.agent_id, c.run_id) for each in served for c in each.commands if c.type == "run"
        ]
        if not runs:
            break
        [(agent_id, name)] = runs
        sweep = low if agent_id == seats[low.name].id else high
        assert name is not None
        run = works.start(sweep, name)
        at_work = [
            Seat(a.id, AgentReport(running=frozenset({name} if a.id == agent_id else ())))
            for a in seats.values()
        ]
        served = serve(works.db, works.dispatcher, works.caller, at_work, now_us=works.now_us)
        assert not any(c.type == "run" for each in served for c in each.commands)
        works.end(run, loss=1.0)
        done.append(sweep.name)
        works.pass_s(5)
    assert done == [high.name] * 2 + [low.name] * 2
    assert [c.type for each in served for c in each.commands] == ["exit", "exit"]


def test_a_failed_run_is_run_again_as_often_as_the_sweep_says(works: Works) -> None:
    sweep = works.create(GRID + "retries: 2\n")
    agent = works.agent(sweep)
    names, configs = [], []
    for _ in range(3):
        name, config = works.next_run(agent)
        works.end(works.start(sweep, name, config), exit_code=1)
        names.append(name)
        configs.append(config)
    assert configs[0] == configs[1] == configs[2]
    assert len(set(names)) == 3
    _, another = works.next_run(agent)
    assert another != configs[0]
    first = works.trials(sweep)[0]
    assert (first.state, first.attempts, first.earlier_runs) == ("failed", 3, names[:2])


def test_without_retries_a_failed_run_is_not_run_again(works: Works) -> None:
    sweep = works.create(GRID)
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    works.end(works.start(sweep, name, config), exit_code=1)
    assert works.next_run(agent)[1] != config


def test_a_target_that_a_run_reaches_ends_the_search(works: Works) -> None:
    sweep = works.create(GRID.replace("goal: minimize", "goal: minimize, target: 0.5"))
    agent, other = works.agent(sweep), works.agent(sweep)
    works.run_one(sweep, agent, loss=0.6)
    busy, _ = begin(works, sweep, other)
    name, _ = works.run_one(sweep, agent, loss=0.4)
    [command] = works.beat(agent)
    assert command.type == "exit"
    assert command.reason == (f"the target is reached: the run {name} has loss of 0.4 (target 0.5)")
    assert works.look(sweep).state == "running"  # the other run may end
    works.end(busy, loss=1.0)
    assert works.beat(other)[0].type == "exit"
    assert works.look(sweep).state == "finished"
    raised = GRID.replace("goal: minimize", "goal: minimize, target: 0.1")
    assert works.change(sweep, config=raised).state == "running"
    assert works.beat(agent)[0].type == "run"


def test_a_run_at_work_reaches_a_target_too(works: Works) -> None:
    sweep = works.create(RANDOM.replace("goal: minimize", "goal: maximize, target: 0.9"))
    agent = works.agent(sweep)
    run, name = begin(works, sweep, agent)
    works.end(run, loss=0.95)
    works.start(sweep, name)  # it goes on
    assert "target is reached" in (works.settle(sweep).exhausted_reason or "")


def test_the_depth_of_a_queue_says_how_many_agents_to_keep(works: Works) -> None:
    sweep = works.create(GRID)
    assert (depth(works, sweep).depth, depth(works, sweep).suggested_replicas) == (9, 9)
    assert depth(works, sweep, 4).suggested_replicas == 4
    agent = works.agent(sweep)
    begin(works, sweep, agent)
    found = depth(works, sweep)
    assert (found.depth, found.running, found.agents, found.suggested_replicas) == (8, 1, 1, 9)
    works.change(sweep, state="paused")
    assert depth(works, sweep).suggested_replicas == 1
    endless = works.create(RANDOM)
    assert (depth(works, endless).depth, depth(works, endless, 7).suggested_replicas) == (None, 7)
    done = works.create(GRID + "run_cap: 1\n")
    works.run_one(done, works.agent(done), loss=1.0)
    works.settle(done)
    assert depth(works, done).suggested_replicas == 0
