"""Samples of the machine for the system charts. Runs in the sender, every 15 seconds by default.

Names and meanings as wandb 0.31.0 has them (core/internal/monitor/system.go, and what its
wandb-symon was seen to send). Less obvious ones: `system.cpu` is the load that the process makes,
in percent of the CPUs it may use; `system.memory_percent` is that of the machine, or of the
container where it is limited; network and disks count from when the sampler was made.
`system.cpu_percent`, of the machine, is ours.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from steelyard import limits
from steelyard.sdk.capture import cgroup, switches
from steelyard.sdk.capture.gpu import Gpus, open_gpus
from steelyard.sdk.capture.open_metrics import OpenMetrics

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

MIB = 1024 * 1024
GIB = 1024 * MIB
INTERVAL_S_MIN = 0.05  # clocks of the kernel tick every 10 ms: load over less is noise
PSEUDO_DEVICES = ("loop", "ram", "zram")


class SystemSampler:
    """Watches the process `pid` and the machine around it.

    Counts and the load of the machine begin when it is made. The driver of a broken GPU may hold
    a call for seconds, so sample in a thread of its own. Not thread-safe.
    """

    def __init__(self, pid: int, settings: Mapping[str, Any]) -> None:
        """`settings` has the fields of `ClientSettings`; with statistics off, samples are empty."""
        self._pid = pid
        self._is_on = switches.may_sample(settings)
        self._settings = settings
        self._parts: tuple[Callable[[dict[str, float]], None], ...] = ()
        self._gpus: list[Gpus] = []
        if self._is_on:
            self._open(settings)

    def _open(self, settings: Mapping[str, Any]) -> None:
        import psutil  # type: ignore[import-untyped]  # no stubs

        self._psutil = psutil
        cpu_count = psutil.cpu_count() or 1
        self._limits = (
            cgroup.Limits()
            if settings.get("x_stats_no_cgroup")
            else cgroup.find_limits(self._pid, cpu_count=cpu_count)
        )
        # wandb 0.31.0: in percent of the physical cores, which two threads each can exceed.
        self._capacity = self._limits.cpus or psutil.cpu_count(logical=False) or cpu_count
        self._cpu_seconds: dict[tuple[int, float], float] = {}  # of each process, by its identity
        self._processes_at = self._cpu_at = time.monotonic()
        self._disk_paths = tuple(settings.get("x_stats_disk_paths") or ())
        self._disk_bytes = self._first_disk_counters()
        self._network_first = self._read_network()
        self._throttling = self._limits.read_throttling()
        self._oom_kills_first = self._limits.count_oom_kills()
        self._gpus = open_gpus(settings)
        self._scraped = OpenMetrics.from_settings(settings)
        self._parts = (
            *(self._sample_processes, self._sample_cpu, self._sample_memory),
            *(self._sample_disk_usage, self._sample_disk_traffic, self._sample_network),
            self._sample_container,
        )
        psutil.cpu_percent(None)
        self._tree_pids: set[int] = {self._pid}

    def close(self) -> None:
        """Let go of GPU drivers."""
        for gpus in self._gpus:
            gpus.close()
        self._gpus = []

    def sample(self) -> dict[str, float]:
        """{"system.cpu": 12.5, …}: what can be found now. Raises nothing for what cannot."""
        if not self._is_on:
            return {}
        found: dict[str, float] = {}
        for part in self._parts:
            try:
                part(found)
            except (self._psutil.Error, OSError, ValueError, NotImplementedError, RuntimeError):
                continue  # not on this platform, not for this user, or not right now
        for gpus in self._gpus:
            found |= gpus.sample(self._tree_pids)
        found |= self._scraped.sample()
        return {f"system.{name}": float(value) for name, value in found.items()}

    # ---- the process

    def _sample_processes(self, found: dict[str, float]) -> None:
        """Of the process, and with x_stats_track_process_tree of all below it.

        Load is what was used since the last sample; in the first one, since the process began.
        """
        psutil = self._psutil
        rss, threads, used_s, seconds = 0, 0, 0.0, dict[tuple[int, float], float]()
        for process in self._list_processes():
            try:
                with process.oneshot():
                    times, memory = process.cpu_times(), process.memory_info()
                    threads += process.num_threads()
                    identity = (process.pid, process.create_time())
            except psutil.Error:  # ended meanwhile, or not ours to look at
                continue
            rss += memory.rss
            seconds[identity] = times.user + times.system
            used_s += seconds[identity] - self._cpu_seconds.get(identity, 0.0)
        if not seconds:
            return
        now = time.monotonic()
        elapsed_s = now - self._processes_at
        if not self._cpu_seconds:
            elapsed_s = time.time() - min(began for _, began in seconds)
        if elapsed_s > INTERVAL_S_MIN:
            found["cpu"] = max(0.0, used_s / elapsed_s * 100 / self._capacity)
        self._cpu_seconds, self._processes_at = seconds, now
        found["proc.memory.rssMB"] = rss / MIB
        found["proc.cpu.threads"] = threads
        total = self._limits.memory_bytes or psutil.virtual_memory().total
        found["proc.memory.percent"] = rss / total * 100

    def _list_processes(self) -> list[Any]:
        """The processes to sample; also notes who may be using a GPU."""
        psutil = self._psutil
        self._tree_pids = {self._pid}
        try:
            root = psutil.Process(self._pid)
        except psutil.Error:
            return []
        is_tree = bool(self._settings.get("x_stats_track_process_tree"))
        if not is_tree and not self._gpus:
            return [root]
        try:
            below = root.children(recursive=True)[: limits.SAMPLED_PROCESSES_MAX]
        except psutil.Error:
            below = []
        self._tree_pids.update(process.pid for process in below)
        return [root, *below] if is_tree else [root]

    # ---- the machine

    def _sample_cpu(self, found: dict[str, float]) -> None:
        now = time.monotonic()
        if now > self._cpu_at + INTERVAL_S_MIN:
            found["cpu_percent"] = self._psutil.cpu_percent(None)
            self._cpu_at = now

    def _sample_memory(self, found: dict[str, float]) -> None:
        machine = self._psutil.virtual_memory()
        found["memory_percent"] = machine.percent
        found["proc.memory.availableMB"] = machine.available / MIB
        limit, used = self._limits.memory_bytes, self._limits.read_memory_used()
        if limit is not None and used is not None:
            found["memory_percent"] = used / limit * 100
            available = min(max(0, limit - used), machine.available)
            found["proc.memory.availableMB"] = available / MIB
        swap = self._psutil.swap_memory()
        if swap.total:
            found["swap.used_percent"] = swap.percent

    def _sample_disk_usage(self, found: dict[str, float]) -> None:
        for path in self._disk_paths:
            try:
                usage = self._psutil.disk_usage(path)
            except OSError:
                continue
            found[f"disk.{path}.usagePercent"] = usage.percent
            found[f"disk.{path}.usageGB"] = usage.used / GIB

    def _sample_disk_traffic(self, found: dict[str, float]) -> None:
        if not self._disk_bytes:
            return
        counters = self._psutil.disk_io_counters(perdisk=True)
        for device, (read, written) in self._disk_bytes.items():
            now = counters.get(device)
            if now is not None:
                found[f"disk.{device}.in"] = max(0, now.read_bytes - read) / MIB
                found[f"disk.{device}.out"] = max(0, now.write_bytes - written) / MIB

    def _sample_container(self, found: dict[str, float]) -> None:
        """How often limits were felt: waits for CPU since the last sample, kills since we look."""
        throttling, before = self._limits.read_throttling(), self._throttling
        if throttling and before and throttling[0] > before[0]:
            waited, periods = throttling[1] - before[1], throttling[0] - before[0]
            found["proc.cpu.throttledPercent"] = max(0.0, waited / periods * 100)
        self._throttling = throttling
        kills = self._limits.count_oom_kills()
        if kills is not None:
            found["proc.memory.oomKills"] = max(0, kills - (self._oom_kills_first or 0))

    def _sample_network(self, found: dict[str, float]) -> None:
        for name, count in self._read_network().items():
            found[f"network.{name}"] = max(0, count - self._network_first.get(name, 0))

    def _read_network(self) -> dict[str, int]:
        """Counts of this machine since it started: bytes, and segments that TCP had to repeat.

        Not what stays on the machine, and nothing twice: a bond counts, its parts do not.
        """
        try:
            by_name = self._psutil.net_io_counters(pernic=True)
        except (OSError, self._psutil.Error, RuntimeError):
            return {}
        counted = [
            counters
            for name, counters in by_name.items()
            if not name.startswith("lo") and not Path("/sys/class/net", name, "master").exists()
        ]
        found = {
            "sent": sum(counters.bytes_sent for counters in counted),
            "recv": sum(counters.bytes_recv for counters in counted),
        }
        repeated = _count_tcp_retransmits()
        return found if repeated is None else {**found, "tcpRetransmits": repeated}

    def _first_disk_counters(self) -> dict[str, tuple[int, int]]:
        """Bytes read and written so far of the devices behind the paths; of all disks, if the
        paths lie on none (an overlay in a container)."""
        try:
            counters = self._psutil.disk_io_counters(perdisk=True) or {}
        except (OSError, self._psutil.Error, RuntimeError, NotImplementedError):
            return {}
        behind = {_find_device(path) for path in self._disk_paths}
        devices = {name for name in counters if name in behind}
        if not devices and self._disk_paths:
            devices = {name for name in counters if _is_whole_disk(name)}
        return {
            name: (counters[name].read_bytes, counters[name].write_bytes)
            for name in sorted(devices)[: limits.SAMPLED_DISKS_MAX]
        }


def _count_tcp_retransmits(file: Path = Path("/proc/net/snmp")) -> int | None:
    """RetransSegs of the Tcp lines: one of names, one of values."""
    lines = [line.split() for line in cgroup.read_text(file).splitlines()]
    tables = [line for line in lines if line[:1] == ["Tcp:"]]
    if len(tables) != 2 or "RetransSegs" not in tables[0]:
        return None
    return int(tables[1][tables[0].index("RetransSegs")])


def _find_device(path: str) -> str | None:
    """Name of the block device that holds the path, as in /proc/diskstats."""
    try:
        number = Path(path).stat().st_dev
        return Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").readlink().name
    except OSError:
        return None


def _is_whole_disk(name: str) -> bool:
    """Not a partition, whose traffic is that of its disk, and not made of memory or a file."""
    return Path("/sys/block", name).exists() and not name.startswith(PSEUDO_DEVICES)
