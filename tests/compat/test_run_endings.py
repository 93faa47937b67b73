"""How runs end: well, badly, by hand, by kill -9, and without a word."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.support.official_client import OfficialClient, kill_group
from tests.support.run_reader import RunReader

# Prints READY when some rows are logged, then goes on for a minute.
LONG_RUN = """
import time, wandb
run = wandb.init(id="r")
for step in range(600):
    run.log({"step": step})
    if step == 20: print("READY", flush=True)
    time.sleep(0.1)
run.finish()
"""

FAST_RUN_ROWS = 2000
FAST_RUN = f"""
import time, wandb
run = wandb.init(id="r")
for step in range({FAST_RUN_ROWS}): run.log({{"step": step}})
print("READY", flush=True)
time.sleep(60)
"""


def test_a_script_that_never_calls_finish_ends_finished(
    client: OfficialClient, runs: RunReader
) -> None:
    client.run_script("import wandb\nrun = wandb.init(id='r')\nrun.log({'a': 1})\n")
    run = runs.get_run("r")
    assert (run["state"], run["exit_code"]) == ("finished", 0)


@pytest.mark.parametrize(
    "script",
    [
        "import wandb\nwith wandb.init(id='r') as run:\n    raise ValueError('too bad')\n",
        "import wandb\nrun = wandb.init(id='r')\nraise ValueError('too bad')\n",
    ],
    ids=["inside with", "at the top"],
)
def test_an_exception_makes_the_run_failed_and_is_in_its_log(
    client: OfficialClient, runs: RunReader, script: str
) -> None:
    assert client.run_script(script, check=False).returncode != 0
    run = runs.get_run("r")
    assert run["state"] == "failed"
    assert run["exit_code"] not in (0, None)
    assert any("ValueError: too bad" in line for line in runs.list_logs("r"))


def test_stop_in_the_browser_interrupts_the_script(client: OfficialClient, runs: RunReader) -> None:
    started = client.start_script(LONG_RUN)
    try:
        runs.wait_for("r", lambda run: run["history_row_count"] > 0)
        runs.stop("r")
        output, _ = started.communicate(timeout=60)
    finally:
        kill_group(started)
        started.wait()
    assert started.returncode != 0
    assert "KeyboardInterrupt" in output
    run = runs.get_run("r")
    assert run["state"] == "killed"
    assert 0 < run["history_row_count"] < 600


def test_ctrl_c_ends_the_run_and_keeps_its_rows(client: OfficialClient, runs: RunReader) -> None:
    started = client.start_script(LONG_RUN)
    try:
        runs.wait_for("r", lambda run: run["history_row_count"] > 0)
        os.kill(started.pid, signal.SIGINT)
        started.communicate(timeout=60)
    finally:
        kill_group(started)
        started.wait()
    run = runs.get_run("r")
    assert run["state"] in ("failed", "killed")
    assert run["exit_code"] == 255
    assert [row["step"] for row in runs.list_history("r")] == list(range(run["history_row_count"]))


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_client_that_is_killed_is_whole_after_sync(
    client: OfficialClient, runs: RunReader, mode: str
) -> None:
    started = client.start_script(FAST_RUN, WANDB_MODE=mode)
    try:
        assert started.stdout is not None
        assert any("READY" in line for line in started.stdout)
        time.sleep(2)
    finally:
        kill_group(started)
        started.communicate()
    kind = "run" if mode == "online" else "offline-run"
    (directory,) = (client.home / "wandb").glob(f"{kind}-*-r")
    client.command("sync", "--include-online", str(directory))
    steps = [row["step"] for row in runs.list_history("r")]
    assert steps == list(range(len(steps)))
    # The client keeps its file in a buffer of its own: up to 32 kB of it die with the process.
    assert len(steps) >= FAST_RUN_ROWS - 400
    client.command("sync", "--include-online", "--include-synced", str(directory))
    assert [row["step"] for row in runs.list_history("r")] == steps


def test_a_run_whose_client_died_can_be_seen_running_with_its_rows(
    client: OfficialClient, runs: RunReader
) -> None:
    """It becomes crashed when its heartbeat has been silent for five minutes, not before."""
    started = client.start_script(LONG_RUN)
    try:
        runs.wait_for("r", lambda run: run["history_row_count"] > 10)
    finally:
        kill_group(started)
        started.communicate()
    run = runs.get_run("r")
    assert run["state"] in ("running", "crashed", "failed")
    assert run["history_row_count"] > 10


def test_many_runs_at_once_have_ids_and_rows_of_their_own(
    client: OfficialClient, runs: RunReader
) -> None:
    script = (
        "import sys, wandb\n"
        "with wandb.init() as run:\n"
        "    for step in range(20): run.log({'who': int(sys.argv[1]), 'i': step})\n"
    )
    started = [client.start_script(script, str(who)) for who in range(4)]
    for process in started:
        output, _ = process.communicate(timeout=180)
        assert process.returncode == 0, output[-2000:]
    names = [run["name"] for run in runs.list_runs()]
    assert len(set(names)) == 4
    found = [{row["who"] for row in runs.list_history(name)} for name in names]
    assert sorted(who for one in found for who in one) == [0, 1, 2, 3]
    assert all(len(runs.list_history(name)) == 20 for name in names)
