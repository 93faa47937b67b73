"""What stands between a training and its server: proxies, disks, name servers, and people."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from steelyard.sdk.sender.care import RunCare
from steelyard.sdk.sender.folder import read_run_facts
from steelyard.testing.server import ThrowawayServer
from steelyard.wire import journal as wire
from tests.support.faulty_network import FaultyNetwork
from tests.support.journal_runs import make_folder, make_start
from tests.support.training import (
    SCRIPT,
    Trainee,
    get_run,
    is_sender,
    kill,
    read_rows,
    wait_until,
)


def test_a_long_command_line_does_not_keep_the_sender_from_its_work(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = f"import sys\nsys.argv += ['x' * 1000] * 300\n{SCRIPT}"
    trainee.run(20, script=script, TEST_RUN_ID="r")
    assert "is sent" in trainee.output
    assert read_rows(server, "r") == list(range(20))


def test_a_folder_that_is_removed_under_a_run_is_said_and_stops_nothing(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(300, 0.01, TEST_RUN_ID="r", WANDB_FINISH_TIMEOUT="5")
    trainee.wait_for_rows(50)
    shutil.rmtree(trainee.folders()[0])
    assert script.wait(60) == 0, trainee.output
    assert "was removed while it ran" in trainee.output
    assert "is sent" not in trainee.output


class SmallProxy(FaultyNetwork):
    """Takes no body beyond 100 kB, as nginx takes none beyond 1 MB."""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        size = int(request.headers.get("Content-Length") or 0)
        if size > 100_000:
            request.rfile.read(size)
            self.seen.append((request.command, request.path, "cut"))
            self._answer(request, 413, {"Content-Type": "text/html"}, b"<h1>413</h1>")
        else:
            super().handle(request)


def test_a_proxy_that_takes_small_bodies_gets_small_bodies(
    tmp_path: Path, server: ThrowawayServer
) -> None:
    script = (
        "import steelyard\n"
        "run = steelyard.init(project='faults', id='r')\n"
        "for i in range(2000): run.log({'i': i, 'text': 'x' * 300})\n"
        "run.finish()\n"
    )
    with SmallProxy(server.base_url, lambda *_: "none") as proxy:
        trainee = Trainee(tmp_path / "far", base_url=proxy.base_url, api_key=server.owner_key)
        try:
            trainee.run(0, script=script)
        finally:
            trainee.close()
        assert proxy.count("cut") > 0
    assert "is sent" in trainee.output
    assert read_rows(server, "r") == list(range(2000))


class Captive(FaultyNetwork):
    """While `is_shut`, answers in the server's place that this is not allowed."""

    is_shut = False

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        if self.is_shut:
            request.rfile.read(int(request.headers.get("Content-Length") or 0))
            self.seen.append((request.command, request.path, "cut"))
            self._answer(request, 400, {"Content-Type": "text/html"}, b"<h1>Log in first</h1>")
        else:
            super().handle(request)


def test_what_a_stranger_refuses_in_the_servers_place_is_tried_again(
    tmp_path: Path, server: ThrowawayServer
) -> None:
    network = Captive(server.base_url, lambda *_: "none")
    with network:
        trainee = Trainee(tmp_path / "far", base_url=network.base_url, api_key=server.owner_key)
        try:
            script = trainee.start(10_000, 0.01, TEST_RUN_ID="r")
            trainee.wait_for_rows(100)
            network.is_shut = True
            wait_until(lambda: network.count("cut") > 0)
            wait_until(lambda: trainee.status().get("state") == "refused")
            network.is_shut = False
            (trainee.home / "stop").touch()
            assert script.wait(60) == 0
        finally:
            trainee.close()
    assert "has ended and is sent" in trainee.output
    assert read_rows(server, "r") == list(range(trainee.logged_count()))


def test_files_that_an_earlier_sender_left_are_sent_though_its_journals_were(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(10, TEST_RUN_ID="first")
    folder = trainee.folders()[0]
    wait_until(lambda: trainee.status(folder).get("state") == "done")
    pid = int(trainee.status(folder)["pid"])
    wait_until(lambda: not is_sender(pid))
    (folder / "status.json").unlink()
    (folder / "files" / "late.txt").write_text("late")
    trainee.run(10, TEST_RUN_ID="second")
    wait_until(lambda: trainee.status(folder).get("state") == "done", timeout_s=20)
    path = "/api/v1/runs/-/faults/first/files/late.txt"
    assert server.request("GET", path).data == b"late"
    assert get_run(server, "first")["state"] == "finished"

    (folder / "files" / "later.txt").write_text("later")
    done = trainee.sync(str(folder), timeout_s=20)
    assert done.returncode == 0, done.stdout + done.stderr
    path = "/api/v1/runs/-/faults/first/files/later.txt"
    assert server.request("GET", path).data == b"later"


def test_a_key_that_was_mended_sends_what_an_earlier_sender_could_not(
    server: ThrowawayServer, trainee: Trainee
) -> None:
    trainee.run(50, TEST_RUN_ID="first", WANDB_API_KEY="f" * 40)
    folder = trainee.folders()[0]
    kill(trainee.sender_pid())
    trainee.run(10, TEST_RUN_ID="second")
    wait_until(lambda: trainee.status(folder).get("state") == "done", timeout_s=20)
    assert read_rows(server, "first") == list(range(50))


def test_a_name_server_that_never_answers_does_not_hold_up_init(trainee: Trainee) -> None:
    script = (
        "import socket, time\n"
        "socket.getaddrinfo = lambda *_, **__: time.sleep(600)\n"
        "import steelyard\n"
        "before = time.monotonic()\n"
        "run = steelyard.init(project='faults', id='r', resume='allow')\n"
        "print(f'init took {time.monotonic() - before:.1f} s')\n"
        "run.log({'i': 0})\n"
    )
    environ: dict[str, Any] = {"WANDB_INIT_TIMEOUT": "1", "WANDB_FINISH_TIMEOUT": "1"}
    trainee.start(0, script=script, WANDB_BASE_URL="http://nowhere.invalid", **environ).wait(60)
    assert "init took" in trainee.output
    assert "no answer within 1 s" in trainee.output


def test_a_child_that_is_gone_is_not_taken_for_who_has_its_pid_now(tmp_path: Path) -> None:
    folder, _ = make_folder(tmp_path)
    start = make_start("childjournal", role="fork", pid=os.getpid(), pid_started="1-1-1")
    record = wire.encode_json_record(wire.START, 0, 1, start)
    path = folder.journal_dir / "childjournal.0000000000000000.journal"
    path.write_bytes(record)
    facts = read_run_facts(str(folder.path))
    assert facts is not None
    os.utime(path, (time.time() - 7200,) * 2)
    care = RunCare(str(folder.path), facts)
    care.look(list_too=True)
    assert not care.has_forks()


def test_a_disk_that_is_full_at_init_has_the_run_kept_elsewhere(
    server: ThrowawayServer, trainee: Trainee, tmp_path: Path
) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        with (disk / "filler").open("wb", buffering=0) as filler:
            for size in (1 << 20, 4096):
                while filler.write(bytes(size)) == size:
                    if os.statvfs(disk).f_bavail == 0:
                        break
                if os.statvfs(disk).f_bavail == 0:
                    break
        spare = tmp_path / "spare"
        spare.mkdir()
        trainee.run(20, TEST_RUN_ID="r", WANDB_DIR=str(disk), TMPDIR=str(spare))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    assert "so this run is kept in" in trainee.output
    assert read_rows(server, "r") == list(range(20))


DAEMON = """
import os, sys, time
import steelyard
run = steelyard.init(project="faults", id="r")
run.log({"i": 0})
sys.stdout.flush()
for _ in range(2):
    if os.fork():
        os._exit(0)
    os.setsid()
for i in range(1, 40):
    run.log({"i": i}, step=i)
    time.sleep(0.05)
sys.exit(3 * bool(os.environ.get("TEST_FAILS")))
"""


@pytest.mark.parametrize(("fails", "state", "code"), [("", "finished", 0), ("1", "failed", 3)])
def test_a_process_that_becomes_a_daemon_ends_its_run_itself(
    fails: str, state: str, code: int, server: ThrowawayServer, trainee: Trainee
) -> None:
    assert trainee.start(0, script=DAEMON, TEST_FAILS=fails).wait(30) == 0
    wait_until(lambda: trainee.status().get("state") == "done")
    assert read_rows(server, "r") == list(range(40))
    run = get_run(server, "r")
    assert (run["state"], run["exit_code"]) == (state, code)
