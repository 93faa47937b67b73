"""Sweeps in phases: broad on a part of the data, then narrow on all of it, with gates between."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.errors import Conflict
from steelyard.server.db.interface import Database
from steelyard.server.rooms.sweeps.commands import finish_if_done, lock_sweep
from steelyard.server.rooms.sweeps.events import list_events
from steelyard.server.rooms.sweeps.model import Sweep, SweepAgent
from steelyard.server.rooms.sweeps.overlay import overlay_of
from steelyard.server.rooms.sweeps.phase_records import PhaseRecord, list_phases
from steelyard.server.rooms.sweeps.phase_steps import decide_phase
from steelyard.server.rooms.sweeps.searching import load_search
from tests.support.sweeps import RANDOM, Works

WIDE = RANDOM.replace("max: 1.0", "max: 10.0")
BAYES = WIDE.replace("random", "bayes")
PHASES = """
phases:
  - {name: broad, fraction: 0.25, runs: 6}
  - {name: full, top: 2, margin: 0.1, runs: 4}
"""


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def run_phase(works: Works, sweep: Sweep, agent: SweepAgent, count: int) -> list[dict[str, Any]]:
    """So many runs, whose loss is smallest at 4; a part of the data makes it larger."""
    configs = []
    for _ in range(count):
        name, config = works.next_run(agent)
        loss = (config["x"] - 4) ** 2 + (1 - config["fraction"])
        works.end(works.start(sweep, name, config), loss=loss, accuracy=0.5)
        configs.append(config)
    return configs


def phases(works: Works, sweep: Sweep) -> list[PhaseRecord]:
    return works.db.read_now(list_phases, sweep.id)


def kinds(works: Works, sweep: Sweep) -> list[str]:
    events = works.db.read_now(list_events, sweep.id, limit=100)
    return [event.kind for event in events]


def decide(works: Works, sweep: Sweep, *, approved: bool) -> Sweep:
    def write(conn: Any) -> Sweep:
        held = lock_sweep(conn, sweep.id)
        problem = works.dispatcher.problems.get(held)
        decided = decide_phase(
            conn, held, problem, approved=approved, caller=works.caller, now_us=works.now_us
        )
        return finish_if_done(conn, decided, now_us=works.now_us)

    return works.db.write_now(write)


@pytest.mark.parametrize("method", ["bayes", "random"])
def test_the_best_of_a_part_of_the_data_are_run_on_all_of_it_and_searched_around(
    works: Works, method: str
) -> None:
    sweep = works.create(WIDE.replace("random", method) + PHASES)
    assert sweep.run_count_expected == 10
    agent = works.agent(sweep)
    broad = run_phase(works, sweep, agent, 6)
    assert {config["fraction"] for config in broad} == {0.25}
    full = run_phase(works, sweep, agent, 4)
    assert {config["fraction"] for config in full} == {1.0}
    best = sorted(broad, key=lambda config: (config["x"] - 4) ** 2)[:2]
    assert [config["x"] for config in full[:2]] == [config["x"] for config in best]
    low, high = min(c["x"] for c in best) - 1.0, max(c["x"] for c in best) + 1.0
    assert all(low <= config["x"] <= high for config in full)
    assert len({config["x"] for config in full}) == 4
    assert [command.type for command in works.beat(agent)] == ["exit"]
    done = works.look(sweep)
    assert done.state == "finished"
    first, second = phases(works, sweep)
    assert (first.state, second.state) == ("finished", "finished")
    trials = works.trials(sweep)
    assert [trials[parent].config["x"] for parent in second.parents] == [c["x"] for c in best]
    assert [trial.parent_index for trial in trials[6:8]] == second.parents
    assert [trial.phase for trial in trials] == [0] * 6 + [1] * 4
    assert second.ranges["x"].low == pytest.approx(max(low, 0.0))
    assert kinds(works, sweep) == ["phase_began", "phase_began", "finished"]


def test_agents_wait_for_the_last_run_of_a_phase(works: Works) -> None:
    sweep = works.create(WIDE + PHASES)
    slow, quick = works.agent(sweep), works.agent(sweep)
    name, config = works.next_run(slow)
    run = works.start(sweep, name, config)
    run_phase(works, sweep, quick, 5)
    assert works.beat(quick) == []
    assert len(works.trials(sweep)) == 6
    works.end(run, loss=0.0)
    _, first = works.next_run(quick)
    assert first == config | {"fraction": 1.0}


def test_earlier_phases_are_what_the_next_one_knows_already(works: Works) -> None:
    sweep = works.create(BAYES + PHASES)
    agent = works.agent(sweep)
    run_phase(works, sweep, agent, 8)
    works.settle(sweep)
    problem = works.dispatcher.problems.get(sweep)
    search = works.db.read_now(load_search, works.look(sweep), problem)
    own = [trial for trial in search.trials if not trial.is_prior]
    priors = [trial for trial in search.trials if trial.is_prior]
    assert (len(own), search.number, search.repeats) == (2, 2, [])
    inside = overlay_of(works.look(sweep)).ranges["x"]
    assert inside.low is not None and inside.high is not None
    for prior in priors:
        [value] = prior.values
        assert inside.low <= prior.config["x"] <= inside.high
        # Three quarters of the data were missing; the repeated runs show what that is worth.
        assert value == pytest.approx((prior.config["x"] - 4) ** 2)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("accuracy > 0.9", "accuracy = 0.5"),
        ("recall > 0.1", "recall = missing"),
    ],
)
def test_a_gate_that_does_not_hold_ends_the_sweep_with_the_reason(
    works: Works, gate: str, said: str
) -> None:
    config = PHASES.replace("top: 2", f'gate: "{gate}", top: 2')
    sweep = works.create(WIDE + config)
    agent = works.agent(sweep)
    run_phase(works, sweep, agent, 6)
    assert [command.type for command in works.beat(agent)] == ["exit"]
    done = works.look(sweep)
    assert done.state == "finished"
    assert done.exhausted_reason is not None
    assert said in done.exhausted_reason
    assert phases(works, sweep)[1].state == "refused"
    assert kinds(works, sweep) == ["phase_began", "phase_refused", "finished"]


def test_a_gate_may_ask_how_far_folds_are_apart(works: Works) -> None:
    config = PHASES.replace("top: 2", 'gate: "`loss.std` < 0.1 and loss < 100", top: 2')
    sweep = works.create(WIDE + config + "cross_validation: {folds: 2}\n")
    agent = works.agent(sweep)
    run_phase(works, sweep, agent, 6)
    _, first = works.next_run(agent)
    assert (first["fraction"], first["fold"]) == (1.0, 0)


@pytest.mark.parametrize("approved", [True, False])
def test_a_phase_waits_for_approval(works: Works, approved: bool) -> None:
    sweep = works.create(WIDE + PHASES.replace("top: 2", "gate: approval, top: 2"))
    with pytest.raises(Conflict, match="waits for approval"):
        decide(works, sweep, approved=True)
    agent = works.agent(sweep)
    run_phase(works, sweep, agent, 6)
    assert works.beat(agent) == []
    assert phases(works, sweep)[1].state == "waiting"
    decided = decide(works, sweep, approved=approved)
    assert phases(works, sweep)[1].username == works.caller.username
    if approved:
        assert [config["fraction"] for config in run_phase(works, sweep, agent, 4)] == [1.0] * 4
    else:
        assert decided.state == "finished"
        assert [command.type for command in works.beat(agent)] == ["exit"]


def test_a_phase_from_which_nothing_came_is_not_followed(works: Works) -> None:
    sweep = works.create(WIDE + PHASES)
    agent = works.agent(sweep)
    for _ in range(6):
        name, config = works.next_run(agent)
        works.end(works.start(sweep, name, config), exit_code=1)
    assert [command.type for command in works.beat(agent)] == ["exit"]
    reason = works.look(sweep).exhausted_reason
    assert reason is not None
    assert "no run of the phase 'broad' has a value" in reason


def test_a_grid_goes_on_with_what_is_left_of_it(works: Works) -> None:
    config = """
method: grid
metric: {name: loss, goal: minimize}
parameters: {x: {values: [1, 2, 3, 4, 5, 6]}, y: {values: [a, b]}}
phases: {broad: {fraction: 0.1, runs: 12}, full: {top: 2, margin: 0}}
"""
    sweep = works.create(config)
    agent = works.agent(sweep)
    broad = run_phase(works, sweep, agent, 12)
    assert len({(c["x"], c["y"]) for c in broad}) == 12
    full = run_phase(works, sweep, agent, 2)
    assert {(c["x"], c["y"]) for c in full} == {(4, "a"), (4, "b")}
    assert [command.type for command in works.beat(agent)] == ["exit"]
    assert works.look(sweep).state == "finished"


def test_an_edit_in_the_middle_of_a_phase_keeps_the_phase(works: Works) -> None:
    sweep = works.create(WIDE + PHASES)
    agent = works.agent(sweep)
    run_phase(works, sweep, agent, 7)
    works.change(sweep, config=WIDE + PHASES.replace("runs: 4", "runs: 5"))
    assert [c["fraction"] for c in run_phase(works, sweep, agent, 4)] == [1.0] * 4
    assert [command.type for command in works.beat(agent)] == ["exit"]
