from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.sdk.capture.system import SystemSampler

BUSY = "import time\nprint('ready', flush=True)\nwhile True: pass\n"
PARENT = (
    "import subprocess, sys\n"
    f"child = subprocess.Popen([sys.executable, '-c', {BUSY!r}])\n"
    "sys.stdin.read()\nchild.kill(); child.wait()\n"
)


def burn(seconds: float) -> None:
    """Use a CPU for that long."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@pytest.fixture
def busy_parent() -> Iterator[subprocess.Popen[str]]:
    """A process that sleeps, with a child that uses a CPU."""
    command = [sys.executable, "-c", PARENT]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"  # of the child
    yield process
    process.stdin.close()
    process.stdout.close()
    process.wait(60)


def test_a_sample_has_what_the_official_client_has() -> None:
    sampler = SystemSampler(os.getpid(), {"x_stats_disk_paths": ("/",)})
    burn(0.2)
    sample = sampler.sample()
    sampler.close()
    assert {
        *("system.cpu", "system.memory_percent", "system.proc.memory.availableMB"),
        *("system.proc.memory.rssMB", "system.proc.memory.percent", "system.proc.cpu.threads"),
        *("system.disk./.usagePercent", "system.disk./.usageGB"),
        *("system.network.sent", "system.network.recv", "system.cpu_percent"),
        "system.network.tcpRetransmits",
    } <= set(sample)
    assert all(type(value) is float and math.isfinite(value) for value in sample.values())
    assert all(value >= 0 for value in sample.values())
    assert 0 < sample["system.memory_percent"] <= 100
    assert sample["system.proc.memory.rssMB"] > 1


def test_the_load_of_the_process_is_that_since_the_last_sample() -> None:
    sampler = SystemSampler(os.getpid(), {})
    assert sampler.sample()["system.cpu"] > 0  # since the process began
    burn(0.3)
    assert sampler.sample()["system.cpu"] > 0


def test_a_load_over_no_time_is_not_told() -> None:
    sampler = SystemSampler(os.getpid(), {})
    for _ in range(20):  # until two samples lie close together on a busy machine
        sampler.sample()
        began = time.monotonic()
        sample = sampler.sample()
        if time.monotonic() - began < 0.02:
            assert "system.cpu" not in sample
            return


def test_children_count_when_asked_for(busy_parent: subprocess.Popen[str]) -> None:
    alone = SystemSampler(busy_parent.pid, {})
    tree = SystemSampler(busy_parent.pid, {"x_stats_track_process_tree": True})
    alone.sample()  # the first one counts the start of the interpreter
    whole = tree.sample()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # until the child had a CPU
        time.sleep(0.1)
        whole = tree.sample()
        if whole["system.cpu"] >= 1:
            break
    one = alone.sample()
    assert whole["system.cpu"] >= 1
    assert whole["system.proc.cpu.threads"] > one["system.proc.cpu.threads"]
    assert whole["system.proc.memory.rssMB"] > one["system.proc.memory.rssMB"]
    assert one["system.cpu"] == 0


def test_a_process_that_is_gone_leaves_the_machine() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    sampler = SystemSampler(process.pid, {"x_stats_track_process_tree": True})
    process.wait(60)
    sample = sampler.sample()
    assert "system.proc.memory.rssMB" not in sample
    assert "system.memory_percent" in sample


def test_paths_that_are_no_disks_are_left_out(tmp_path: Path) -> None:
    paths = (str(tmp_path / "gone"), str(tmp_path))
    sample = SystemSampler(os.getpid(), {"x_stats_disk_paths": paths}).sample()
    assert f"system.disk.{tmp_path}.usageGB" in sample
    assert f"system.disk.{tmp_path / 'gone'}.usageGB" not in sample


@pytest.mark.parametrize("switch", ["x_disable_stats", "x_disable_machine_info"])
def test_samples_can_be_switched_off(switch: str) -> None:
    sampler = SystemSampler(os.getpid(), {switch: True, "x_stats_disk_paths": ("/",)})
    assert sampler.sample() == {}
    sampler.close()


def test_an_endpoint_that_does_not_answer_is_no_fault() -> None:
    endpoints = {"x_stats_open_metrics_endpoints": {"gone": "http://127.0.0.1:1/metrics"}}
    assert "system.memory_percent" in SystemSampler(os.getpid(), endpoints).sample()


def test_limits_of_the_container_can_be_left_out_of_it() -> None:
    sample = SystemSampler(os.getpid(), {"x_stats_no_cgroup": True}).sample()
    assert 0 < sample["system.memory_percent"] <= 100
