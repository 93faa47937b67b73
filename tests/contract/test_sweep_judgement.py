"""Early termination: from what runs log to a stop that is asked for and explained."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from steelyard.server.columns.tail import encode_lines
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.ingest import RunPath, SentLines, Upload, accept_upload
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.server.rooms.sweeps.judgement import Judge
from steelyard.server.rooms.sweeps.model import Sweep
from tests.support.sweeps import RANDOM, Works

HYPERBAND = RANDOM + "early_terminate: {type: hyperband, min_iter: 2, eta: 2}\n"


@pytest.fixture
def works(db: Database) -> Works:
    return Works(db)


def log(works: Works, run: Run, losses: Sequence[float], *, offset: int = 0) -> None:
    """Rows of history as the file stream brings them."""
    lines = encode_lines(
        f'{{"_step": {offset + step}, "loss": {loss}}}' for step, loss in enumerate(losses)
    )
    works.db.write_now(
        accept_upload,
        caller=works.caller,
        path=RunPath(run.entity, run.project, run.name),
        upload=Upload(history=SentLines(offset, lines)),
        now_us=works.now_us,
    )


def begin(works: Works, sweep: Sweep, losses: Sequence[float]) -> tuple[Run, str]:
    """A run at work that has logged this, and its name."""
    agent = works.agent(sweep)
    name, config = works.next_run(agent)
    run = works.start(sweep, name, config)
    works.beat(agent, name)
    log(works, run, losses)
    return run, name


def is_asked_to_stop(works: Works, run: Run) -> bool:
    found = works.db.read_now(find_run_by_id, run.id)
    assert found is not None
    return found.stop_requested


def test_a_run_that_does_badly_is_asked_to_stop_and_the_reason_is_kept(works: Works) -> None:
    sweep = works.create(HYPERBAND)
    for _ in range(3):
        good, _ = begin(works, sweep, [0.2, 0.1, 0.1, 0.1])
        works.end(good, loss=0.1)
    works.settle(sweep)
    bad_agent = works.agent(sweep)
    name, config = works.next_run(bad_agent)
    bad = works.start(sweep, name, config)
    assert works.beat(bad_agent, name) == []
    log(works, bad, [9.0, 9.0, 9.0])
    judge = Judge(works.db, works.dispatcher.problems)
    assert judge.judge_all(now_us=works.now_us) == 1
    assert is_asked_to_stop(works, bad)
    [command] = works.beat(bad_agent, name)
    assert (command.type, command.run_id) == ("stop", name)
    assert judge.judge_all(now_us=works.now_us) == 0
    works.end(bad, exit_code=1, loss=9.0)
    works.settle(sweep)
    trial = works.trials(sweep)[-1]
    assert (trial.state, trial.value) == ("stopped", 9.0)
    assert trial.stop_reason


def test_nothing_is_read_again_while_no_run_logs(works: Works) -> None:
    sweep = works.create(HYPERBAND)
    run, _ = begin(works, sweep, [0.5])
    judge = Judge(works.db, works.dispatcher.problems)
    problem = works.dispatcher.problems.get(sweep)
    assert works.db.read_now(judge._load_new, sweep, problem) is not None
    assert works.db.read_now(judge._load_new, sweep, problem) is None
    log(works, run, [0.25], offset=1)
    curves = works.db.read_now(judge._load_new, sweep, problem)
    assert curves is not None
    assert [curve.values for curve in curves] == [[0.5, 0.25]]


def test_a_sweep_that_says_nothing_of_it_stops_nothing(works: Works) -> None:
    sweep = works.create(RANDOM)
    begin(works, sweep, [9.0] * 20)
    begin(works, sweep, [0.1] * 20)
    assert Judge(works.db, works.dispatcher.problems).judge_all(now_us=works.now_us) == 0


def test_a_metric_that_is_never_logged_stops_nothing(works: Works) -> None:
    sweep = works.create(HYPERBAND.replace("loss", "other"))
    begin(works, sweep, [9.0] * 20)
    begin(works, sweep, [0.1] * 20)
    assert Judge(works.db, works.dispatcher.problems).judge_all(now_us=works.now_us) == 0
