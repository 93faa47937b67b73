"""Servers, senders and processes that die at the worst time: nothing lost, nothing twice."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

from steelyard.testing.server import ThrowawayServer
from tests.support.faulty_network import Fault, FaultyNetwork
from tests.support.run_reader import RunReader
from tests.support.training import PROJECT, Trainee, get_run, is_sender, kill, read_rows, wait_until


def wait_for_end(trainee: Trainee, *, state: str = "done") -> None:
    """The sender has said that state and is gone."""
    pid = trainee.sender_pid()
    wait_until(
        lambda: trainee.status().get("state") == state and not is_sender(pid),
        why=f"{trainee.status()}",
    )


def test_a_run_begins_without_its_server_and_arrives_when_that_comes(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    server.kill()
    script = trainee.start(400, 0.01, TEST_RUN_ID="r")
    trainee.wait_for_rows(100)
    server.start()
    assert script.wait(90) == 0, trainee.output
    wait_for_end(trainee)
    assert read_rows(server, "r") == list(range(400))
    assert get_run(server, "r")["state"] == "finished"


def test_a_server_that_is_killed_and_comes_back_has_every_row_once(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(600, 0.01, TEST_RUN_ID="r")
    for rows in (100, 300):
        trainee.wait_for_rows(rows)
        server.kill()
        server.start()
    assert script.wait(90) == 0, trainee.output
    wait_for_end(trainee)
    assert read_rows(server, "r") == list(range(600))


def test_finish_is_bounded_and_the_sender_sends_the_rest_afterwards(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(200, 0.01, TEST_RUN_ID="r", WANDB_FINISH_TIMEOUT="1")
    trainee.wait_for_rows(150)
    server.kill()
    assert script.wait(30) == 0, trainee.output
    assert "Not sent in time" in trainee.output
    assert "steelyard sync" in trainee.output
    server.start()
    wait_for_end(trainee)
    assert read_rows(server, "r") == list(range(200))
    assert get_run(server, "r")["state"] == "finished"


def test_a_killed_sender_is_started_again_and_goes_on_where_it_was(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(500, 0.01, TEST_RUN_ID="r")
    for rows in (100, 250):
        trainee.wait_for_rows(rows)
        killed = trainee.sender_pid()
        kill(killed)
        wait_until(lambda old=killed: trainee.status().get("pid") != old)
    assert script.wait(90) == 0, trainee.output
    wait_for_end(trainee)
    assert read_rows(server, "r") == list(range(500))
    assert get_run(server, "r")["state"] == "finished"


def test_a_killed_process_loses_nothing_that_log_returned_from(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(10_000, 0.001, TEST_RUN_ID="r")
    trainee.wait_for_rows(300)
    script.kill()
    script.wait()
    logged = trainee.logged_count()
    wait_for_end(trainee)
    rows = read_rows(server, "r")
    assert rows == list(range(len(rows)))
    assert len(rows) >= logged
    run = get_run(server, "r")
    assert (run["state"], run["exit_code"]) == ("crashed", 255)


def test_a_killed_tree_is_complete_after_a_sync_and_one_run_after_two(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(10_000, 0.001, TEST_RUN_ID="r")
    trainee.wait_for_rows(300)
    pid = trainee.sender_pid()
    script.kill()
    kill(pid)
    script.wait()
    logged = trainee.logged_count()
    for _ in range(2):
        done = trainee.sync()
        assert done.returncode == 0, done.stdout + done.stderr
    rows = read_rows(server, "r")
    assert rows == list(range(len(rows)))
    assert len(rows) >= logged
    assert get_run(server, "r")["state"] == "crashed"
    assert len(RunReader(server, PROJECT).list_runs()) == 1


def test_a_key_that_the_server_does_not_know_stops_nothing_and_sync_mends_it(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(50, 0.01, TEST_RUN_ID="r", WANDB_API_KEY="f" * 40)
    assert "does not know the API key" in trainee.output
    assert "WANDB_API_KEY" in trainee.output
    kill(trainee.sender_pid())
    done = trainee.sync(WANDB_API_KEY="f" * 40)
    assert done.returncode == 1
    assert "does not know the API key" in done.stdout
    done = trainee.sync()
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(server, "r") == list(range(50))


def test_an_address_that_swallows_everything_never_reaches_the_training(
    tmp_path: Path, server: ThrowawayServer
) -> None:
    with socket.socket() as black_hole:  # takes connections, and never says a word
        black_hole.bind(("127.0.0.1", 0))
        black_hole.listen(64)
        url = f"http://127.0.0.1:{black_hole.getsockname()[1]}"
        trainee = Trainee(tmp_path / "far", base_url=url, api_key=server.owner_key)
        try:
            output = trainee.run(300, 0.001, TEST_RUN_ID="r", WANDB_FINISH_TIMEOUT="1")
        finally:
            trainee.close()
    assert "Not sent in time" in output
    print(re.findall("worst.*", output))  # how long the slowest log() took, for a reader
    done = trainee.sync(str(trainee.folders()[0]), WANDB_BASE_URL=server.base_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(server, "r") == list(range(300))


def test_requests_that_arrive_twice_or_whose_answers_are_lost_count_once(
    tmp_path: Path, server: ThrowawayServer
) -> None:
    faults: tuple[Fault, ...] = ("answer lost", "none", "503", "none", "cut", "none", "none")
    asked = 0

    def choose(method: str, path: str, before: int) -> Fault:
        nonlocal asked
        asked += 1
        return faults[asked % len(faults)]

    with FaultyNetwork(server.base_url, choose) as network:
        trainee = Trainee(tmp_path / "home2", base_url=network.base_url, api_key=server.owner_key)
        try:
            trainee.start(400, 0.01, TEST_RUN_ID="r").wait(90)
            wait_for_end(trainee)
        finally:
            trainee.close()
        assert network.count("answer lost") > 0
    assert read_rows(server, "r") == list(range(400))
    assert get_run(server, "r")["overwritten_value_count"] == 0


def test_two_senders_of_one_folder_send_it_once(server: ThrowawayServer, trainee: Trainee) -> None:
    second = """
import sys, time
from pathlib import Path
from steelyard.sdk.session import get_session
from steelyard.sdk.sender.launch import get_sender
sender = get_sender(get_session().load_settings({}).settings)
sender.watch(Path(sys.argv[1]))
time.sleep(600)
"""
    script = trainee.start(300, 0.02, TEST_RUN_ID="r")
    trainee.wait_for_rows(20)
    folder = trainee.folders()[0]
    output = (trainee.home / "output").read_text()
    rival = trainee.start(0, script=second.replace("sys.argv[1]", repr(str(folder))))
    assert script.wait(90) == 0, output
    wait_for_end(trainee)
    rival.kill()
    assert "another sender has this folder" in (folder / "logs" / "sender.log").read_text()
    assert read_rows(server, "r") == list(range(300))


def test_the_next_run_sends_what_an_earlier_sender_did_not_get_to(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(200, 0.001, TEST_RUN_ID="first", WANDB_FINISH_TIMEOUT="1")
    trainee.wait_for_rows(10)
    server.kill()
    script.wait(30)
    kill(trainee.sender_pid())
    server.start()
    trainee.run(10, TEST_RUN_ID="second")
    folder = trainee.folders()[0]
    wait_until(lambda: trainee.status(folder).get("state") == "done")
    assert read_rows(server, "first") == list(range(200))
    assert read_rows(server, "second") == list(range(10))


def test_a_run_that_was_deleted_on_the_server_is_not_made_again(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(10_000, 0.01, TEST_RUN_ID="r")
    reader = RunReader(server, PROJECT)
    reader.wait_for("r", lambda run: run["history_row_count"] > 0)
    path = f"/api/v1/{reader.entity}/{PROJECT}/runs/r"
    assert server.request("DELETE", path).status < 300
    wait_until(lambda: trainee.status().get("state") == "deleted")
    (trainee.home / "stop").touch()
    assert script.wait(30) == 0
    assert "deleted" in trainee.output
    assert server.request("GET", path).status == 404
    done = trainee.sync("--from-start")
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(server, "r") == list(range(trainee.logged_count()))


def test_an_id_that_is_taken_is_refused_in_the_words_of_the_server_and_kept(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(5, TEST_RUN_ID="r")
    server.kill()  # so that init() cannot ask, and the sender hears it later
    script = trainee.start(
        50, 0.02, TEST_RUN_ID="r", WANDB_RESUME="never", WANDB_FINISH_TIMEOUT="30"
    )
    trainee.wait_for_rows(1)
    server.start()
    assert script.wait(60) == 0, trainee.output
    assert "is not sent" in trainee.output
    assert read_rows(server, "r") == list(range(5))
    done = trainee.sync("--id", "other", str(trainee.folders()[-1]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_rows(server, "other") == list(range(50))


def test_the_stop_button_interrupts_the_script(server: ThrowawayServer, trainee: Trainee) -> None:
    script = trainee.start(10_000, 0.01, TEST_RUN_ID="r")
    reader = RunReader(server, PROJECT)
    reader.wait_for("r", lambda run: run["history_row_count"] > 0)
    reader.stop("r")
    assert script.wait(90) != 0
    assert "KeyboardInterrupt" in trainee.output
    assert "was stopped" in trainee.output


def test_a_script_that_ends_while_its_sender_is_stopped_does_not_hang(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(100, 0.01, TEST_RUN_ID="r", WANDB_FINISH_TIMEOUT="1")
    pid = trainee.sender_pid()
    os.kill(pid, signal.SIGSTOP)
    assert script.wait(30) == 0, trainee.output
    os.kill(pid, signal.SIGCONT)
    wait_for_end(trainee)
    assert read_rows(server, "r") == list(range(100))
