"""Telling whether the process of a run folder still runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from steelyard.sdk.sender.process import describe_start, is_running


def test_this_process_runs_and_a_pid_alone_is_not_enough() -> None:
    started = describe_start(os.getpid())
    assert started
    assert started == describe_start(os.getpid())
    assert is_running(os.getpid(), started)
    assert is_running(os.getpid(), "")
    place, _, ticks = started.rpartition("-")
    assert is_running(os.getpid(), f"{place}-{int(ticks) + 1}") is False, "the pid was used again"


def test_a_process_that_has_ended_does_not_run_even_before_it_is_waited_for() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = describe_start(child.pid)
    assert is_running(child.pid, started)
    assert child.stdin is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
    assert is_running(child.pid, started) is False
    child.wait()
    child.stdin.close()
    assert is_running(child.pid, started) is False
    assert describe_start(child.pid) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux names the boot")
def test_of_another_machine_nobody_can_tell() -> None:
    ticks = describe_start(os.getpid()).rpartition("-")[2]
    assert is_running(os.getpid(), f"0badb007-1-{ticks}") is None
