"""Going on with a run whose last process died before all it had logged was sent."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.run_reader import RunReader
from tests.support.training import Trainee, get_run, kill, read_rows, wait_until

# Logs rows {"i": n} from where the run stands.
SCRIPT = """
import os, sys, time
import steelyard
count, pause_s, base = int(sys.argv[1]), float(sys.argv[2]), int(os.environ.get("TEST_BASE", 0))
run = steelyard.init(project="faults", id="r", resume=os.environ.get("TEST_RESUME"))
for i in range(base, base + count):
    run.log({"i": i})
    print(f"logged {i + 1}", flush=True)
    time.sleep(pause_s)
"""


def die_with_unsent_rows(trainee: Trainee, server: ThrowawayServer, *, kill_server: bool) -> int:
    """How many rows a process logged that was killed together with its sender."""
    script = trainee.start(100_000, 0.002, script=SCRIPT)
    trainee.wait_for_rows(200)
    wait_until(lambda: server.request("GET", "/api/v1/root/faults/runs/r").status == 200)
    if kill_server:
        server.kill()
    trainee.wait_for_rows(trainee.logged_count() + 200)
    pid = trainee.sender_pid()
    kill(pid)
    script.kill()
    script.wait()
    return trainee.logged_count()


@pytest.mark.parametrize("is_server_away", [False, True])
def test_rows_that_were_not_sent_keep_their_steps(
    is_server_away: bool, server: ThrowawayServer, trainee: Trainee
) -> None:
    logged = die_with_unsent_rows(trainee, server, kill_server=is_server_away)
    first = trainee.folders()[0]
    again: dict[str, Any] = {
        "TEST_RESUME": "allow",
        "TEST_BASE": str(logged),
        "WANDB_FINISH_TIMEOUT": "1",
    }
    trainee.run(100, script=SCRIPT, **again)
    if is_server_away:
        server.start()
    wait_until(lambda: trainee.status(first).get("state") == "done")
    wait_until(lambda: trainee.status().get("state") == "done")
    assert read_rows(server, "r") == list(range(logged + 100))
    run = get_run(server, "r")
    assert (run["state"], run["exit_code"]) == ("finished", 0)
    assert run["overwritten_value_count"] == 0
    assert run["summary"]["i"] == logged + 99


def test_offline_processes_of_one_run_are_put_behind_each_other(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    offline: dict[str, Any] = {"WANDB_MODE": "offline", "TEST_RESUME": "allow"}
    for base in (0, 50, 100):
        trainee.run(50, script=SCRIPT, TEST_BASE=str(base), **offline)
    done = trainee.sync()
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(server, "r") == list(range(150))


def test_offline_processes_of_one_run_that_are_sent_in_the_wrong_order_lose_no_row(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    offline: dict[str, Any] = {"WANDB_MODE": "offline", "TEST_RESUME": "allow"}
    for base in (0, 50, 100):
        trainee.run(50, script=SCRIPT, TEST_BASE=str(base), **offline)
    for folder in reversed(trainee.folders()):
        done = trainee.sync(str(folder))
        assert done.returncode == 0, done.stdout + done.stderr
    rows = RunReader(server, "faults").list_history("r")
    assert sorted(row["i"] for row in rows) == list(range(150))
