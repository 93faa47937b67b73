from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.sdk.capture.cgroup import Limits, find_limits


class Machine:
    """A /proc and a /sys/fs/cgroup made of files."""

    def __init__(self, root: Path) -> None:
        self.proc, self.groups = root / "proc", root / "sys fs/cgroup"
        (self.proc / "7").mkdir(parents=True)
        self._mounts: list[str] = []

    def mount(self, kind: str, options: str = "rw", *, at: str = "", root: str = "/") -> None:
        point = str(self.groups / at).replace(" ", "\\040").rstrip("/")
        number = 30 + len(self._mounts)
        line = f"{number} 24 0:26 {root} {point} rw,nosuid - {kind} {kind} {options}"
        self._mounts.append(line)
        (self.proc / "7/mountinfo").write_text(
            "\n".join(["24 1 8:1 / / rw - ext4 /dev/sda1 rw", *self._mounts]) + "\n"
        )

    def place(self, *lines: str, allowed: str = "0-7") -> None:
        (self.proc / "7/cgroup").write_text("".join(f"{line}\n" for line in lines))
        (self.proc / "7/status").write_text(f"Name:\tpython\nCpus_allowed_list:\t{allowed}\n")

    def write(self, path: str, text: str) -> None:
        file = self.groups / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def find(self, cpu_count: int = 8) -> Limits:
        return find_limits(7, proc=self.proc, cpu_count=cpu_count)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def assert_unlimited(found: Limits) -> None:
    assert (found.memory_bytes, found.cpus) == (None, None)
    assert (found.memory_dir, found.cpu_dir) == (None, None)


def test_a_machine_without_limits_has_none(machine: Machine) -> None:
    machine.mount("cgroup2")
    machine.place("0::/user.slice")
    machine.write("user.slice/memory.max", "max")
    machine.write("user.slice/cpu.max", "max 100000")
    assert_unlimited(machine.find())
    assert machine.find().read_memory_used() is None
    assert machine.find().read_throttling() is None
    assert machine.find().count_oom_kills() is None


def test_reads_limits_of_a_container(machine: Machine) -> None:
    """The container sees its own group as the root of the tree."""
    machine.mount("cgroup2", root="/kubepods/pod1/abc")
    machine.place("0::/kubepods/pod1/abc")
    machine.write("memory.max", "4294967296")
    machine.write("memory.current", "2000000000")
    machine.write("memory.stat", "anon 1\nfile 2\ninactive_file 500000000\nactive_file 3")
    machine.write("cpu.max", "150000 100000")
    machine.write("cpu.stat", "usage_usec 5\nnr_periods 200\nnr_throttled 50")
    machine.write("memory.events", "low 0\noom 3\noom_kill 2")
    found = machine.find()
    assert found.read_throttling() == (200, 50)
    assert found.count_oom_kills() == 2
    assert (found.memory_bytes, found.cpus) == (4 * 1024**3, 1.5)
    assert found.read_memory_used() == 1_500_000_000


def test_the_tightest_limit_above_counts(machine: Machine) -> None:
    """Slurm sets limits on the job; its tasks are two levels below."""
    machine.mount("cgroup2")
    machine.place("0::/system.slice/job_1/step_0/task_0")
    machine.write("system.slice/job_1/memory.max", "8000")
    machine.write("system.slice/job_1/memory.current", "500")
    machine.write("system.slice/memory.max", "9000")
    machine.write("system.slice/job_1/step_0/task_0/memory.max", "max")
    machine.write("system.slice/job_1/step_0/task_0/memory.current", "1")
    machine.write("system.slice/job_1/cpu.max", "400000 100000")
    machine.write("system.slice/job_1/step_0/cpu.max", "200000 100000")
    found = machine.find()
    assert (found.memory_bytes, found.cpus) == (8000, 2.0)
    assert found.read_memory_used() == 500


def test_reads_version_1(machine: Machine) -> None:
    machine.mount("cgroup", "rw,memory", at="memory")
    machine.mount("cgroup", "rw,cpu,cpuacct", at="cpu,cpuacct")
    machine.mount("cgroup2", at="unified")
    machine.place("4:memory:/docker/abc", "3:cpu,cpuacct:/docker/abc", "1:name=systemd:/", "0::/")
    machine.write("memory/docker/abc/memory.limit_in_bytes", "1000")
    machine.write("memory/docker/abc/memory.usage_in_bytes", "600")
    machine.write("memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file 100")
    machine.write("memory/memory.limit_in_bytes", "9223372036854771712")
    machine.write("cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "50000")
    machine.write("cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000")
    machine.write("cpu,cpuacct/cpu.cfs_quota_us", "-1")
    found = machine.find()
    assert (found.memory_bytes, found.cpus, found.is_v2) == (1000, 0.5, False)
    assert found.read_memory_used() == 500


@pytest.mark.parametrize(("allowed", "cpus"), [("0-7", None), ("0,2-3", 3.0), ("5", 1.0)])
def test_pinned_cpus_are_a_limit(machine: Machine, allowed: str, cpus: float | None) -> None:
    machine.mount("cgroup2")
    machine.place("0::/", allowed=allowed)
    assert machine.find().cpus == cpus


def test_a_group_outside_of_what_is_mounted_falls_back_to_its_root(machine: Machine) -> None:
    machine.mount("cgroup2")
    machine.place("0::/../../other")
    machine.write("memory.max", "77")
    assert machine.find().memory_bytes == 77


def test_what_cannot_be_read_is_no_limit(tmp_path: Path) -> None:
    assert_unlimited(find_limits(7, proc=tmp_path / "no proc", cpu_count=None))


def test_this_machine_can_be_asked() -> None:
    found = find_limits("self", cpu_count=1_000_000)
    assert found.cpus is None or found.cpus > 0
    assert found.memory_bytes is None or found.memory_bytes > 0
