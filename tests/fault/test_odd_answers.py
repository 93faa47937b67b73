"""Who answers in the server's place, and what happens around the end of a run."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.faulty_network import FaultyNetwork
from tests.support.training import Trainee, get_run, read_rows, wait_until

DISK_BYTES = 16 * 1024 * 1024


ODD_ANSWERS = {
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://far/\r\nContent-Length: 0\r\n\r\n",
    "too many requests": b"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "a page": b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<h1>Hello</h1>\r\n",
    "an empty page": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "another JSON": b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"items": [1]}',
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
    "no HTTP": bytes(range(256)),
    "a bad gateway": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
}


class Stranger(FaultyNetwork):
    """While `answer` is set, gives that to every request and asks no server."""

    answer: bytes | None = None

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        answer = self.answer
        if answer is None:
            super().handle(request)
            return
        request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.seen.append((request.command, request.path, "cut"))
        request.wfile.write(answer)
        request.close_connection = True


@pytest.mark.parametrize("answer", ODD_ANSWERS)
def test_whatever_answers_in_the_servers_place_costs_no_row(
    answer: str, tmp_path: Path, server: ThrowawayServer
) -> None:
    with Stranger(server.base_url, lambda *_: "none") as network:
        trainee = Trainee(tmp_path / "far", base_url=network.base_url, api_key=server.owner_key)
        try:
            script = trainee.start(10_000, 0.005, TEST_RUN_ID="r")
            trainee.wait_for_rows(20)
            network.answer = ODD_ANSWERS[answer]
            wait_until(lambda: network.count("cut"))
            network.answer = None  # the next try may be a minute away; the end tries at once
            (trainee.home / "stop").touch()
            assert script.wait(60) == 0, trainee.output
        finally:
            trainee.close()
    assert "has ended and is sent" in trainee.output, trainee.output[-1000:]
    assert read_rows(server, "r") == list(range(trainee.logged_count()))


FINISHING = """
import atexit, os, steelyard
run = steelyard.init(project="faults", id="r")
for i in range(50):
    run.log({"i": i})
while not os.path.exists("gone"):
    pass
if os.environ["TEST_WHERE"] == "finish":
    print("ending", flush=True)
    run.finish()
    print("not reached", flush=True)
elif os.environ["TEST_WHERE"] == "hook":
    @atexit.register
    def last_words():  # runs before ours, which was registered earlier
        print("ending", flush=True)
        while True:
            pass
else:
    print("ending", flush=True)
"""


@pytest.mark.parametrize("where", ["finish", "end", "hook"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_while_a_run_ends_costs_no_row(
    where: str, number: signal.Signals, server: ThrowawayServer, trainee: Trainee
) -> None:
    script = trainee.start(0, script=FINISHING, TEST_WHERE=where, WANDB_FINISH_TIMEOUT="10")
    wait_until(lambda: trainee.status().get("acknowledged"))
    server.kill()
    (trainee.home / "gone").touch()
    wait_until(lambda: "ending" in trainee.output)
    script.send_signal(number)
    assert script.wait(20) is not None
    server.start()
    wait_until(lambda: trainee.status().get("state") == "done", why=trainee.output)
    assert read_rows(server, "r") == list(range(50))
    assert get_run(server, "r")["state"] != "running"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An ext4 of its own, in a file."""
    image, mounted = tmp_path / "image", tmp_path / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    for command in (
        ["mkfs.ext4", "-q", str(image)],
        ["mount", "-o", "loop", str(image), str(mounted)],
    ):
        try:
            done = subprocess.run(command, capture_output=True)
        except FileNotFoundError:
            done = None
        if done is None or done.returncode:
            pytest.skip("this machine does not let us mount a disk of a file")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def test_a_disk_that_is_full_in_mid_run_delays_rows_and_loses_none(
    disk: Path, server: ThrowawayServer, trainee: Trainee, tmp_path: Path
) -> None:
    script = trainee.start(10_000, 0.002, TEST_RUN_ID="r", WANDB_DIR=str(disk))
    trainee.wait_for_rows(100)
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    wait_until(lambda: "waits in memory" in trainee.output, why=trainee.output)
    trainee.wait_for_rows(trainee.logged_count() + 200)
    filler.unlink()
    (trainee.home / "stop").touch()
    assert script.wait(60) == 0, trainee.output
    assert "has ended and is sent" in trainee.output
    assert read_rows(server, "r") == list(range(trainee.logged_count()))


def test_a_disk_that_becomes_read_only_in_mid_run_stops_no_training(
    disk: Path, server: ThrowawayServer, trainee: Trainee
) -> None:
    """As a kernel does with a disk that fails: what was on it is sent, the rest is counted."""
    script = trainee.start(
        10_000, 0.002, TEST_RUN_ID="r", WANDB_DIR=str(disk), WANDB_FINISH_TIMEOUT="5"
    )
    trainee.wait_for_rows(100)
    remount = ["mount", "-o", "remount,abort", str(disk)]
    subprocess.run(remount, capture_output=True)
    wait_until(lambda: "waits in memory" in trainee.output, why=trainee.output)
    before = trainee.logged_count()
    trainee.wait_for_rows(before + 100)
    (trainee.home / "stop").touch()
    assert script.wait(60) == 0, trainee.output
    assert "found no space on the disk and are lost" in trainee.output
    rows = read_rows(server, "r")
    assert rows == list(range(len(rows)))
    assert 100 <= len(rows) < trainee.logged_count()


def test_two_living_processes_of_one_id_both_write_and_what_they_say_twice_is_counted(
    server: ThrowawayServer, tmp_path: Path
) -> None:
    both = [
        Trainee(tmp_path / name, base_url=server.base_url, api_key=server.owner_key)
        for name in ("one", "two")
    ]
    try:
        first = both[0].start(300, 0.01, TEST_RUN_ID="r")
        both[0].wait_for_rows(50)
        assert both[1].run(100, 0.001, TEST_RUN_ID="r")
        assert first.wait(60) == 0, both[0].output
    finally:
        for each in both:
            each.close()
    assert read_rows(server, "r") == list(range(300))
    run = get_run(server, "r")
    assert run["state"] == "finished"
    assert run["overwritten_value_count"] == 100 * 2
