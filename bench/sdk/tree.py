"""A command and everything it starts: what the whole tree costs, orphans included.

    python -m bench.sdk.tree '{"command": […], "environ": {…}, "cwd": …, "output": FILE}'

This process becomes the reaper of all its descendants, so that a helper which leaves its parent
(a daemon, a sender that outlives a killed training) is still waited for and its CPU counted.
Prints one JSON object:

    status       exit status of the command; negative: the signal that ended it
    main_wall_s  until the command ended          wall_s       until the last descendant ended
    cpu_s        user and system time of all      peak_rss_mb  highest sum of resident memory
    samples      [[seconds by the monotonic clock, MB]], when asked for
    leftovers    how many had to be killed after `grace_s`
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
POLL_S = 0.005
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def list_descendants(root: int) -> list[int]:
    """Processes below `root`, by the parents in /proc."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                stat = Path(entry.path, "stat").read_text()
            except OSError:
                continue  # ended meanwhile
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def resident_mb(pids: list[int]) -> float:
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * PAGE_BYTES / 1e6


class Tree:
    """The running command. `wait` returns the account."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.grace_s: float = spec.get("grace_s", 30)
        self.timeout_s: float = spec.get("timeout_s", 600)
        self.sample_s: float = spec.get("sample_s", 0.1)
        self.keeps_samples: bool = spec.get("keeps_samples", False)
        self.kills_tree: bool = spec.get("kills_tree", False)
        self.samples: list[tuple[float, float]] = []
        self.status: int | None = None
        self.main_wall_s: float | None = None
        self.leftovers: set[int] = set()
        self.started = time.monotonic()
        with Path(spec["output"]).open("ab") as output:
            self.main = subprocess.Popen(
                spec["command"],
                env=spec["environ"],
                cwd=spec["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> dict[str, Any]:
        sample_at = self.started
        while self.reap():
            now = time.monotonic()
            if now >= sample_at:
                self.samples.append((now, resident_mb(list_descendants(os.getpid()))))
                sample_at = now + self.sample_s
            if now > self.deadline():
                self.leftovers.update(self.kill())
            time.sleep(POLL_S)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "status": self.status,
            "main_wall_s": self.main_wall_s,
            "wall_s": time.monotonic() - self.started,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_rss_mb": max(mb for _, mb in self.samples),
            "samples": self.samples if self.keeps_samples else [],
            "leftovers": len(self.leftovers),
        }

    def reap(self) -> bool:
        """Take note of who has ended; whether anybody lives."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.main.pid:
                    self.status = self.main.returncode = os.waitstatus_to_exitcode(status)
                    self.main_wall_s = time.monotonic() - self.started
                    if self.kills_tree:
                        self.kill()
        except ChildProcessError:
            return False

    def deadline(self) -> float:
        if self.main_wall_s is None:
            return self.started + self.timeout_s
        return self.started + self.main_wall_s + self.grace_s

    def kill(self) -> list[int]:
        """SIGKILL for every descendant."""
        pids = list_descendants(os.getpid())
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return pids


def main() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    print(json.dumps(Tree(json.loads(sys.argv[1])).wait()))


if __name__ == "__main__":
    main()
