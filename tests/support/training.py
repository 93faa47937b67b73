"""A training script of our own client, in a process that a test may kill, and what it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import clean_environ
from tests.support.run_reader import RunReader

PROJECT = "faults"
TIMEOUT_S = 90.0

# Logs rows {"i": n} until it has the number given, or the file `stop` exists; says how many.
SCRIPT = """
import os, sys, time
import steelyard
count, pause_s = int(sys.argv[1]), float(sys.argv[2])
run = steelyard.init(project="faults", id=os.environ.get("TEST_RUN_ID"), config={"lr": 0.1})
worst = 0.0
for i in range(count):
    before = time.perf_counter()
    run.log({"i": i, "half": i / 2})
    worst = max(worst, time.perf_counter() - before)
    print(f"logged {i + 1}", flush=True)
    if os.path.exists("stop"):
        break
    time.sleep(pause_s)
if os.environ.get("TEST_SLEEP"):
    time.sleep(float(os.environ["TEST_SLEEP"]))
before = time.perf_counter()
run.finish()
print(f"worst {worst * 1e6:.0f} us, finish {time.perf_counter() - before:.2f} s", flush=True)
"""


def wait_until(is_so: Callable[[], Any], *, timeout_s: float = TIMEOUT_S, why: str = "") -> Any:
    """What `is_so` says once that is true; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {why or is_so}"
        time.sleep(0.05)
    return found


class Trainee:
    """Scripts of one user in one home, against one server."""

    def __init__(self, home: Path, *, base_url: str = "", api_key: str = "") -> None:
        self.home = home
        self.environ = clean_environ(home, base_url=base_url, api_key=api_key) | {
            "WANDB_SILENT": "false",
            "WANDB__STATS_SAMPLING_INTERVAL": "1",
        }
        self._started: list[subprocess.Popen[str]] = []

    def start(
        self, count: int, pause_s: float = 0.0, *, script: str = SCRIPT, **environ: str
    ) -> subprocess.Popen[str]:
        """Start a script, leader of its own process group; its output goes to `output`."""
        with (self.home / "output").open("w") as output:
            started = subprocess.Popen(
                [sys.executable, "-c", script, str(count), str(pause_s)],
                cwd=self.home,
                env={**self.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._started.append(started)
        return started

    def run(self, count: int, pause_s: float = 0.0, **options: Any) -> str:
        """Run a script to its end; what it printed."""
        started = self.start(count, pause_s, **options)
        status = started.wait(TIMEOUT_S)
        assert status == 0, f"exit {status}\n{self.output}"
        return self.output

    @property
    def output(self) -> str:
        return (self.home / "output").read_text()

    def logged_count(self) -> int:
        """Rows whose log() has returned."""
        lines = [line for line in self.output.splitlines() if line.startswith("logged ")]
        return int(lines[-1].split()[1]) if lines else 0

    def wait_for_rows(self, count: int) -> None:
        wait_until(lambda: self.logged_count() >= count, why=f"{count} rows logged")

    def folders(self) -> list[Path]:
        """Run folders, oldest first."""
        found = [*(self.home / "steelyard").glob("*run-2*")]
        found.sort(key=lambda path: path.name.removeprefix("offline-")[4:19] + path.name)
        return found

    def status(self, folder: Path | None = None) -> dict[str, Any]:
        """What the sender, or a sync, said last; {} before."""
        try:
            path = (folder or self.folders()[-1]) / "status.json"
            value: dict[str, Any] = json.loads(path.read_text())
        except (FileNotFoundError, IndexError):
            return {}
        return value

    def sender_pid(self) -> int:
        return int(wait_until(lambda: self.status().get("pid"), why="a sender"))

    def sync(
        self, *arguments: str, timeout_s: float = TIMEOUT_S, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """`steelyard sync …` in the home."""
        return subprocess.run(
            [sys.executable, "-m", "steelyard", "sync", *arguments],
            cwd=self.home,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def close(self) -> None:
        """End scripts and senders that are left."""
        for started in self._started:
            if started.poll() is None:
                started.kill()
                started.wait()
        for folder in self.folders():
            pid = self.status(folder).get("pid")
            if pid and is_sender(pid):
                kill(pid)


def is_sender(pid: int) -> bool:
    try:
        return b"steelyard.sdk.sender" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def read_rows(server: ThrowawayServer, run: str, *, project: str = PROJECT) -> list[int]:
    """The values of `i` on the server, in the order of steps; each step checked to be its `i`."""
    rows = RunReader(server, project).list_history(run)
    for row in rows:
        assert row["_step"] == row["i"], row
    return [row["i"] for row in rows]


def get_run(server: ThrowawayServer, run: str, *, project: str = PROJECT) -> Mapping[str, Any]:
    return RunReader(server, project).get_run(run)
